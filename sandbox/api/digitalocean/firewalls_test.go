package digitalocean

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/digitalocean/godo"
	"github.com/google/go-cmp/cmp"

	"skysail/sandbox/world"
)

func anywhere() []string { return []string{"0.0.0.0/0", "::/0"} }

func firewall(change ...func(*godo.FirewallRequest)) *godo.FirewallRequest {
	r := &godo.FirewallRequest{
		Name: "fw",
		InboundRules: []godo.InboundRule{
			{Protocol: "TCP", PortRange: "22", Sources: &godo.Sources{Addresses: []string{"203.0.113.0/24"}}},
			{Protocol: "icmp", Sources: &godo.Sources{Addresses: anywhere()}},
		},
		OutboundRules: []godo.OutboundRule{
			{Protocol: "tcp", PortRange: "all", Destinations: &godo.Destinations{Addresses: anywhere()}},
			{Protocol: "udp", PortRange: "1-65535", Destinations: &godo.Destinations{Addresses: anywhere()}},
		},
	}
	for _, f := range change {
		f(r)
	}
	return r
}

func TestFirewallIsStoredAsTheCloudStoresIt(t *testing.T) {
	c := newCloud(t)
	made, res, err := c.Firewalls.Create(t.Context(), firewall())
	check(t, err)
	if res.StatusCode != http.StatusAccepted || made.Status != "succeeded" {
		t.Errorf("create answers %d with %s", res.StatusCode, made.Status)
	}
	got, _, err := c.Firewalls.Get(t.Context(), made.ID)
	check(t, err)
	want := &godo.Firewall{
		ID: made.ID, Name: "fw", Status: "succeeded", Created: made.Created,
		InboundRules: []godo.InboundRule{
			{Protocol: "tcp", PortRange: "22", Action: "allow", Sources: &godo.Sources{Addresses: []string{"203.0.113.0/24"}}},
			{Protocol: "icmp", PortRange: "0", Action: "allow", Sources: &godo.Sources{Addresses: anywhere()}},
		},
		OutboundRules: []godo.OutboundRule{
			{Protocol: "tcp", PortRange: "0", Action: "allow", Destinations: &godo.Destinations{Addresses: anywhere()}},
			{Protocol: "udp", PortRange: "1-65535", Action: "allow", Destinations: &godo.Destinations{Addresses: anywhere()}},
		},
		DropletIDs: []int{}, Tags: []string{}, PendingChanges: []godo.PendingChange{},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("firewall (-want +got):\n%s", diff)
	}
}

func TestFirewallIsRefused(t *testing.T) {
	c := newCloud(t)
	_, _, err := c.Firewalls.Create(t.Context(), firewall())
	check(t, err)
	named := func(f func(*godo.FirewallRequest)) *godo.FirewallRequest {
		return firewall(func(r *godo.FirewallRequest) { r.Name = "other"; f(r) })
	}
	for _, tc := range []struct {
		name    string
		req     *godo.FirewallRequest
		status  int
		message string
	}{
		{"name", firewall(), 409, "duplicate name"},
		{"no rules", named(func(r *godo.FirewallRequest) { r.InboundRules, r.OutboundRules = nil, nil }), 422, "must have at least one rule"},
		{"tag", named(func(r *godo.FirewallRequest) { r.Tags = []string{"ghost"} }), 422, "tag ghost does not exist"},
		{"source tag", named(func(r *godo.FirewallRequest) { r.InboundRules[0].Sources.Tags = []string{"ghost"} }), 422, "tag ghost does not exist"},
		{"droplet", named(func(r *godo.FirewallRequest) { r.DropletIDs = []int{7} }), 422, "droplet does not exist"},
		{"ports", named(func(r *godo.FirewallRequest) { r.InboundRules[0].PortRange = "80,443" }), 422, "invalid port range"},
		{"no ports", named(func(r *godo.FirewallRequest) { r.InboundRules[0].PortRange = "" }), 422, "invalid port range"},
		{"address", named(func(r *godo.FirewallRequest) { r.InboundRules[0].Sources.Addresses = []string{"here"} }), 422, "invalid address"},
		{"load balancer", named(func(r *godo.FirewallRequest) { r.InboundRules[0].Sources.LoadBalancerUIDs = []string{"u"} }), 422, "load balancer does not exist"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, _, err := c.Firewalls.Create(t.Context(), tc.req)
			wantError(t, err, tc.status, tc.message)
		})
	}
}

