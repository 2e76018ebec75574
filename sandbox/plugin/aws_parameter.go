package plugin

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"skysail/internal/tfplugin"
)

const awsOneRegion = "The stand-in serves the region of its provider block."

func awsParameterSource() *tfplugin.DataSource[*awsCloud] {
	return &tfplugin.DataSource[*awsCloud]{
		Refused: map[string]string{"region": awsOneRegion},
		Read:    readParameter,
	}
}

func readParameter(ctx context.Context, client *awsCloud, d *tfplugin.Data) error {
	decrypt := !d.Config.IsSet("with_decryption") || d.Config.Bool("with_decryption")
	name := d.String("name")
	out, err := client.getParameter(ctx, &ssm.GetParameterInput{Name: &name, WithDecryption: &decrypt})
	if awsMissing(err, "ParameterNotFound") {
		return worded(errCouldNotFind, "reading SSM Parameter (%s)", name)
	}
	if err != nil {
		return worded(err, "reading SSM Parameter (%s)", name)
	}
	p := out.Parameter
	d.Set("id", *p.Name)
	d.Set("arn", *p.ARN)
	d.Set("region", client.region)
	d.Set("type", string(p.Type))
	d.Set("value", *p.Value)
	d.Set("version", p.Version)
	if p.Type != types.ParameterTypeSecureString {
		d.Set("insecure_value", *p.Value)
	}
	return nil
}
