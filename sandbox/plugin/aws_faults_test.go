package plugin

import (
	"strings"
	"testing"
	"time"

	"skysail/internal/tfplugin/tfplugintest"
	"skysail/sandbox/world"
)

func TestAWSFaultTexts(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	for _, tc := range []struct {
		fault world.Fault
		want  []string
		left  int
	}{
		{world.Fault{Kind: world.Capacity, Times: 1}, []string{"creating EC2 Instance: operation error EC2: RunInstances", "https response error StatusCode: 500, RequestID: ", "api error InsufficientInstanceCapacity: We currently do not have sufficient m7i.large capacity"}, 0},
		{world.Fault{Kind: world.Quota, Times: 1}, []string{"creating EC2 Instance: operation error EC2: RunInstances, https response error StatusCode: 400, RequestID: ", "api error VcpuLimitExceeded: You have requested more vCPU capacity"}, 0},
		{world.Fault{Kind: world.NotEnabled, Times: 1}, []string{"StatusCode: 401", "api error OptInRequired: You are not subscribed to this service."}, 0},
		{world.Fault{Kind: world.Invalid, Times: 1}, []string{"StatusCode: 400", "api error InvalidParameterValue: "}, 0},
		{world.Fault{Kind: world.RateLimit, Times: 1}, []string{"StatusCode: 503", "api error RequestLimitExceeded: Request limit exceeded."}, 0},
		{world.Fault{Kind: world.Auth}, []string{"Retrieving AWS account details: validating provider credentials: retrieving caller identity from STS: operation error STS: GetCallerIdentity", "StatusCode: 403", "api error InvalidClientTokenId: "}, 0},
		// Its token makes a repeated request the same instance.
		{world.Fault{Kind: world.HalfMade, Times: 1}, []string{"creating EC2 Instance: ", "StatusCode: 500", "api error InternalError: An internal error has occurred"}, 1},
	} {
		tc.fault.Provider = world.AWS
		c.fault(t, tc.fault)
		w := c.workspace(t, awsWith())
		out := w.ApplyFails()
		for _, want := range tc.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q in:\n%s", tc.fault.Kind, want, out)
			}
		}
		c.clearFaults(t)
		// A group that still guards what nobody knows of can not be destroyed.
		c.sweep(t, world.AWS, tc.left)
		w.Destroy()
		c.wantEmpty(t)
	}
}

func TestAWSInterruptedCreateIsKept(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.fault(t, world.Fault{Provider: world.AWS, Kind: world.Slow})
	w := c.workspace(t, awsWith())
	interrupted(t, c, w, world.AWS, "aws_instance.instance[0]", "waiting for EC2 Instance (")
}

func TestAWSHangEndsWithTheInterrupt(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.fault(t, world.Fault{Provider: world.AWS, Kind: world.Hang})
	w := c.workspace(t, awsWith())
	out := interrupt(t, c, w, world.AWS, createGrace+5*time.Second)
	if !strings.Contains(out, "creating EC2 Instance") {
		t.Errorf("says:\n%s", out)
	}
	c.clearFaults(t)
	c.sweep(t, world.AWS, 1)
	w.Destroy()
	c.wantEmpty(t)
}

func TestAWSRefusesWhatItDoesNotServe(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	plan := func(config string, env ...string) string {
		t.Helper()
		w := c.workspace(t, config)
		for i := 0; i+1 < len(env); i += 2 {
			w.Setenv(env[i], env[i+1])
		}
		out, code := w.Run("plan", "-input=false", "-no-color")
		if code != 1 {
			t.Errorf("exit %d", code)
		}
		return tfplugintest.Flat(out)
	}
	for want, config := range map[string]string{
		"iam_instance_profile of aws_instance is not served here":            awsWith("MORE", `iam_instance_profile = "x"`),
		"a simulated instance always has a public address":                   awsWith("MORE", "associate_public_ip_address = false"),
		"default_tags is not served here":                                    awsWith("max_retries = 2", "default_tags {\n tags = { a = \"b\" }\n }"),
		`"203.0.113.7/24" is not a network in CIDR notation`:                 awsWith("203.0.113.0/24", "203.0.113.7/24"),
		"reading SSM Parameter (/aws/service/ghost): couldn't find resource": awsWith("IMAGE", "/aws/service/ghost"),
	} {
		if out := plan(config); !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	for want, env := range map[string][]string{
		"skysail's stand-in for this provider does not call ec2.us-east-1.amazonaws.com": {"AWS_ENDPOINT_URL", "", "HTTPS_PROXY", ""},
		"skysail's stand-in for this provider does not call ec2.example.com":             {"AWS_ENDPOINT_URL_EC2", "https://ec2.example.com", "HTTPS_PROXY", ""},
		"No valid credential sources found":                                              {"AWS_SECRET_ACCESS_KEY", ""},
		"api error SignatureDoesNotMatch: The request signature we calculated does not":  {"AWS_SECRET_ACCESS_KEY", "wrong"},
		"api error InvalidClientTokenId: The security token included in the request is":  {"AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"},
	} {
		if out := plan(awsWith(), env...); !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}
