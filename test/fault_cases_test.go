package test

import (
	"strings"
	"testing"
	"time"

	"skysail/clouds/faults"
	"skysail/clouds/faults/cases"
	"skysail/deploy"
	"skysail/policies"
	"skysail/sandbox"
	"skysail/store"
)

// saidCases are the first case of each class of a provider's that its API can
// say when a server is created. Of the other classes, a lock (busy) is no word
// of a provider's, and a timeout is what TestFaults has as hang.
func saidCases(t *testing.T, provider string) []cases.Case {
	t.Helper()
	all, err := cases.Load("../clouds/" + provider + "/testdata/faults.yaml")
	if err != nil {
		t.Fatal(err)
	}
	wanted := map[faults.Class]bool{
		faults.Capacity: true, faults.Quota: true, faults.Transient: true, faults.Auth: true,
		faults.NotEnabled: true, faults.Invalid: true, faults.Unknown: true,
	}
	var out []cases.Case
	for _, c := range all {
		if c.Said != nil && wanted[c.Class] {
			delete(wanted, c.Class)
			out = append(out, c)
		}
	}
	for class := range wanted {
		t.Errorf("%s has no case of class %s that its API says", provider, class)
	}
	return out
}

// TestFaultCases lets each cloud refuse a create in the words of one case of
// each class: the deployment's record has the class, scope and words, and what
// comes next is where the scope leaves room.
func TestFaultCases(t *testing.T) {
	for i, p := range providers {
		if !p.cloud {
			continue
		}
		for _, c := range saidCases(t, p.name) {
			t.Run(p.name+"/"+string(c.Class), func(t *testing.T) {
				t.Parallel()
				runFaultCase(t, p.name, otherCloud(i), c)
			})
		}
	}
}

// TestFaultCasesShort is one case a cloud, for every run of the tests.
func TestFaultCasesShort(t *testing.T) {
	for provider, class := range map[string]faults.Class{
		policies.AWS: faults.Capacity, policies.GCP: faults.Quota,
		policies.DigitalOcean: faults.NotEnabled, policies.Vultr: faults.Unknown,
	} {
		for i, p := range providers {
			if p.name != provider {
				continue
			}
			for _, c := range saidCases(t, provider) {
				if c.Class == class {
					t.Run(provider+"/"+string(class), func(t *testing.T) {
						t.Parallel()
						runFaultCase(t, provider, otherCloud(i), c)
					})
				}
			}
		}
	}
}

func runFaultCase(t *testing.T, provider, other string, c cases.Case) {
	t.Helper()
	b := newBench(t)
	policy := only(provider, other)
	policy.Limits.Regions, policy.Failover.MaxAttempts = nil, 3
	if err := b.sandbox().Fault(t.Context(), sandbox.Fault{
		Provider: provider, Times: 1, Code: c.Said.Code, Message: c.Said.Message, Status: c.Said.Status,
	}); err != nil {
		t.Fatal(err)
	}
	d := b.deployer(true, policy)
	dep, err := d.Deploy(t.Context(), hello(t))
	if c.Class == faults.Invalid {
		checkStopped(t, d, err, c.Class)
		ds, lerr := d.List(t.Context(), true)
		if lerr != nil || len(ds) != 1 {
			t.Fatalf("%+v, %v", ds, lerr)
		}
		st, serr := d.Status(t.Context(), ds[0].ID)
		if serr != nil {
			t.Fatal(serr)
		}
		checkSaid(t, st.Attempts[0], c)
	} else {
		if err != nil {
			t.Fatal(err)
		}
		if len(dep.Attempts) != 2 {
			t.Fatalf("attempts %+v", dep.Attempts)
		}
		checkSaid(t, dep.Attempts[0], c)
		checkElsewhere(t, dep, c)
		if _, err := d.Destroy(t.Context(), dep.Name); err != nil {
			t.Fatal(err)
		}
	}
	if left := b.resources(); len(left) != 0 {
		t.Errorf("left behind: %+v", left)
	}
}

// checkSaid wants an attempt to have failed as the case says, with its words.
func checkSaid(t *testing.T, a store.Attempt, c cases.Case) {
	t.Helper()
	if a.Class != string(c.Class) || a.Scope != string(c.Scope) || a.Phase != store.AttemptCleaned {
		t.Errorf("class %q, scope %q, %s; want %q, %q\n  %s", a.Class, a.Scope, a.Phase, c.Class, c.Scope, a.Cause)
	}
	if c.Class != faults.Unknown && a.Source == "" {
		t.Errorf("the rule that knew %q has no source", a.Cause)
	}
	// Of the diagnostic in the case the request's address, ID and number of
	// tries differ: what is before them and what the API said must be there.
	begin, _, _ := strings.Cut(c.Text, "https response")
	begin, _, _ = strings.Cut(begin, " POST ")
	begin, _, _ = strings.Cut(begin, "{") // Vultr's, repeated and quoted, or not
	begin, _, _ = strings.Cut(begin, c.Said.Message)
	if !strings.Contains(a.Cause, begin) || !strings.Contains(a.Cause, c.Said.Message) {
		t.Errorf("cause\n  %s\nof a case\n  %s", a.Cause, c.Text)
	}
}

