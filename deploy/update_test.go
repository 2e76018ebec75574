package deploy

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	tfjson "github.com/hashicorp/terraform-json"

	"skysail/policies"
	"skysail/spec"
	"skysail/store"
)

func planOf(kind string, actions tfjson.Actions, before, after map[string]any) *tfjson.Plan {
	return &tfjson.Plan{ResourceChanges: []*tfjson.ResourceChange{{
		Address: "module.service." + kind + ".x", Mode: tfjson.ManagedResourceMode, Type: kind,
		Change: &tfjson.Change{Actions: actions, Before: before, After: after},
	}}}
}

func TestMustReplace(t *testing.T) {
	update := tfjson.Actions{tfjson.ActionUpdate}
	anew := tfjson.Actions{tfjson.ActionDelete, tfjson.ActionCreate}
	for name, c := range map[string]struct {
		plan *tfjson.Plan
		why  string // "" for in place
	}{
		"nothing":                        {&tfjson.Plan{}, ""},
		"a rule anew":                    {planOf("vultr_firewall_rule", anew, nil, nil), ""},
		"a rule more":                    {planOf("aws_vpc_security_group_ingress_rule", tfjson.Actions{tfjson.ActionCreate}, nil, nil), ""},
		"a group anew":                   {planOf("vultr_firewall_group", anew, map[string]any{"x": 1}, map[string]any{"x": 2}), "x"},
		"tags":                           {planOf("aws_instance", update, map[string]any{"tags": "a"}, map[string]any{"tags": "b"}), ""},
		"user-data, which Google allows": {planOf("google_compute_instance", update, map[string]any{"metadata": "a"}, map[string]any{"metadata": "b"}), "metadata"},
		"an instance anew":               {planOf("digitalocean_droplet", anew, map[string]any{"user_data": "a"}, map[string]any{"user_data": "b"}), "user_data"},
		"an instance that is gone":       {planOf("vultr_instance", tfjson.Actions{tfjson.ActionCreate}, nil, map[string]any{"label": "x"}), "not as it was"},
		"a data disk anew":               {planOf("digitalocean_volume", anew, map[string]any{"size": 1}, map[string]any{"size": 2}), "size"},
	} {
		got := mustReplace(policies.Vultr, c.plan)
		if (got == "") != (c.why == "") || !strings.Contains(got, c.why) {
			t.Errorf("%s: %q, want %q", name, got, c.why)
		}
		if got := mustReplace(policies.Local, c.plan); got != "" {
			t.Errorf("%s, on this machine: %q", name, got)
		}
	}
}

func TestChangedFields(t *testing.T) {
	p1, p2 := policies.Default(), policies.Default()
	s1 := spec.Service{Name: "echo", Ports: []spec.Port{{Name: "http", Number: 8080, Public: true}}, Env: map[string]string{"A": "1"}, Secrets: []string{"KEY"}}
	s2 := spec.Service{
		Name: "echo", Ports: []spec.Port{{Name: "admin", Number: 9000}, {Name: "http", Number: 8081, Public: true}}, Secrets: []string{"KEY", "OTHER"},
		Source: spec.Source{Native: &spec.Native{URL: "https://me:password@example.org/a.tar.gz"}},
	}
	if got := changedFields(&s1, &s1, &p1, &p2); len(got) != 0 {
		t.Errorf("of the same: %v", got)
	}
	p2.Failover.AttemptTimeout = 3 * time.Minute
	var got []string
	for _, c := range changedFields(&s1, &s2, &p1, &p2) {
		got = append(got, c.String())
	}
	want := []string{
		"policy.failover.attempt_timeout: 15m0s -> 3m0s",
		"service.env.A: 1 -> (none)",
		"service.ports.admin.number: (none) -> 9000",
		"service.ports.admin.public: (none) -> false",
		"service.ports.http.number: 8080 -> 8081",
		`service.secrets: ["KEY"] -> ["KEY","OTHER"]`,
		"service.source.native.binary: ",
		"service.source.native.sha256: ",
		"service.source.native.url: (none) -> https://me:xxxxx@example.org/a.tar.gz",
	}
	got = withoutEmpty(got)
	want = withoutEmpty(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// withoutEmpty drops fields that a new part of a service brings along unset.
func withoutEmpty(lines []string) (out []string) {
	for _, l := range lines {
		if !strings.HasSuffix(l, ": ") && !strings.HasSuffix(l, "(none) -> (none)") {
			out = append(out, l)
		}
	}
	return out
}

func TestRollbackTarget(t *testing.T) {
	all := []store.Revision{{N: 1, Outcome: store.OutcomeDone}, {N: 2, Outcome: store.OutcomeFailed}, {N: 3, Outcome: store.OutcomeDone}, {N: 4}}
	for _, c := range []struct {
		current, wanted, got int
	}{{3, 0, 1}, {1, 0, 0}, {3, 2, 2}, {3, 3, 0}, {3, 9, 0}, {1, 3, 3}} {
		r, err := rollbackTarget(all, "echo", c.current, c.wanted)
		if r.N != c.got || (err == nil) != (c.got > 0) {
			t.Errorf("from %d to %d: %d, %v", c.current, c.wanted, r.N, err)
		}
	}
}
