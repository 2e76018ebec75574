package test

import (
	"slices"
	"testing"
	"time"

	"skysail/clouds/faults"
	"skysail/deploy"
	"skysail/internal/failure"
	"skysail/sandbox"
	"skysail/store"
)

// faultCases are the faults of the sandbox, the class in which each must end
// on every cloud, and what must be done next.
var faultCases = []struct {
	kind  string
	class faults.Class // empty: no failure, the deploy takes longer
	next  faults.Step
}{
	{"capacity", faults.Capacity, faults.NextRegion},
	{"quota", faults.Quota, faults.NextRegion},
	{"auth", faults.Auth, faults.NextProvider},
	{"not-enabled", faults.NotEnabled, faults.NextProvider},
	{"invalid", faults.Invalid, faults.Stop},
	{"rate-limit", faults.Transient, faults.SameAgain},
	{"slow", "", ""},
	{"half-made", faults.Transient, faults.SameAgain},
	{"hang", faults.Timeout, faults.NextProvider},
}

// TestFaultCasesAreAll keeps the table from falling behind the sandbox.
func TestFaultCasesAreAll(t *testing.T) {
	have := map[string]bool{}
	for _, c := range faultCases {
		have[c.kind] = true
	}
	for _, k := range sandbox.FaultKinds() {
		if !have[k] {
			t.Errorf("no case for the fault %q", k)
		}
	}
}

// TestFaults lets the first create on every cloud fail in every way: the fault
// ends in its class, what was made goes, and the second attempt is where the
// class says, with another cloud waiting.
func TestFaults(t *testing.T) {
	for i, p := range providers {
		if !p.cloud {
			continue
		}
		other := otherCloud(i)
		for _, c := range faultCases {
			t.Run(p.name+"/"+c.kind, func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				// The last attempt is kept for the other cloud, so that three
				// leave a choice for the second. All regions are allowed.
				policy := only(p.name, other)
				policy.Limits.Regions, policy.Failover.MaxAttempts = nil, 3
				if c.class == faults.Timeout {
					policy.Failover.AttemptTimeout = 45 * time.Second
				}
				// An auth fault concerns every call of the cloud, those of the
				// clean-up too: it stays until it is cleared.
				times := 1
				if c.class == faults.Auth {
					times = 0
				}
				if err := b.sandbox().Fault(t.Context(), sandbox.Fault{Provider: p.name, Kind: c.kind, Times: times}); err != nil {
					t.Fatal(err)
				}
				d := b.deployer(true, policy)
				dep, err := d.Deploy(t.Context(), hello(t))
				if c.next == faults.Stop {
					checkStopped(t, d, err, c.class)
				} else {
					if err != nil {
						t.Fatal(err)
					}
					checkNext(t, dep, c.class, next(c.class, c.next, dep))
					if _, err := d.Destroy(t.Context(), dep.Name); err != nil {
						t.Fatal(err)
					}
				}
				if left := b.resources(); len(left) != 0 {
					t.Errorf("left behind: %+v", left)
				}
			})
		}
	}
}

// otherCloud is the cloud after the one at index i.
func otherCloud(i int) string {
	for n := range providers {
		if p := providers[(i+1+n)%len(providers)]; p.cloud {
			return p.name
		}
	}
	return ""
}

// accountQuota are the providers whose limits are the account's: their other
// regions would answer the same.
var accountQuota = []string{"digitalocean", "vultr"}

// next is the step of a class at a provider: where there are zones a stockout is
// one of a zone, and a quota is a region's or the account's.
func next(class faults.Class, step faults.Step, dep deploy.Deployment) faults.Step {
	first := dep.Attempts[0]
	switch {
	case class == faults.Capacity && first.Zone != "":
		return faults.NextZone
	case class == faults.Quota && slices.Contains(accountQuota, first.Provider):
		return faults.NextProvider
	}
	return step
}

// checkNext wants the first attempt to have failed in the class and the second
// to be where the step says.
func checkNext(t *testing.T, dep deploy.Deployment, class faults.Class, step faults.Step) {
	t.Helper()
	if class == "" {
		if len(dep.Attempts) != 1 || dep.Attempts[0].Phase != store.AttemptSucceeded {
			t.Errorf("attempts %+v", dep.Attempts)
		}
		return
	}
	if len(dep.Attempts) != 2 {
		t.Fatalf("attempts %+v", dep.Attempts)
	}
	first, second := dep.Attempts[0], dep.Attempts[1]
	if first.Class != string(class) || first.Phase != store.AttemptCleaned {
		t.Errorf("class %q (%s), %s; want %q", first.Class, first.Cause, first.Phase, class)
	}
	sameProvider, sameRegion := first.Provider == second.Provider, first.Region == second.Region
	var got faults.Step
	switch {
	case sameProvider && sameRegion && first.Zone != second.Zone && first.Type == second.Type:
		got = faults.NextZone
	case sameProvider && sameRegion && first.Type == second.Type:
		got = faults.SameAgain
	case sameProvider && !sameRegion:
		got = faults.NextRegion
	case !sameProvider:
		got = faults.NextProvider
	}
	if got != step {
		t.Errorf("after %s %s %s came %s %s %s: %q, want %q", first.Provider, first.Region, first.Type,
			second.Provider, second.Region, second.Type, got, step)
	}
}

// checkStopped wants one attempt and no other.
func checkStopped(t *testing.T, d *deploy.Deployer, err error, class faults.Class) {
	t.Helper()
	if failure.CodeOf(err) != failure.Failed {
		t.Fatalf("code %s, want %s: %v", failure.CodeOf(err), failure.Failed, err)
	}
	ds, lerr := d.List(t.Context(), true)
	if lerr != nil || len(ds) != 1 || ds[0].Phase != store.FailedAll {
		t.Fatalf("list: %+v, %v", ds, lerr)
	}
	st, serr := d.Status(t.Context(), ds[0].ID)
	if serr != nil {
		t.Fatal(serr)
	}
	if len(st.Attempts) != 1 || st.Attempts[0].Class != string(class) {
		t.Errorf("attempts %+v, want one of class %q", st.Attempts, class)
	}
}
