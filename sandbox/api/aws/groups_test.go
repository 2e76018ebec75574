package aws

import (
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"skysail/sandbox/world"
)

func permit(protocol string, from, to int32, change ...func(*types.IpPermission)) []types.IpPermission {
	p := types.IpPermission{IpProtocol: &protocol, FromPort: &from, ToPort: &to, IpRanges: []types.IpRange{{CidrIp: awssdk.String("203.0.113.0/24")}}}
	for _, f := range change {
		f(&p)
	}
	return []types.IpPermission{p}
}

func (c *cloud) permit(group string, perms []types.IpPermission) []types.SecurityGroupRule {
	c.Helper()
	out, err := c.AuthorizeSecurityGroupIngress(c.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &group, IpPermissions: perms})
	check(c.T, err)
	return out.SecurityGroupRules
}

// inbound is what may reach a server, as its machine is told.
func (c *cloud) inbound(id string) []world.Opening {
	st := c.world.State()
	return st.Inbound(st.Server(provider, id))
}

func TestGroupsGuardInstances(t *testing.T) {
	c := newCloud(t)
	web, lb := c.group("web"), c.group("lb")
	i := c.instance(web)
	if got := c.inbound(*i.InstanceId); len(got) != 0 {
		t.Errorf("a group without rules lets in %v", got)
	}
	made := c.permit(web, permit("tcp", 22, 22))
	c.permit(web, permit("tcp", 8000, 8100, func(p *types.IpPermission) {
		p.IpRanges, p.UserIdGroupPairs = nil, []types.UserIdGroupPair{{GroupId: &lb}}
	}))
	other := c.instance(lb)
	world := []world.Opening{
		{Protocol: "tcp", From: 22, To: 22, Sources: []string{"203.0.113.0/24"}},
		{Protocol: "tcp", From: 8000, To: 8100, Sources: []string{*other.PublicIpAddress + "/32"}},
	}
	if diff := cmp.Diff(world, c.inbound(*i.InstanceId)); diff != "" {
		t.Errorf("by address and by group (-want +got):\n%s", diff)
	}

	// Another port, and a tag, which must not loosen the source group.
	_, err := c.ModifySecurityGroupRules(t.Context(), &ec2.ModifySecurityGroupRulesInput{GroupId: &web, SecurityGroupRules: []types.SecurityGroupRuleUpdate{{
		SecurityGroupRuleId: made[0].SecurityGroupRuleId,
		SecurityGroupRule:   &types.SecurityGroupRuleRequest{IpProtocol: awssdk.String("tcp"), FromPort: awssdk.Int32(2222), ToPort: awssdk.Int32(2222), CidrIpv6: awssdk.String("2001:db8::/32")},
	}}})
	check(t, err)
	_, err = c.CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: []string{web, *made[0].SecurityGroupRuleId}, Tags: []types.Tag{{Key: awssdk.String("a"), Value: awssdk.String("")}}})
	check(t, err)
	world[0].From, world[0].To, world[0].Sources = 2222, 2222, []string{"2001:db8::/32"}
	if diff := cmp.Diff(world, c.inbound(*i.InstanceId)); diff != "" {
		t.Errorf("after changes (-want +got):\n%s", diff)
	}
	rules, err := c.DescribeSecurityGroupRules(t.Context(), &ec2.DescribeSecurityGroupRulesInput{Filters: []types.Filter{{Name: awssdk.String("group-id"), Values: []string{web}}}})
	check(t, err)
	if len(rules.SecurityGroupRules) != 3 || !*rules.SecurityGroupRules[0].IsEgress || *rules.SecurityGroupRules[1].Tags[0].Key != "a" || *rules.SecurityGroupRules[2].ReferencedGroupInfo.GroupId != lb {
		t.Errorf("rules %+v", rules.SecurityGroupRules)
	}

	// Everything, by the network interface's groups.
	all := c.group("all")
	c.permit(all, permit("-1", 0, 0, func(p *types.IpPermission) { p.IpRanges[0].CidrIp = awssdk.String("0.0.0.0/0") }))
	_, err = c.ModifyNetworkInterfaceAttribute(t.Context(), &ec2.ModifyNetworkInterfaceAttributeInput{NetworkInterfaceId: i.NetworkInterfaces[0].NetworkInterfaceId, Groups: []string{all}})
	check(t, err)
	if got := c.inbound(*i.InstanceId); len(got) != 3 || got[0].To != 65535 || got[2].Protocol != "icmp" {
		t.Errorf("everything is %v", got)
	}

	_, err = c.RevokeSecurityGroupIngress(t.Context(), &ec2.RevokeSecurityGroupIngressInput{GroupId: &web, SecurityGroupRuleIds: []string{*made[0].SecurityGroupRuleId}})
	check(t, err)
	_, err = c.RevokeSecurityGroupIngress(t.Context(), &ec2.RevokeSecurityGroupIngressInput{GroupId: &web, SecurityGroupRuleIds: []string{*made[0].SecurityGroupRuleId}})
	wantError(t, err, "InvalidSecurityGroupRuleId.NotFound", "does not exist")
}

