package aws

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"skysail/clouds"
)

func TestDelete(t *testing.T) {
	gone := func(code string) answer { return no(400, code, "does not exist") }
	state := func(s string) answer { return ok("<reservationSet>" + instance("x", s) + "</reservationSet>")[0] }
	group := ok("<securityGroupInfo><item><groupId>x</groupId></item></securityGroupInfo>")[0]
	volume := ok("<volumeSet><item><volumeId>x</volumeId></item></volumeSet>")[0]
	inUse := no(400, "DependencyViolation", "resource x has a dependent object")
	done := ok("")[0]
	for name, c := range map[string]struct {
		kind, del, get string
		say, then      []answer
		fails          string
	}{
		"an instance":              {kind: "instance", del: "TerminateInstances", get: "DescribeInstances", say: []answer{done}, then: []answer{state("shutting-down"), state("shutting-down"), state("terminated")}},
		"one that is forgotten":    {kind: "instance", del: "TerminateInstances", get: "DescribeInstances", say: []answer{done}, then: []answer{state("shutting-down"), gone("InvalidInstanceID.NotFound")}},
		"gone already":             {kind: "instance", del: "TerminateInstances", get: "DescribeInstances", say: []answer{gone("InvalidInstanceID.NotFound")}},
		"a group in use":           {kind: "security_group", del: "DeleteSecurityGroup", get: "DescribeSecurityGroups", say: []answer{inUse, inUse, inUse, done}, then: []answer{group, group, group, gone("InvalidGroup.NotFound")}},
		"a volume in use":          {kind: "volume", del: "DeleteVolume", get: "DescribeVolumes", say: []answer{no(400, "VolumeInUse", "Volume x is currently attached to i-1"), done}, then: []answer{volume, volume, gone("InvalidVolume.NotFound")}},
		"a key":                    {kind: "key_pair", del: "DeleteKeyPair", get: "DescribeKeyPairs", say: []answer{done}, then: []answer{gone("InvalidKeyPair.NotFound")}},
		"an address":               {kind: "elastic_ip", del: "ReleaseAddress", get: "DescribeAddresses", say: []answer{done}, then: []answer{gone("InvalidAllocationID.NotFound")}},
		"an interface":             {kind: "network_interface", del: "DeleteNetworkInterface", get: "DescribeNetworkInterfaces", say: []answer{done}, then: []answer{gone("InvalidNetworkInterfaceID.NotFound")}},
		"a spot request":           {kind: "spot_request", del: "CancelSpotInstanceRequests", get: "DescribeSpotInstanceRequests", say: []answer{done}, then: ok("<spotInstanceRequestSet><item><spotInstanceRequestId>x</spotInstanceRequestId><state>cancelled</state></item></spotInstanceRequestSet>")},
		"credentials that may not": {kind: "instance", del: "TerminateInstances", get: "DescribeInstances", say: []answer{no(403, "UnauthorizedOperation", "no")}, then: []answer{state("running")}, fails: "may not do this"},
		"a kind that nobody has":   {kind: "database", fails: "console"},
	} {
		t.Run(name, func(t *testing.T) {
			f, cloud := serve(t, map[string][]answer{c.del: c.say, c.get: c.then})
			err := cloud.Delete(t.Context(), clouds.Resource{Provider: "aws", Kind: c.kind, ID: "x", Region: "eu-west-1"})
			switch {
			case c.fails == "" && err != nil:
				t.Error(err)
			case c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)):
				t.Errorf("%v does not say %q", err, c.fails)
			case err != nil && strings.Contains(err.Error(), secret):
				t.Errorf("the error holds the key: %v", err)
			}
			if c.del != "" && f.count("ec2:"+c.del+" eu-west-1") == 0 {
				t.Error("the thing's own region was not asked")
			}
		})
	}
}

// An ID says nothing without its region.
func TestDeleteNeedsARegion(t *testing.T) {
	f, c := serve(t, nil)
	for _, r := range []clouds.Resource{{Kind: "instance", ID: "i-1"}, {Kind: "instance", Region: "us-east-1"}} {
		if err := c.Delete(t.Context(), r); err == nil {
			t.Errorf("%+v was deleted", r)
		}
	}
	if f.count("") != 0 {
		t.Error("a call was made")
	}
}

// What was refused for a lasting reason is told with AWS's words.
func TestDeleteIsBounded(t *testing.T) {
	_, c := serve(t, map[string][]answer{
		"DeleteSecurityGroup":    {no(400, "DependencyViolation", "resource x has a dependent object")},
		"DescribeSecurityGroups": ok("<securityGroupInfo><item><groupId>x</groupId></item></securityGroupInfo>"),
	})
	c.patience = 100 * time.Millisecond
	err := c.Delete(t.Context(), clouds.Resource{Kind: "security_group", ID: "x", Region: "us-east-1"})
	if err == nil || !strings.Contains(err.Error(), "security_group x in us-east-1: not gone after 100ms: 400 DependencyViolation: resource x has a dependent object") {
		t.Errorf("the error does not say what is left and why: %v", err)
	}
}

func TestDeleteEndsWithItsContext(t *testing.T) {
	_, c := serve(t, map[string][]answer{"DescribeInstances": ok("<reservationSet>" + instance("x", "shutting-down") + "</reservationSet>")})
	stop := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { cancel(stop) })
	if err := c.Delete(ctx, clouds.Resource{Kind: "instance", ID: "x", Region: "us-east-1"}); !errors.Is(err, stop) {
		t.Errorf("the error does not tell the cause: %v", err)
	}
}
