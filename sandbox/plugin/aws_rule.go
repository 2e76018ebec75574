package plugin

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"skysail/internal/tfplugin"
)

// ruleSources are the attributes of which a rule has exactly one.
func ruleSources() []string {
	return []string{"cidr_ipv4", "cidr_ipv6", "prefix_list_id", "referenced_security_group_id"}
}

func awsRuleResource(egress bool) *tfplugin.Resource[*awsCloud] {
	return &tfplugin.Resource[*awsCloud]{
		ForceNew: []string{"security_group_id"},
		Refused: map[string]string{
			"prefix_list_id": "The simulated AWS has no prefix lists.",
			"region":         awsOneRegion,
		},
		Same:     map[string]func(a, b string) bool{"ip_protocol": func(a, b string) bool { return protocolName(a) == protocolName(b) }},
		Validate: validateAWSRule,
		Plan: func(p *tfplugin.Plan) error {
			for _, s := range ruleSources() {
				if !p.Creates() && p.IsSet(s) != p.Prior.IsSet(s) {
					p.Replace(s)
				}
			}
			return planTags(p)
		},
		Create: func(ctx context.Context, client *awsCloud, d *tfplugin.Data) error {
			return createAWSRule(ctx, client, d, egress)
		},
		Read:   readAWSRule,
		Update: updateAWSRule,
		Delete: func(ctx context.Context, client *awsCloud, d *tfplugin.Data) error {
			return deleteAWSRule(ctx, client, d, egress)
		},
	}
}

// protocolName is a protocol as EC2 gives it back.
func protocolName(s string) string {
	names := map[string]string{"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": "-1"}
	return or(names[strings.ToLower(s)], strings.ToLower(s))
}

func validateAWSRule(c tfplugin.Object) error {
	var set []string
	for _, s := range ruleSources() {
		if !c.IsKnown(s) {
			return nil // terraform-plugin-framework-validators, too, waits until all are
		}
		if c.IsSet(s) {
			set = append(set, s)
		}
	}
	if len(set) != 1 {
		return &tfplugin.Problem{
			Summary: "Invalid Attribute Combination",
			Detail:  fmt.Sprintf("Exactly one of these attributes must be configured: [%s]", strings.Join(ruleSources(), ",")),
		}
	}
	for _, s := range []string{"cidr_ipv4", "cidr_ipv6"} {
		text := c.String(s)
		if text == "" {
			continue
		}
		p, err := netip.ParsePrefix(text)
		if err != nil || p.Masked() != p || p.Addr().Is4() != (s == "cidr_ipv4") {
			return &tfplugin.Problem{Summary: "Invalid CIDR", Detail: fmt.Sprintf("%q is not a network in CIDR notation", text), Attribute: s}
		}
	}
	return nil
}

func rulePermission(d *tfplugin.Data) types.IpPermission {
	p := types.IpPermission{IpProtocol: awssdk.String(d.String("ip_protocol"))}
	if d.IsSet("from_port") {
		p.FromPort = awssdk.Int32(int32(d.Int("from_port"))) //nolint:gosec // a port
	}
	if d.IsSet("to_port") {
		p.ToPort = awssdk.Int32(int32(d.Int("to_port"))) //nolint:gosec // a port
	}
	var description *string
	if d.IsSet("description") {
		description = awssdk.String(d.String("description"))
	}
	switch {
	case d.IsSet("cidr_ipv4"):
		p.IpRanges = []types.IpRange{{CidrIp: awssdk.String(d.String("cidr_ipv4")), Description: description}}
	case d.IsSet("cidr_ipv6"):
		p.Ipv6Ranges = []types.Ipv6Range{{CidrIpv6: awssdk.String(d.String("cidr_ipv6")), Description: description}}
	default:
		p.UserIdGroupPairs = []types.UserIdGroupPair{{GroupId: awssdk.String(d.String("referenced_security_group_id")), Description: description}}
	}
	return p
}

// ruleError has the real provider's form: what was done, and below it why not.
func ruleError(err error, format string, args ...any) error {
	return &tfplugin.Problem{Summary: fmt.Sprintf(format, args...), Detail: err.Error(), Err: err}
}