// inbound is what may reach a droplet, as its machine is told.
func (c *cloud) inbound(id int) []world.Opening {
	st := c.world.State()
	return st.Inbound(st.Server(provider, strconv.Itoa(id)))
}

func TestFirewallGuardsDroplets(t *testing.T) {
	c := newCloud(t)
	d := c.droplet("web", func(r *godo.DropletCreateRequest) { r.Tags = []string{"web"} })
	other := c.droplet("lb", func(r *godo.DropletCreateRequest) { r.Tags = []string{"lb"} })
	ip, err := other.PublicIPv4()
	check(t, err)
	open := c.inbound(d.ID)

	fw, _, err := c.Firewalls.Create(t.Context(), firewall(func(r *godo.FirewallRequest) {
		r.Tags = []string{"web"}
		r.InboundRules = append(r.InboundRules, godo.InboundRule{
			Protocol: "tcp", PortRange: "8000-8100", Sources: &godo.Sources{Tags: []string{"lb"}, DropletIDs: []int{other.ID}},
		})
	}))
	check(t, err)
	want := []world.Opening{
		{Protocol: "tcp", From: 22, To: 22, Sources: []string{"203.0.113.0/24"}},
		{Protocol: "icmp", Sources: anywhere()},
		{Protocol: "tcp", From: 8000, To: 8100, Sources: []string{ip + "/32"}},
	}
	if diff := cmp.Diff(want, c.inbound(d.ID)); diff != "" {
		t.Errorf("by tag (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(open, c.inbound(other.ID)); diff != "" {
		t.Errorf("another droplet (-want +got):\n%s", diff)
	}
	on, _, err := c.Firewalls.ListByDroplet(t.Context(), d.ID, nil)
	check(t, err)
	if len(on) != 1 || on[0].ID != fw.ID {
		t.Errorf("firewalls of the droplet: %v", on)
	}

	_, err = c.Firewalls.RemoveTags(t.Context(), fw.ID, "web")
	check(t, err)
	if diff := cmp.Diff(open, c.inbound(d.ID)); diff != "" {
		t.Errorf("without the tag (-want +got):\n%s", diff)
	}
	_, err = c.Firewalls.AddDroplets(t.Context(), fw.ID, d.ID)
	check(t, err)
	if diff := cmp.Diff(want, c.inbound(d.ID)); diff != "" {
		t.Errorf("by ID (-want +got):\n%s", diff)
	}
	_, err = c.Firewalls.RemoveRules(t.Context(), fw.ID, &godo.FirewallRulesRequest{InboundRules: []godo.InboundRule{
		{Protocol: "icmp", Sources: &godo.Sources{Addresses: anywhere()}},
	}})
	check(t, err)
	_, err = c.Firewalls.AddRules(t.Context(), fw.ID, &godo.FirewallRulesRequest{InboundRules: []godo.InboundRule{
		{Protocol: "tcp", PortRange: "443", Sources: &godo.Sources{Addresses: anywhere()}},
	}})
	check(t, err)
	want = []world.Opening{want[0], want[2], {Protocol: "tcp", From: 443, To: 443, Sources: anywhere()}}
	if diff := cmp.Diff(want, c.inbound(d.ID)); diff != "" {
		t.Errorf("changed rules (-want +got):\n%s", diff)
	}

	// A PUT replaces everything: what it leaves out is emptied.
	up, _, err := c.Firewalls.Update(t.Context(), fw.ID, firewall(func(r *godo.FirewallRequest) { r.Name = "renamed" }))
	check(t, err)
	if up.Name != "renamed" || len(up.DropletIDs) != 0 || len(up.InboundRules) != 2 {
		t.Errorf("after PUT: %v", up)
	}
	_, err = c.Firewalls.Delete(t.Context(), fw.ID)
	check(t, err)
	_, _, err = c.Firewalls.Get(t.Context(), fw.ID)
	wantError(t, err, 404, "The resource you were accessing could not be found.")
}

func TestKeys(t *testing.T) {
	c := newCloud(t)
	text := publicKey(t, 1)
	k, res, err := c.Keys.Create(t.Context(), &godo.KeyCreateRequest{Name: "k", PublicKey: text})
	check(t, err)
	if res.StatusCode != http.StatusCreated || k.PublicKey != text || k.Name != "k" || len(k.Fingerprint) != 47 {
		t.Errorf("%d %v", res.StatusCode, k)
	}
	_, _, err = c.Keys.Create(t.Context(), &godo.KeyCreateRequest{Name: "again", PublicKey: text})
	wantError(t, err, 422, "SSH Key is already in use on your account")
	_, _, err = c.Keys.Create(t.Context(), &godo.KeyCreateRequest{Name: "bad", PublicKey: "secret"})
	wantError(t, err, 422, "Key invalid, key should be of the format `type key [comment]`")
	by, _, err := c.Keys.GetByFingerprint(t.Context(), k.Fingerprint)
	check(t, err)
	if by.ID != k.ID {
		t.Errorf("by fingerprint: %v", by)
	}
	up, _, err := c.Keys.UpdateByID(t.Context(), k.ID, &godo.KeyUpdateRequest{Name: "new"})
	check(t, err)
	if up.Name != "new" {
		t.Errorf("updated: %v", up)
	}
	ks, _, err := c.Keys.List(t.Context(), nil)
	check(t, err)
	if len(ks) != 1 {
		t.Errorf("%d keys", len(ks))
	}
	_, err = c.Keys.DeleteByID(t.Context(), k.ID)
	check(t, err)
	_, _, err = c.Keys.GetByID(t.Context(), k.ID)
	wantError(t, err, 404, "The resource you were accessing could not be found.")
}

func TestTags(t *testing.T) {
	c := newCloud(t)
	d := c.droplet("web")
	tag, res, err := c.Tags.Create(t.Context(), &godo.TagCreateRequest{Name: "skysail-deployment:d1"})
	check(t, err)
	if res.StatusCode != http.StatusCreated || tag.Resources.Count != 0 {
		t.Errorf("%d %v", res.StatusCode, tag)
	}
	_, _, err = c.Tags.Create(t.Context(), &godo.TagCreateRequest{Name: "a b"})
	if err == nil {
		t.Error("a tag with a space was taken")
	}
	target := []godo.Resource{{ID: strconv.Itoa(d.ID), Type: godo.DropletResourceType}}
	_, err = c.Tags.TagResources(t.Context(), "ghost", &godo.TagResourcesRequest{Resources: target})
	wantError(t, err, 404, "The resource you were accessing could not be found.")
	_, err = c.Tags.TagResources(t.Context(), tag.Name, &godo.TagResourcesRequest{Resources: target})
	check(t, err)
	tag, _, err = c.Tags.Get(t.Context(), tag.Name)
	check(t, err)
	if tag.Resources.Count != 1 || tag.Resources.Droplets.Count != 1 {
		t.Errorf("tag: %+v", tag.Resources)
	}
	_, err = c.Tags.UntagResources(t.Context(), tag.Name, &godo.UntagResourcesRequest{Resources: target})
	check(t, err)
	if got := c.await(d.ID, "active").Tags; len(got) != 0 {
		t.Errorf("droplet's tags: %v", got)
	}
	all, _, err := c.Tags.List(t.Context(), nil)
	check(t, err)
	if len(all) != 1 {
		t.Errorf("tags: %v", all)
	}
	_, err = c.Tags.Delete(t.Context(), tag.Name)
	check(t, err)
	_, _, err = c.Tags.Get(t.Context(), tag.Name)
	wantError(t, err, 404, "The resource you were accessing could not be found.")
}
