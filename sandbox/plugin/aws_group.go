package plugin

import (
	"context"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"skysail/internal/tfplugin"
)

// awsGroupDeleteTimeout is the real provider's default: a group that guards
// something is tried again so long.
const awsGroupDeleteTimeout = 15 * time.Minute

func awsGroupResource() *tfplugin.Resource[*awsCloud] {
	const inline = "Rules are resources of their own: aws_vpc_security_group_ingress_rule and aws_vpc_security_group_egress_rule."
	return &tfplugin.Resource[*awsCloud]{
		ForceNew: []string{"name", "description", "vpc_id"},
		Defaults: map[string]any{"description": "Managed by Terraform", "revoke_rules_on_delete": false},
		Refused: map[string]string{
			"ingress":                inline,
			"egress":                 inline,
			"name_prefix":            "Name the group: what makes it is found by its name.",
			"revoke_rules_on_delete": "No other group of the simulated AWS needs it.",
			"region":                 awsOneRegion,
			"id":                     "The API chooses the ID.",
		},
		Validate: func(c tfplugin.Object) error {
			if c.IsKnown("name") && c.String("name") == "" {
				return &tfplugin.Problem{Summary: "name must be set", Attribute: "name"}
			}
			return nil
		},
		Plan:   planTags,
		Create: createAWSGroup,
		Read:   readAWSGroup,
		Update: func(ctx context.Context, client *awsCloud, d *tfplugin.Data) error {
			if err := changeTags(ctx, client, d, d.ID()); err != nil {
				return worded(err, "updating Security Group (%s)", d.ID())
			}
			return readAWSGroup(ctx, client, d)
		},
		Delete: deleteAWSGroup,
	}
}

func createAWSGroup(ctx context.Context, client *awsCloud, d *tfplugin.Data) error {
	post, cancel := tfplugin.Grace(ctx, createGrace)
	defer cancel()
	name, description := d.String("name"), d.String("description")
	in := &ec2.CreateSecurityGroupInput{
		GroupName: &name, Description: &description,
		TagSpecifications: tagSpecification(types.ResourceTypeSecurityGroup, d.StringMap("tags")),
	}
	if vpc := d.String("vpc_id"); vpc != "" {
		in.VpcId = &vpc
	}
	out, err := client.CreateSecurityGroup(post, in)
	if err != nil {
		return worded(err, "creating Security Group (%s)", name)
	}
	d.SetID(*out.GroupId)
	// AWS lets every group out to everywhere; Terraform takes that away, so
	// that what is in the configuration is what is in force.
	everything := func(p types.IpPermission) *ec2.RevokeSecurityGroupEgressInput {
		p.IpProtocol = awssdk.String("-1")
		return &ec2.RevokeSecurityGroupEgressInput{GroupId: out.GroupId, IpPermissions: []types.IpPermission{p}}
	}
	_, err = client.RevokeSecurityGroupEgress(post, everything(types.IpPermission{
		FromPort: awssdk.Int32(0), ToPort: awssdk.Int32(0), IpRanges: []types.IpRange{{CidrIp: awssdk.String("0.0.0.0/0")}},
	}))
	if err != nil {
		return worded(err, "revoking default IPv4 egress rule for Security Group (%s)", d.ID())
	}
	_, err = client.RevokeSecurityGroupEgress(post, everything(types.IpPermission{
		FromPort: awssdk.Int32(0), ToPort: awssdk.Int32(0), Ipv6Ranges: []types.Ipv6Range{{CidrIpv6: awssdk.String("::/0")}},
	}))
	if err != nil && !awsMissing(err, "InvalidPermission.NotFound", "InvalidParameterValue") {
		return worded(err, "revoking default IPv6 egress rule for Security Group (%s)", d.ID())
	}
	return readAWSGroup(post, client, d)
}

func readAWSGroup(ctx context.Context, client *awsCloud, d *tfplugin.Data) error {
	out, err := client.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{d.ID()}})
	if awsMissing(err, "InvalidGroup.NotFound") || (err == nil && len(out.SecurityGroups) == 0) {
		d.Gone()
		return nil
	}
	if err != nil {
		return worded(err, "reading Security Group (%s)", d.ID())
	}
	g := out.SecurityGroups[0]
	d.Set("name", *g.GroupName)
	d.Set("description", *g.Description)
	d.Set("vpc_id", *g.VpcId)
	d.Set("owner_id", *g.OwnerId)
	d.Set("arn", awssdk.ToString(g.SecurityGroupArn))
	d.Set("region", client.region)
	d.Set("ingress", permissionSet(g.IpPermissions, d.ID()))
	d.Set("egress", permissionSet(g.IpPermissionsEgress, d.ID()))
	setTags(d, g.Tags)
	return nil
}

// permission is one element of ingress and egress.
type permission struct {
	CIDRs       []string `cty:"cidr_blocks"`
	Description string   `cty:"description"`
	From        int32    `cty:"from_port"`
	IPv6CIDRs   []string `cty:"ipv6_cidr_blocks"`
	PrefixLists []string `cty:"prefix_list_ids"`
	Protocol    string   `cty:"protocol"`
	Groups      []string `cty:"security_groups"`
	Self        bool     `cty:"self"`
	To          int32    `cty:"to_port"`
}

// permissionSet has an element for each description of each permission, as
// the real provider has it.
func permissionSet(perms []types.IpPermission, self string) []permission {
	out := []permission{}
	for _, p := range perms {
		at := map[string]int{}
		element := func(description *string) *permission {
			text := awssdk.ToString(description)
			if _, ok := at[text]; !ok {
				at[text] = len(out)
				out = append(out, permission{
					Description: text, Protocol: awssdk.ToString(p.IpProtocol), From: awssdk.ToInt32(p.FromPort), To: awssdk.ToInt32(p.ToPort),
					CIDRs: []string{}, IPv6CIDRs: []string{}, PrefixLists: []string{}, Groups: []string{},
				})
			}
			return &out[at[text]]
		}
		for _, r := range p.IpRanges {
			e := element(r.Description)
			e.CIDRs = append(e.CIDRs, *r.CidrIp)
		}
		for _, r := range p.Ipv6Ranges {
			e := element(r.Description)
			e.IPv6CIDRs = append(e.IPv6CIDRs, *r.CidrIpv6)
		}
		for _, g := range p.UserIdGroupPairs {
			e := element(g.Description)
			if *g.GroupId == self {
				e.Self = true
			} else {
				e.Groups = append(e.Groups, *g.GroupId)
			}
		}
	}
	return out
}

func deleteAWSGroup(ctx context.Context, client *awsCloud, d *tfplugin.Data) error {
	id := d.ID()
	var last error
	err := waitFor(ctx, "deleted", []string{"in use"}, d.Timeout("delete", awsGroupDeleteTimeout), func(ctx context.Context) (string, error) {
		_, last = client.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: &id})
		switch {
		case last == nil || awsMissing(last, "InvalidGroup.NotFound"):
			return "deleted", nil
		case awsMissing(last, "DependencyViolation", "InvalidGroup.InUse"):
			return "in use", nil
		}
		return "", last
	})
	if err != nil && ctx.Err() == nil && last != nil {
		err = last // why it was still tried says more than that time was up
	}
	if err != nil {
		return worded(err, "deleting Security Group (%s)", id)
	}
	return nil
}