func TestEgressIsKept(t *testing.T) {
	c := newCloud(t)
	sg := c.group("web")
	everything := permit("-1", 0, 0, func(p *types.IpPermission) { p.IpRanges[0].CidrIp = awssdk.String("0.0.0.0/0") })
	egress := func() []types.IpPermission {
		out, err := c.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{GroupIds: []string{sg}})
		check(t, err)
		return out.SecurityGroups[0].IpPermissionsEgress
	}
	if got := egress(); len(got) != 1 || *got[0].IpProtocol != "-1" || *got[0].IpRanges[0].CidrIp != "0.0.0.0/0" {
		t.Errorf("a new group lets out to %+v", got)
	}
	_, err := c.RevokeSecurityGroupEgress(t.Context(), &ec2.RevokeSecurityGroupEgressInput{GroupId: &sg, IpPermissions: everything})
	check(t, err)
	_, err = c.RevokeSecurityGroupEgress(t.Context(), &ec2.RevokeSecurityGroupEgressInput{GroupId: &sg, IpPermissions: everything})
	wantError(t, err, "InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
	if got := egress(); len(got) != 0 {
		t.Errorf("after revoking: %+v", got)
	}
	_, err = c.AuthorizeSecurityGroupEgress(t.Context(), &ec2.AuthorizeSecurityGroupEgressInput{GroupId: &sg, IpPermissions: permit("tcp", 443, 443)})
	check(t, err)
	if got := egress(); len(got) != 1 || *got[0].FromPort != 443 {
		t.Errorf("after authorizing: %+v", got)
	}
	if got := c.world.State().Firewalls[0].Inbound; len(got) != 0 {
		t.Errorf("what goes out lets in %+v", got)
	}
}

func TestGroupsAreRefused(t *testing.T) {
	c := newCloud(t)
	sg := c.group("web")
	c.permit(sg, permit("tcp", 22, 22))
	_, err := c.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{GroupName: awssdk.String("web"), Description: awssdk.String("x")})
	wantError(t, err, "InvalidGroup.Duplicate", "The security group 'web' already exists for VPC 'vpc-")
	for name, tc := range map[string]struct {
		perms         []types.IpPermission
		code, message string
	}{
		"duplicate": {permit("tcp", 22, 22), "InvalidPermission.Duplicate", `the specified rule "peer: 203.0.113.0/24, TCP, from port: 22, to port: 22, ALLOW" already exists`},
		"ports":     {permit("tcp", 9, 5), "InvalidPermission.Malformed", "is invalid"},
		"protocol":  {permit("smtp", 1, 2), "InvalidParameterValue", "Unknown protocol"},
		"cidr":      {permit("tcp", 1, 2, func(p *types.IpPermission) { p.IpRanges[0].CidrIp = awssdk.String("here") }), "InvalidParameterValue", "CIDR block here is malformed"},
		"group": {permit("tcp", 1, 2, func(p *types.IpPermission) {
			p.UserIdGroupPairs = []types.UserIdGroupPair{{GroupId: awssdk.String("sg-0123456789abcdef0")}}
		}), "InvalidGroup.NotFound", "does not exist"},
		"list": {permit("tcp", 1, 2, func(p *types.IpPermission) {
			p.PrefixListIds = []types.PrefixListId{{PrefixListId: awssdk.String("pl-1")}}
		}), "UnsupportedOperation", "does not simulate prefix lists"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &sg, IpPermissions: tc.perms})
			wantError(t, err, tc.code, tc.message)
		})
	}
	_, err = c.DeleteSecurityGroup(t.Context(), &ec2.DeleteSecurityGroupInput{GroupId: awssdk.String("web")})
	wantError(t, err, "InvalidGroupId.Malformed", "Invalid id")
	other := c.group("other")
	c.permit(other, permit("tcp", 1, 2, func(p *types.IpPermission) { p.UserIdGroupPairs = []types.UserIdGroupPair{{GroupId: &sg}} }))
	_, err = c.DeleteSecurityGroup(t.Context(), &ec2.DeleteSecurityGroupInput{GroupId: &sg})
	wantError(t, err, "DependencyViolation", "resource "+sg+" has a dependent object")
	for _, id := range []string{other, sg} {
		_, err = c.DeleteSecurityGroup(t.Context(), &ec2.DeleteSecurityGroupInput{GroupId: &id})
		check(t, err)
	}
}

