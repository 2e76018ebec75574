package gcp

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/api/compute/v1"
	"google.golang.org/api/option"

	"skysail/sandbox/world"
)

// TestOperationsThatFail is about what Google tells only after it took the
// request: nothing is made.
func TestOperationsThatFail(t *testing.T) {
	for kind, want := range map[string]struct{ code, message string }{
		world.Capacity: {"ZONE_RESOURCE_POOL_EXHAUSTED", "The zone 'projects/skysail-sandbox/zones/us-central1-a' does not have enough resources available to fulfill the request.  Try a different zone, or try again later."},
		world.Quota:    {"QUOTA_EXCEEDED", "Quota 'CPUS' exceeded.  Limit: 24.0 in region us-central1."},
	} {
		t.Run(kind, func(t *testing.T) {
			c := newCloud(t)
			c.fault(world.Fault{Kind: kind, Times: 1, Region: region})
			op, err := c.Instances.Insert(Project, "us-east4-a", request("elsewhere", func(i *compute.Instance) {
				i.MachineType = "zones/us-east4-a/machineTypes/e2-standard-2"
			})).Do()
			check(t, err)
			c.done(op)
			op, err = c.Instances.Insert(Project, zone, request("web")).Do()
			check(t, err)
			if op.Error != nil || op.Status != "RUNNING" {
				t.Errorf("the operation failed at once: %+v", op)
			}
			op = c.end(op)
			if op.Error == nil || op.Error.Errors[0].Code != want.code || op.Error.Errors[0].Message != want.message || op.HttpErrorStatusCode == 0 {
				t.Errorf("operation %+v", op.Error)
			}
			if n := len(c.world.State().Servers); n != 1 {
				t.Errorf("%d servers", n)
			}
			c.instance("web")
		})
	}
}

func TestRefusals(t *testing.T) {
	for kind, want := range map[string]struct {
		code            int
		reason, message string
	}{
		world.NotEnabled: {403, "accessNotConfigured", "Compute Engine API has not been used in project 702551090118 before or it is disabled."},
		world.Invalid:    {400, "invalid", "Invalid value for field 'resource.disks[0].initializeParams.sourceImage'"},
		world.RateLimit:  {403, "rateLimitExceeded", "Rate Limit Exceeded"},
	} {
		t.Run(kind, func(t *testing.T) {
			c := newCloud(t)
			c.fault(world.Fault{Kind: kind, Times: 1})
			_, err := c.Instances.Insert(Project, zone, request("web")).Do()
			wantError(t, err, want.code, want.reason, want.message)
			if len(c.world.State().Servers)+len(c.world.State().Disks) != 0 {
				t.Error("a refused create made something")
			}
			c.instance("later")
		})
	}
}

func TestAuth(t *testing.T) {
	c := newCloud(t)
	const words = "Request had invalid authentication credentials."
	for name, token := range map[string]string{"wrong": "ya29.x", "the other cloud's": c.world.State().Tokens[world.Vultr]} {
		t.Run(name, func(t *testing.T) {
			s, err := compute.NewService(t.Context(), c.as(token), option.WithEndpoint(c.url+"/compute/v1/"))
			check(t, err)
			_, err = s.Instances.List(Project, zone).Do()
			wantError(t, err, 401, "authError", words)
		})
	}
	status, body := c.raw("GET", "/compute/v1/projects/"+Project, "", "")
	if status != 401 || !strings.Contains(body, `"status":"UNAUTHENTICATED"`) {
		t.Errorf("no token: %d %s", status, body)
	}
	c.fault(world.Fault{Kind: world.Auth})
	_, err := c.Firewalls.Insert(Project, &compute.Firewall{Name: "f", Allowed: []*compute.FirewallAllowed{{IPProtocol: "tcp"}}}).Do()
	wantError(t, err, 401, "authError", words)
	if len(c.world.State().Firewalls) != 0 {
		t.Error("a refused call made something")
	}
}

func TestHalfMade(t *testing.T) {
	c := newCloud(t)
	c.fault(world.Fault{Kind: world.HalfMade, Times: 1})
	op, err := c.Instances.Insert(Project, zone, request("web")).Do()
	check(t, err)
	if op = c.end(op); op.Error == nil || op.Error.Errors[0].Code != "INTERNAL_ERROR" || !strings.HasPrefix(op.Error.Errors[0].Message, "Internal error. Please try again") {
		t.Errorf("operation %+v", op)
	}
	i, err := c.Instances.Get(Project, zone, "web").Do()
	check(t, err)
	op, err = c.Instances.Delete(Project, zone, i.Name).Do()
	check(t, err)
	c.done(op)
	c.instance("web")
}

func TestHang(t *testing.T) {
	c := newCloud(t)
	c.fault(world.Fault{Kind: world.Hang, Times: 1})
	op, err := c.Instances.Insert(Project, zone, request("web")).Do()
	check(t, err)
	for limit := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		i, err := c.Instances.Get(Project, zone, "web").Do()
		check(t, err)
		if i.Status == "RUNNING" {
			break
		}
		if time.Now().After(limit) {
			t.Fatal("the instance does not run")
		}
	}
	time.Sleep(3 * opTime)
	op, err = c.ZoneOperations.Get(Project, zone, op.Name).Do()
	check(t, err)
	if op.Status != "RUNNING" {
		t.Errorf("the operation is %s", op.Status)
	}
	op, err = c.Instances.Delete(Project, zone, "web").Do()
	check(t, err)
	c.done(op)
}

func TestSlow(t *testing.T) {
	c := newCloud(t)
	c.fault(world.Fault{Kind: world.Slow, Times: 1})
	op, err := c.Instances.Insert(Project, zone, request("slow")).Do()
	check(t, err)
	c.instance("quick")
	op, err = c.ZoneOperations.Get(Project, zone, op.Name).Do()
	check(t, err)
	i, err := c.Instances.Get(Project, zone, "slow").Do()
	check(t, err)
	if op.Status != "RUNNING" || i.Status != "STAGING" {
		t.Errorf("operation %s, instance %s", op.Status, i.Status)
	}
}
