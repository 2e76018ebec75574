//nolint:bodyclose // govultr has read and closed the bodies of the responses it returns
package vultr

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vultr/govultr/v3"

	"skysail/sandbox/world"
)

func TestFirewall(t *testing.T) {
	c := newCloud(t)
	group, res, err := c.FirewallGroup.Create(t.Context(), &govultr.FirewallGroupReq{Description: "skysail-d1"})
	check(t, err)
	if res.StatusCode != http.StatusCreated || group.Description != "skysail-d1" || group.MaxRuleCount != 50 || group.DateCreated == "" {
		t.Errorf("%d %+v", res.StatusCode, group)
	}
	inbound := func(id string) []world.Opening {
		st := c.world.State()
		return st.Inbound(st.Server(provider, id))
	}
	i := c.instance("web", func(r *govultr.InstanceCreateReq) { r.FirewallGroupID = group.ID })
	if got := inbound(i.ID); len(got) != 0 {
		t.Errorf("an empty group lets in %v", got)
	}

	var rules []*govultr.FirewallRule
	for _, req := range []govultr.FirewallRuleReq{
		{IPType: "v4", Protocol: "tcp", Subnet: "203.0.113.7", SubnetSize: 24, Port: "22", Notes: "ssh"},
		{IPType: "v6", Protocol: "tcp", Subnet: "::", SubnetSize: 0, Port: "8000:8100"},
		{IPType: "v4", Protocol: "icmp", Subnet: "0.0.0.0", SubnetSize: 0},
	} {
		r, res, err := c.FirewallRule.Create(t.Context(), group.ID, &req)
		check(t, err)
		if res.StatusCode != http.StatusCreated {
			t.Errorf("create answers %d", res.StatusCode)
		}
		rules = append(rules, r)
	}
	want := &govultr.FirewallRule{
		ID: 1, Action: "accept", IPType: "v4", Protocol: "tcp", Port: "22", Subnet: "203.0.113.7", SubnetSize: 24,
		Source: "203.0.113.7/24", Notes: "ssh",
	}
	got, _, err := c.FirewallRule.Get(t.Context(), group.ID, 1)
	check(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rule (-want +got):\n%s", diff)
	}
	wantIn := []world.Opening{
		{Protocol: "tcp", From: 22, To: 22, Sources: []string{"203.0.113.0/24"}},
		{Protocol: "tcp", From: 8000, To: 8100, Sources: []string{"::/0"}},
		{Protocol: "icmp", Sources: []string{"0.0.0.0/0"}},
	}
	if diff := cmp.Diff(wantIn, inbound(i.ID)); diff != "" {
		t.Errorf("inbound (-want +got):\n%s", diff)
	}
	if rules[1].Port != "8000:8100" || rules[2].Port != "" || rules[2].ID != 3 {
		t.Errorf("rules: %+v %+v", rules[1], rules[2])
	}

	check(t, c.FirewallRule.Delete(t.Context(), group.ID, 2))
	wantError(t, c.FirewallRule.Delete(t.Context(), group.ID, 2), "Firewall rule ID not found")
	all, meta, _, err := c.FirewallRule.List(t.Context(), group.ID, nil)
	check(t, err)
	if len(all) != 2 || meta.Total != 2 {
		t.Errorf("rules: %v", all)
	}
	check(t, c.FirewallGroup.Update(t.Context(), group.ID, &govultr.FirewallGroupReq{Description: "new"}))
	group, _, err = c.FirewallGroup.Get(t.Context(), group.ID)
	check(t, err)
	if group.Description != "new" || group.RuleCount != 2 {
		t.Errorf("group: %+v", group)
	}

	// As at Vultr: a group in use can be deleted, and its instances are open.
	check(t, c.FirewallGroup.Delete(t.Context(), group.ID))
	if got := c.await(i.ID, "active", "running", "ok"); got.FirewallGroupID != "" {
		t.Errorf("the instance names the group %s that is gone", got.FirewallGroupID)
	}
	if got := inbound(i.ID); len(got) != 3 || got[0].To != 65535 {
		t.Errorf("inbound: %v", got)
	}
}

func TestRuleIsRefused(t *testing.T) {
	c := newCloud(t)
	group, _, err := c.FirewallGroup.Create(t.Context(), &govultr.FirewallGroupReq{})
	check(t, err)
	good := govultr.FirewallRuleReq{IPType: "v4", Protocol: "tcp", Subnet: "10.0.0.0", SubnetSize: 8, Port: "22"}
	for name, change := range map[string]func(*govultr.FirewallRuleReq){
		"Invalid protocol":    func(r *govultr.FirewallRuleReq) { r.Protocol = "http" },
		"Invalid subnet":      func(r *govultr.FirewallRuleReq) { r.Subnet = "10.0.0.0/8" },
		"Invalid subnet size": func(r *govultr.FirewallRuleReq) { r.SubnetSize = 33 },
		"Invalid ip_type":     func(r *govultr.FirewallRuleReq) { r.IPType = "v6" },
		"Invalid port":        func(r *govultr.FirewallRuleReq) { r.Port = "22-23" },
		`the skysail sandbox has no rule source "cloudflare"`: func(r *govultr.FirewallRuleReq) { r.Source = "cloudflare" },
	} {
		req := good
		change(&req)
		_, _, err := c.FirewallRule.Create(t.Context(), group.ID, &req)
		wantError(t, err, name)
	}
}

func TestKeys(t *testing.T) {
	c := newCloud(t)
	text := publicKey(t, 1)
	k, res, err := c.SSHKey.Create(t.Context(), &govultr.SSHKeyReq{Name: "k", SSHKey: text})
	check(t, err)
	if res.StatusCode != http.StatusCreated || k.SSHKey != text || k.Name != "k" {
		t.Errorf("%d %+v", res.StatusCode, k)
	}
	// As at Vultr: the same key may be there twice.
	_, _, err = c.SSHKey.Create(t.Context(), &govultr.SSHKeyReq{Name: "again", SSHKey: text})
	check(t, err)
	_, _, err = c.SSHKey.Create(t.Context(), &govultr.SSHKeyReq{Name: "bad", SSHKey: "secret"})
	wantError(t, err, "Invalid SSH key")
	check(t, c.SSHKey.Update(t.Context(), k.ID, &govultr.SSHKeyReq{Name: "new"}))
	k, _, err = c.SSHKey.Get(t.Context(), k.ID)
	check(t, err)
	if k.Name != "new" || k.SSHKey != text {
		t.Errorf("key: %+v", k)
	}
	ks, _, _, err := c.SSHKey.List(t.Context(), nil)
	check(t, err)
	if len(ks) != 2 {
		t.Errorf("keys: %v", ks)
	}
	check(t, c.SSHKey.Delete(t.Context(), k.ID))
	wantError(t, c.SSHKey.Delete(t.Context(), k.ID), "Invalid ssh key ID")
}
