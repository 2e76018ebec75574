package aws

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skysail/clouds"
)

const (
	ours   = "d4k2m9x7qpb1"
	ourTag = "skysail-deployment:" + ours
)

func tags(name string) string {
	return fmt.Sprintf("<item><key>Name</key><value>%s</value></item><item><key>skysail-deployment</key><value>%s</value></item>", name, ours)
}

func instance(id, state string) string {
	return fmt.Sprintf(`<item><instancesSet><item><instanceId>%s</instanceId><instanceState><name>%s</name></instanceState><launchTime>2026-11-23T10:00:00.000Z</launchTime><tagSet>%s</tagSet></item></instancesSet></item>`, id, state, tags("skysail-"+ours+"-0"))
}

// everything is a deployment that has one of each kind, in two regions.
func everything() map[string][]answer {
	return map[string][]answer{
		"DescribeRegions":                        regions("us-east-1", "eu-central-1"),
		"DescribeInstances us-east-1":            {{status: 200, body: "<reservationSet>" + instance("i-1", "running") + "</reservationSet><nextToken>more</nextToken>"}, {status: 200, body: "<reservationSet>" + instance("i-2", "stopped") + "</reservationSet>"}},
		"DescribeInstances eu-central-1":         ok("<reservationSet>" + instance("i-3", "pending") + "</reservationSet>"),
		"DescribeVolumes us-east-1":              ok("<volumeSet><item><volumeId>vol-1</volumeId><createTime>2026-11-23T10:00:01.000Z</createTime><tagSet>" + tags("skysail-"+ours+"-0") + "</tagSet></item></volumeSet>"),
		"DescribeSecurityGroups us-east-1":       ok("<securityGroupInfo><item><groupId>sg-1</groupId><groupName>skysail-" + ours + "</groupName><tagSet>" + tags("x") + "</tagSet></item></securityGroupInfo>"),
		"DescribeKeyPairs us-east-1":             ok("<keySet><item><keyPairId>key-1</keyPairId><keyName>skysail-" + ours + "</keyName><tagSet>" + tags("x") + "</tagSet></item></keySet>"),
		"DescribeAddresses us-east-1":            ok("<addressesSet><item><allocationId>eipalloc-1</allocationId><tagSet>" + tags("x") + "</tagSet></item></addressesSet>"),
		"DescribeNetworkInterfaces us-east-1":    ok("<networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId><tagSet>" + tags("x") + "</tagSet></item></networkInterfaceSet>"),
		"DescribeSpotInstanceRequests us-east-1": ok("<spotInstanceRequestSet><item><spotInstanceRequestId>sir-1</spotInstanceRequestId><state>active</state><tagSet>" + tags("x") + "</tagSet></item><item><spotInstanceRequestId>sir-2</spotInstanceRequestId><state>closed</state></item></spotInstanceRequestSet>"),
	}
}

func ids(list []clouds.Resource) []string {
	out := []string{}
	for _, r := range list {
		out = append(out, r.Kind+"/"+r.ID+" "+r.Region)
	}
	return out
}

func TestFind(t *testing.T) {
	f, c := serve(t, everything())
	got, err := c.Find(t.Context(), ours)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"spot_request/sir-1 us-east-1", "instance/i-3 eu-central-1", "instance/i-1 us-east-1", "instance/i-2 us-east-1",
		"network_interface/eni-1 us-east-1", "elastic_ip/eipalloc-1 us-east-1", "volume/vol-1 us-east-1", "security_group/sg-1 us-east-1", "key_pair/key-1 us-east-1",
	}
	if diff := cmp.Diff(want, ids(got)); diff != "" {
		t.Fatal(diff)
	}
	created, _ := time.Parse(time.RFC3339, "2026-11-23T10:00:00Z")
	if diff := cmp.Diff(clouds.Resource{
		Provider: "aws", Kind: "instance", ID: "i-1", Name: "skysail-" + ours + "-0", Region: "us-east-1",
		Tags: []string{"Name:skysail-" + ours + "-0", ourTag}, CreatedAt: created,
	}, got[2]); diff != "" {
		t.Error(diff)
	}
	for _, r := range got {
		if !clouds.Tagged(r.Tags, ours) {
			t.Errorf("%s %s has no proof that it is ours", r.Kind, r.ID)
		}
	}
	// The tag is the only proof, so every list must have asked for it.
	for action, bodies := range f.bodies {
		for _, b := range bodies {
			if !strings.HasPrefix(action, "Describe") || action == "DescribeRegions" || strings.Contains(b, "Id.1=") {
				continue // no list, or what was found already and is asked for its price
			}
			if !strings.Contains(b, "Filter.1.Name=tag%3Askysail-deployment&Filter.1.Value.1="+ours) {
				t.Errorf("%s asked for %s", action, b)
			}
		}
	}
}

