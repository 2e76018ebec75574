package gcp

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/compute/v1"

	"skysail/sandbox/world"
)

func (c *cloud) firewall(f *compute.Firewall) *compute.Firewall {
	c.Helper()
	op, err := c.Firewalls.Insert(Project, f).Do()
	check(c.T, err)
	c.done(op)
	got, err := c.Firewalls.Get(Project, f.Name).Do()
	check(c.T, err)
	return got
}

// tcp are the open TCP ports with their sources.
func (c *cloud) tcp() []world.Opening {
	c.Helper()
	var out []world.Opening
	st := c.world.State()
	for _, o := range st.Inbound(st.ServersOf(provider)[0]) {
		if o.Protocol == "tcp" && len(o.Sources) > 0 {
			out = append(out, o)
		}
	}
	return out
}

// TestFirewalls is as modules use them: ports for the world, SSH for some, and
// the default network's own rules refused.
func TestFirewalls(t *testing.T) {
	c := newCloud(t)
	c.instance("web")
	anywhere := []string{"0.0.0.0/0"}
	internal := world.Opening{Protocol: "tcp", From: 1, To: 65535, Sources: []string{"10.128.0.0/9"}}
	defaults := []world.Opening{internal, {Protocol: "tcp", From: 3389, To: 3389, Sources: anywhere}, {Protocol: "tcp", From: 22, To: 22, Sources: anywhere}}
	if diff := cmp.Diff(defaults, c.tcp()); diff != "" {
		t.Errorf("the default network (-want +got):\n%s", diff)
	}
	c.firewall(&compute.Firewall{
		Name: "ssh", Network: "global/networks/default", SourceRanges: []string{"203.0.113.0/24"}, TargetTags: []string{"skysail-d1"},
		Allowed: []*compute.FirewallAllowed{{IPProtocol: "tcp", Ports: []string{"22"}}},
	})
	c.firewall(&compute.Firewall{
		Name: "others", SourceRanges: anywhere, TargetTags: []string{"skysail-d2"},
		Allowed: []*compute.FirewallAllowed{{IPProtocol: "tcp", Ports: []string{"9999"}}},
	})
	f := c.firewall(&compute.Firewall{
		Name: "closed", Priority: 65000, SourceRanges: anywhere, TargetTags: []string{"skysail-d1"},
		Denied: []*compute.FirewallDenied{{IPProtocol: "all"}},
	})
	if f.Direction != "INGRESS" || f.Priority != 65000 || lastPart(f.Network) != "default" {
		t.Errorf("firewall %+v", f)
	}
	ssh := world.Opening{Protocol: "tcp", From: 22, To: 22, Sources: []string{"203.0.113.0/24"}}
	if diff := cmp.Diff([]world.Opening{ssh}, c.tcp()); diff != "" {
		t.Errorf("closed (-want +got):\n%s", diff)
	}
	// A change keeps what it does not name.
	op, err := c.Firewalls.Patch(Project, "ssh", &compute.Firewall{Allowed: []*compute.FirewallAllowed{{IPProtocol: "tcp", Ports: []string{"22", "8080-8081"}}}}).Do()
	check(t, err)
	c.done(op)
	more := world.Opening{Protocol: "tcp", From: 8080, To: 8081, Sources: ssh.Sources}
	if diff := cmp.Diff([]world.Opening{ssh, more}, c.tcp()); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	for _, name := range []string{"closed", "ssh", "others"} {
		op, err := c.Firewalls.Delete(Project, name).Do()
		check(t, err)
		c.done(op)
	}
	if diff := cmp.Diff(defaults, c.tcp()); diff != "" {
		t.Errorf("without rules (-want +got):\n%s", diff)
	}
	l, err := c.Firewalls.List(Project).Filter("name eq skysail-.*").Do()
	check(t, err)
	if len(l.Items) != 0 {
		t.Errorf("left: %+v", l.Items)
	}
	l, err = c.Firewalls.List(Project).Do()
	check(t, err)
	if len(l.Items) != 4 {
		t.Errorf("%d rules in the default network", len(l.Items))
	}
}

func TestRefusedFirewalls(t *testing.T) {
	c := newCloud(t)
	good := func(change func(*compute.Firewall)) *compute.Firewall {
		f := &compute.Firewall{Name: "f", SourceRanges: []string{"0.0.0.0/0"}, Allowed: []*compute.FirewallAllowed{{IPProtocol: "tcp", Ports: []string{"1"}}}}
		change(f)
		return f
	}
	c.firewall(good(func(f *compute.Firewall) { f.Name = "there" }))
	for name, tc := range map[string]struct {
		change          func(*compute.Firewall)
		code            int
		reason, message string
	}{
		"twice":         {func(f *compute.Firewall) { f.Name = "there" }, 409, "alreadyExists", "The resource 'projects/skysail-sandbox/global/firewalls/there' already exists"},
		"predefined":    {func(f *compute.Firewall) { f.Name = "default-allow-ssh" }, 409, "alreadyExists", "already exists"},
		"host bits":     {func(f *compute.Firewall) { f.SourceRanges = []string{"203.0.113.9/24"} }, 400, "invalid", "203.0.113.9/24"},
		"both families": {func(f *compute.Firewall) { f.SourceRanges = []string{"0.0.0.0/0", "::/0"} }, 400, "invalid", "IPv4 and IPv6"},
		"port":          {func(f *compute.Firewall) { f.Allowed[0].Ports = []string{"99999"} }, 400, "invalid", "99999"},
		"protocol":      {func(f *compute.Firewall) { f.Allowed[0].IPProtocol = "smtp" }, 400, "invalid", "smtp"},
		"nothing":       {func(f *compute.Firewall) { f.Allowed = nil }, 400, "badRequest", "Exactly one"},
		"tag":           {func(f *compute.Firewall) { f.TargetTags = []string{"a:b"} }, 400, "invalid", "resource.targetTags[0]"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.Firewalls.Insert(Project, good(tc.change)).Do()
			wantError(t, err, tc.code, tc.reason, tc.message)
		})
	}
	_, err := c.Firewalls.Delete(Project, "default-allow-ssh").Do()
	wantError(t, err, 400, "badRequest", "the skysail sandbox has no way")
}
