package plugin

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"skysail/internal/tfplugin"
)

// errCouldNotFind is how the real provider says that a look-up was empty.
var errCouldNotFind = errors.New("couldn't find resource")

func awsKeyResource() *tfplugin.Resource[*awsCloud] {
	return &tfplugin.Resource[*awsCloud]{
		ForceNew: []string{"key_name", "public_key"},
		Refused: map[string]string{
			"key_name_prefix": "Name the key: what makes it is found by its name.",
			"region":          awsOneRegion,
			"id":              "The ID is the name.",
		},
		StateFuncs: map[string]func(string) string{"public_key": strings.TrimSpace},
		Validate: func(c tfplugin.Object) error {
			if c.IsKnown("key_name") && c.String("key_name") == "" {
				return &tfplugin.Problem{Summary: "key_name must be set", Attribute: "key_name"}
			}
			return nil
		},
		Plan:   planTags,
		Create: createAWSKey,
		Read:   readAWSKey,
		Update: func(ctx context.Context, client *awsCloud, d *tfplugin.Data) error {
			if err := changeTags(ctx, client, d, d.String("key_pair_id")); err != nil {
				return worded(err, "updating EC2 Key Pair (%s)", d.ID())
			}
			return readAWSKey(ctx, client, d)
		},
		Delete: func(ctx context.Context, client *awsCloud, d *tfplugin.Data) error {
			name := d.ID()
			if _, err := client.DeleteKeyPair(ctx, &ec2.DeleteKeyPairInput{KeyName: &name}); err != nil {
				return worded(err, "deleting EC2 Key Pair (%s)", name)
			}
			return nil
		},
	}
}

func createAWSKey(ctx context.Context, client *awsCloud, d *tfplugin.Data) error {
	post, cancel := tfplugin.Grace(ctx, createGrace)
	defer cancel()
	name := d.String("key_name")
	out, err := client.ImportKeyPair(post, &ec2.ImportKeyPairInput{
		KeyName: &name, PublicKeyMaterial: []byte(d.String("public_key")),
		TagSpecifications: tagSpecification(types.ResourceTypeKeyPair, d.StringMap("tags")),
	})
	if err != nil {
		return worded(err, "importing EC2 Key Pair (%s)", name)
	}
	d.SetID(*out.KeyName)
	return readAWSKey(post, client, d)
}

func readAWSKey(ctx context.Context, client *awsCloud, d *tfplugin.Data) error {
	out, err := client.DescribeKeyPairs(ctx, &ec2.DescribeKeyPairsInput{KeyNames: []string{d.ID()}})
	if awsMissing(err, "InvalidKeyPair.NotFound") || (err == nil && len(out.KeyPairs) == 0) {
		d.Gone()
		return nil
	}
	if err != nil {
		return worded(err, "reading EC2 Key Pair (%s)", d.ID())
	}
	k := out.KeyPairs[0]
	d.Set("key_name", *k.KeyName)
	d.Set("key_pair_id", *k.KeyPairId)
	d.Set("key_type", string(k.KeyType))
	d.Set("fingerprint", *k.KeyFingerprint)
	d.Set("arn", client.arn("key-pair/"+*k.KeyName))
	d.Set("region", client.region)
	setTags(d, k.Tags)
	return nil
}