func TestKeys(t *testing.T) {
	c := newCloud(t)
	name := "k"
	in := &ec2.ImportKeyPairInput{KeyName: &name, PublicKeyMaterial: []byte(publicKey(t, 1)), TagSpecifications: []types.TagSpecification{tagging("key-pair", "skysail-deployment", "d1")}}
	made, err := c.ImportKeyPair(t.Context(), in)
	check(t, err)
	_, err = c.ImportKeyPair(t.Context(), in)
	wantError(t, err, "InvalidKeyPair.Duplicate", "The keypair already exists")
	_, err = c.ImportKeyPair(t.Context(), &ec2.ImportKeyPairInput{KeyName: awssdk.String("bad"), PublicKeyMaterial: []byte("secret")})
	wantError(t, err, "InvalidKey.Format", "Key is not in valid OpenSSH public key format")
	_, err = c.in("eu-central-1").DescribeKeyPairs(t.Context(), &ec2.DescribeKeyPairsInput{KeyNames: []string{name}})
	wantError(t, err, "InvalidKeyPair.NotFound", "The key pair 'k' does not exist")
	got, err := c.DescribeKeyPairs(t.Context(), &ec2.DescribeKeyPairsInput{
		IncludePublicKey: awssdk.Bool(true), Filters: []types.Filter{{Name: awssdk.String("tag:skysail-deployment"), Values: []string{"d1"}}},
	})
	check(t, err)
	if k := got.KeyPairs; len(k) != 1 || *k[0].KeyPairId != *made.KeyPairId || k[0].KeyType != "ed25519" || len(*k[0].KeyFingerprint) != 44 || *k[0].PublicKey+"\n" != publicKey(t, 1) {
		t.Errorf("keys: %+v", k)
	}
	for range 2 { // one that is not there is no error
		_, err = c.DeleteKeyPair(t.Context(), &ec2.DeleteKeyPairInput{KeyPairId: made.KeyPairId})
		check(t, err)
	}
	if n := len(c.world.State().Keys); n != 0 {
		t.Errorf("%d keys are left", n)
	}
}

func TestTags(t *testing.T) {
	c := newCloud(t)
	sg := c.group("web")
	i := c.instance(sg)
	tag := func(k, v string) types.Tag { return types.Tag{Key: &k, Value: &v} }
	_, err := c.CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: []string{*i.InstanceId, sg}, Tags: []types.Tag{tag("Name", "web-0"), tag("skysail-deployment", "d2")}})
	check(t, err)
	if s := c.world.State().Servers[0]; s.Name != "web-0" || !s.HasTag("skysail-deployment:d2") || s.HasTag("skysail-deployment:d1") {
		t.Errorf("server: %+v", s)
	}
	got, err := c.DescribeTags(t.Context(), &ec2.DescribeTagsInput{Filters: []types.Filter{{Name: awssdk.String("key"), Values: []string{"skysail-*"}}}})
	check(t, err)
	seen := map[string]string{}
	for _, d := range got.Tags {
		seen[string(d.ResourceType)] = *d.Value
	}
	if diff := cmp.Diff(map[string]string{"instance": "d2", "security-group": "d2", "volume": "d1"}, seen); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	_, err = c.DeleteTags(t.Context(), &ec2.DeleteTagsInput{Resources: []string{*i.InstanceId}, Tags: []types.Tag{{Key: awssdk.String("Name")}, tag("skysail-deployment", "other")}})
	check(t, err)
	if d := c.describe(*i.InstanceId).Tags; len(d) != 1 || *d[0].Value != "d2" {
		t.Errorf("left: %+v", d)
	}
	_, err = c.CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: []string{"i-0123456789abcdef0"}, Tags: []types.Tag{tag("a", "b")}})
	wantError(t, err, "InvalidID", "The ID 'i-0123456789abcdef0' is not valid")
	_, err = c.CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: []string{sg}, Tags: []types.Tag{tag("aws:x", "b")}})
	wantError(t, err, "InvalidParameterValue", "reserved for internal use")
	_, err = c.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{Filters: []types.Filter{{Name: awssdk.String("hypervisor-mood"), Values: []string{"good"}}}})
	wantError(t, err, "InvalidParameterValue", "The filter 'hypervisor-mood' is invalid")
}
