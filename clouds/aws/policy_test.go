package aws

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"skysail/clouds"
)

// terraformCalls are what Terraform's provider calls for the module's
// resources: terraform-provider-aws internal/service/ec2 ec2_instance.go,
// vpc_security_group.go, vpc_security_group_ingress_rule.go, ec2_key_pair.go
// and internal/service/ssm/parameter_data_source.go. The last is of AWS: the
// first spot instance of an account needs the role.
var terraformCalls = []string{
	"sts:GetCallerIdentity", "ssm:GetParameter",
	"ec2:ImportKeyPair", "ec2:DescribeKeyPairs", "ec2:DeleteKeyPair",
	"ec2:CreateSecurityGroup", "ec2:DescribeSecurityGroups", "ec2:DeleteSecurityGroup", "ec2:DescribeVpcs", "ec2:DescribeNetworkInterfaces",
	"ec2:AuthorizeSecurityGroupIngress", "ec2:AuthorizeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress", "ec2:RevokeSecurityGroupEgress", "ec2:DescribeSecurityGroupRules",
	"ec2:RunInstances", "ec2:DescribeInstances", "ec2:DescribeInstanceTypes", "ec2:DescribeInstanceAttribute", "ec2:DescribeInstanceCreditSpecifications",
	"ec2:DescribeImages", "ec2:DescribeVolumes", "ec2:DescribeTags", "ec2:ModifyInstanceAttribute", "ec2:TerminateInstances", "ec2:CreateTags",
	"iam:CreateServiceLinkedRole",
}

type statement struct {
	Sid, Effect string
	Action      any
	Resource    any
	Condition   map[string]map[string]any
}

// listOf are the one or many words that a policy may have in a place.
func listOf(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, x := range v {
			out = append(out, x.(string))
		}
		return out
	}
	return nil
}

// calls does all that a Cloud can do, and returns what it called.
func calls(t *testing.T) []string {
	t.Helper()
	m := market()
	for k, v := range everything() {
		m[k] = v
	}
	m["GetCallerIdentity"] = ok(identity)
	m["GetMetricData"] = []answer{results("")}
	f, c := serve(t, m)
	c.patience = 20 * time.Millisecond
	found, err := c.Find(t.Context(), ours)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range found {
		_ = c.Delete(t.Context(), r) // the fake's things do not go; what counts is what was called
	}
	if _, err := c.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Metrics(t.Context(), []clouds.Measured{{ID: "i-1", Region: "us-east-1"}}); err != nil {
		t.Fatal(err)
	}
	m["GetServiceQuota"] = quota("100")
	if _, err := c.Quota(t.Context(), clouds.Want{Region: "us-east-1", Type: "m7i.large", Count: 1, VCPU: 2}); err != nil {
		t.Fatal(err)
	}
	m["GetProducts"], m["DescribeRegions"] = market()["GetProducts"], regions("us-east-1")
	if _, err := c.Offers(t.Context()); err != nil {
		t.Fatal(err)
	}
	return f.actions()
}

// The policy that people give skysail allows all that it calls, and nothing
// that neither it nor Terraform does.
func TestPolicy(t *testing.T) {
	raw, err := os.ReadFile("../../docs/providers/aws-policy.json")
	if err != nil {
		t.Fatal(err)
	}
	var policy struct {
		Version   string
		Statement []statement
	}
	if err := json.Unmarshal(raw, &policy); err != nil {
		t.Fatal(err)
	}
	if policy.Version != "2012-10-17" {
		t.Errorf("Version is %q", policy.Version)
	}
	allowed := map[string]bool{}
	for _, s := range policy.Statement {
		if s.Effect != "Allow" || s.Sid == "" || len(listOf(s.Resource)) == 0 {
			t.Errorf("statement %+v", s)
		}
		for _, a := range listOf(s.Action) {
			if strings.Contains(a, "*") {
				t.Errorf("%s allows %s, which is more than can be reviewed", s.Sid, a)
			}
			allowed[a] = true
		}
	}
	used := append(calls(t), terraformCalls...)
	for _, a := range used {
		if !allowed[a] {
			t.Errorf("%s is called, and not allowed", a)
		}
	}
	for a := range allowed {
		if !slices.Contains(used, a) {
			t.Errorf("%s is allowed, and never called", a)
		}
	}
	// What could do harm to what is not skysail's is bound to its tag.
	for _, s := range policy.Statement {
		for _, a := range listOf(s.Action) {
			_, verb, _ := strings.Cut(a, ":")
			for _, harm := range []string{"Delete", "Terminate", "Release", "Cancel", "Modify"} {
				if strings.HasPrefix(verb, harm) && s.Condition["StringEquals"]["aws:ResourceTag/skysail"] != "true" {
					t.Errorf("%s allows %s of everything", s.Sid, a)
				}
			}
		}
	}
}