func TestFindNothing(t *testing.T) {
	f, c := serve(t, map[string][]answer{"DescribeRegions": regions("us-east-1", "us-west-2", "eu-west-1")})
	got, err := c.Find(t.Context(), ours)
	if err != nil || got == nil || len(got) != 0 {
		t.Errorf("%v, %v: want an empty list", got, err)
	}
	if n := f.count("ec2:DescribeInstances"); n != 3 {
		t.Errorf("instances were asked for in %d of 3 regions", n)
	}
}

func TestFindNeedsAnID(t *testing.T) {
	f, c := serve(t, nil)
	for _, id := range []string{"", "d", "d4k2m9x7qpb", ours + "1", strings.ToUpper(ours), "*"} {
		if _, err := c.Find(t.Context(), id); err == nil {
			t.Errorf("%q was taken for an ID", id)
		}
	}
	if n := f.count(""); n != 0 {
		t.Errorf("%d calls were made", n)
	}
}

func TestFindRefused(t *testing.T) {
	denied := func(how string) answer {
		return no(403, "UnauthorizedOperation", "You are not authorized to perform this operation. User: arn:aws:iam::1:user/x is not authorized to perform: ec2:DescribeVolumes "+how+". Encoded authorization failure message: "+strings.Repeat("x", 500))
	}
	for name, c := range map[string]struct {
		action string
		say    []answer
		fails  string // part of the error, empty for none
	}{
		"the keys":            {"DescribeRegions", []answer{no(401, "AuthFailure", "AWS was not able to validate the provided access credentials")}, "AWS does not accept the credentials of variable AWS_ACCESS_KEY_ID"},
		"an old session":      {"DescribeRegions", []answer{no(400, "RequestExpired", "Request has expired.")}, "have expired: set AWS_ACCESS_KEY_ID"},
		"the right":           {"DescribeVolumes us-west-2", []answer{denied("because no identity-based policy allows the ec2:DescribeVolumes action")}, "listing volumes in us-west-2: the credentials of variable AWS_ACCESS_KEY_ID may not do this"},
		"a closed region":     {"DescribeVolumes us-west-2", []answer{denied("with an explicit deny in a service control policy")}, ""},
		"no account yet":      {"DescribeRegions", []answer{no(401, "OptInRequired", "You are not subscribed to this service.")}, "end its registration"},
		"what is not there":   {"DescribeAddresses", []answer{no(501, "UnsupportedOperation", "no addresses here")}, ""},
		"a lack of instances": {"DescribeInstances", []answer{no(501, "UnsupportedOperation", "no instances here")}, "no instances here"},
		"broken for good":     {"DescribeInstances us-west-2", []answer{no(500, "InternalError", "An internal error has occurred")}, "listing instances in us-west-2: aws: 500 InternalError: An internal error has occurred"},
		"broken for a moment": {"DescribeInstances us-west-2", append([]answer{no(503, "RequestLimitExceeded", "Request limit exceeded."), no(500, "InternalError", "x")}, ok("")...), ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := map[string][]answer{"DescribeRegions": regions("us-east-1", "us-west-2")}
			a[c.action] = c.say
			_, cloud := serve(t, a)
			_, err := cloud.Find(t.Context(), ours)
			switch {
			case c.fails == "" && err != nil:
				t.Error(err)
			case c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)):
				t.Errorf("%v does not say %q", err, c.fails)
			case err != nil && (strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "xxxx")):
				t.Errorf("the error holds what nobody wants to read: %v", err)
			}
		})
	}
}