func createAWSRule(ctx context.Context, client *awsCloud, d *tfplugin.Data, egress bool) error {
	post, cancel := tfplugin.Grace(ctx, createGrace)
	defer cancel()
	group, tags := d.String("security_group_id"), tagSpecification(types.ResourceTypeSecurityGroupRule, d.StringMap("tags"))
	perms := []types.IpPermission{rulePermission(d)}
	var made []types.SecurityGroupRule
	if egress {
		out, err := client.AuthorizeSecurityGroupEgress(post, &ec2.AuthorizeSecurityGroupEgressInput{GroupId: &group, IpPermissions: perms, TagSpecifications: tags})
		if err != nil {
			return ruleError(err, "creating VPC Security Group Rule")
		}
		made = out.SecurityGroupRules
	} else {
		out, err := client.AuthorizeSecurityGroupIngress(post, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &group, IpPermissions: perms, TagSpecifications: tags})
		if err != nil {
			return ruleError(err, "creating VPC Security Group Rule")
		}
		made = out.SecurityGroupRules
	}
	d.SetID(*made[0].SecurityGroupRuleId)
	return readAWSRule(post, client, d)
}

func readAWSRule(ctx context.Context, client *awsCloud, d *tfplugin.Data) error {
	out, err := client.DescribeSecurityGroupRules(ctx, &ec2.DescribeSecurityGroupRulesInput{SecurityGroupRuleIds: []string{d.ID()}})
	if awsMissing(err, "InvalidSecurityGroupRuleId.NotFound") || (err == nil && len(out.SecurityGroupRules) == 0) {
		d.Gone()
		return nil
	}
	if err != nil {
		return ruleError(err, "reading VPC Security Group Rule (%s)", d.ID())
	}
	r := out.SecurityGroupRules[0]
	d.Set("arn", client.arn("security-group-rule/"+d.ID()))
	d.Set("security_group_rule_id", d.ID())
	d.Set("security_group_id", *r.GroupId)
	d.Set("region", client.region)
	d.Set("cidr_ipv4", r.CidrIpv4)
	d.Set("cidr_ipv6", r.CidrIpv6)
	d.Set("description", r.Description)
	if protocolName(d.String("ip_protocol")) != *r.IpProtocol {
		d.Set("ip_protocol", *r.IpProtocol)
	}
	for name, port := range map[string]*int32{"from_port": r.FromPort, "to_port": r.ToPort} {
		// All ports are -1, which need not be written.
		if awssdk.ToInt32(port) != -1 || d.IsSet(name) {
			d.Set(name, port)
		}
	}
	if g := r.ReferencedGroupInfo; g != nil {
		d.Set("referenced_security_group_id", g.GroupId)
	}
	setTags(d, r.Tags)
	return nil
}

func updateAWSRule(ctx context.Context, client *awsCloud, d *tfplugin.Data) error {
	changed := false
	for _, name := range append(ruleSources(), "description", "from_port", "to_port", "ip_protocol") {
		changed = changed || d.Changed(name)
	}
	if changed {
		p := rulePermission(d)
		req := &types.SecurityGroupRuleRequest{IpProtocol: p.IpProtocol, FromPort: p.FromPort, ToPort: p.ToPort}
		if d.IsSet("description") {
			req.Description = awssdk.String(d.String("description"))
		}
		for _, r := range p.IpRanges {
			req.CidrIpv4 = r.CidrIp
		}
		for _, r := range p.Ipv6Ranges {
			req.CidrIpv6 = r.CidrIpv6
		}
		for _, g := range p.UserIdGroupPairs {
			req.ReferencedGroupId = g.GroupId
		}
		id, group := d.ID(), d.String("security_group_id")
		_, err := client.ModifySecurityGroupRules(ctx, &ec2.ModifySecurityGroupRulesInput{
			GroupId: &group, SecurityGroupRules: []types.SecurityGroupRuleUpdate{{SecurityGroupRuleId: &id, SecurityGroupRule: req}},
		})
		if err != nil {
			return ruleError(err, "updating VPC Security Group Rule (%s)", id)
		}
	}
	if err := changeTags(ctx, client, d, d.ID()); err != nil {
		return ruleError(err, "updating VPC Security Group Rule (%s)", d.ID())
	}
	return readAWSRule(ctx, client, d)
}

func deleteAWSRule(ctx context.Context, client *awsCloud, d *tfplugin.Data, egress bool) error {
	group, ids := d.String("security_group_id"), []string{d.ID()}
	var err error
	if egress {
		_, err = client.RevokeSecurityGroupEgress(ctx, &ec2.RevokeSecurityGroupEgressInput{GroupId: &group, SecurityGroupRuleIds: ids})
	} else {
		_, err = client.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: &group, SecurityGroupRuleIds: ids})
	}
	if err != nil && !awsMissing(err, "InvalidGroup.NotFound", "InvalidSecurityGroupRuleId.NotFound") {
		return ruleError(err, "deleting VPC Security Group Rule (%s)", d.ID())
	}
	return nil
}