// checkElsewhere wants the second attempt where the fault of the first does not
// reach: the same once more for what passes, else out of its scope.
func checkElsewhere(t *testing.T, dep deploy.Deployment, c cases.Case) {
	t.Helper()
	first, second := dep.Attempts[0], dep.Attempts[1]
	sameProvider, sameRegion := first.Provider == second.Provider, first.Region == second.Region
	var ok bool
	switch {
	case c.Class == faults.Transient:
		ok = sameProvider && sameRegion && first.Type == second.Type
	case c.Scope == faults.ScopeProvider:
		ok = !sameProvider
	case c.Class.Next() != faults.NextRegion: // in the region or the zone only
		ok = !sameProvider || !sameRegion
	case c.Scope == faults.ScopeRegion:
		ok = sameProvider && !sameRegion
	case c.Scope == faults.ScopeZone:
		ok = sameProvider && (!sameRegion || first.Zone != second.Zone || first.Type != second.Type)
	}
	if !ok {
		t.Errorf("after %s %s %s %s (%s, scope %s) came %s %s %s %s", first.Provider, first.Region, first.Zone, first.Type, c.Class, c.Scope,
			second.Provider, second.Region, second.Zone, second.Type)
	}
}

// A stockout that a provider would go on asking about for an hour ends with the
// attempt's deadline, its rest is cleaned, and the service runs elsewhere. See
// https://github.com/hashicorp/terraform-provider-aws/issues/43193.
func TestSlowStockout(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	policy := only(policies.AWS, policies.Vultr)
	policy.Failover.AttemptTimeout = 12 * time.Second
	if err := b.sandbox().Fault(t.Context(), sandbox.Fault{Provider: policies.AWS, Kind: "capacity", DelaySeconds: 3600}); err != nil {
		t.Fatal(err)
	}
	d := b.deployer(true, policy)
	dep, err := d.Deploy(t.Context(), hello(t))
	if err != nil {
		t.Fatal(err)
	}
	first := dep.Attempts[0]
	took := first.EndedAt.Sub(first.StartedAt)
	if first.Provider != policies.AWS || first.Class != string(faults.Timeout) || first.Phase != store.AttemptCleaned {
		t.Errorf("first attempt %+v", first)
	}
	// The clean-up is beyond the deadline, and has its own.
	if took < policy.Failover.AttemptTimeout || took > policy.Failover.AttemptTimeout+30*time.Second {
		t.Errorf("the first attempt took %s", took)
	}
	if dep.Provider != policies.Vultr {
		t.Errorf("it runs on %s", dep.Provider)
	}
	for _, r := range b.resources() {
		if r.Provider == policies.AWS {
			t.Errorf("left at aws: %+v", r)
		}
	}
	if _, err := d.Destroy(t.Context(), dep.Name); err != nil {
		t.Fatal(err)
	}
}

// One that is told at once is not waited for: the bundle allows the provider
// two tries, and the next region comes first.
func TestQuickStockout(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	policy := only(policies.AWS, policies.Vultr)
	policy.Limits.Regions = []string{"us-east-1", "us-east-2", "ewr"}
	for _, region := range []string{"us-east-1"} {
		if err := b.sandbox().Fault(t.Context(), sandbox.Fault{Provider: policies.AWS, Kind: "capacity", Region: region}); err != nil {
			t.Fatal(err)
		}
	}
	d := b.deployer(true, policy)
	dep, err := d.Deploy(t.Context(), hello(t))
	if err != nil {
		t.Fatal(err)
	}
	if dep.Provider != policies.AWS || dep.Region != "us-east-2" {
		t.Errorf("it runs in %s %s", dep.Provider, dep.Region)
	}
	for _, a := range dep.Attempts[:len(dep.Attempts)-1] {
		if took := a.EndedAt.Sub(a.StartedAt); a.Class != string(faults.Capacity) || took > policy.Failover.AttemptTimeout/2 {
			t.Errorf("class %s after %s", a.Class, took)
		}
	}
	if _, err := d.Destroy(t.Context(), dep.Name); err != nil {
		t.Fatal(err)
	}
}
