package test

import (
	"testing"
	"time"

	"skysail/deploy"
	"skysail/policies"
	"skysail/sandbox"
	"skysail/store"
)

// TestFailover lets the first cloud fail in every way: the second takes the
// service, and of the first nothing is left, not even for a moment when the
// second starts.
func TestFailover(t *testing.T) {
	for _, kind := range sandbox.FaultKinds() {
		if kind == "slow" || kind == "invalid" {
			continue // no failure, and one that no other cloud would take: see TestFaults
		}
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			policy := only(policies.Vultr, policies.DigitalOcean)
			if kind == "hang" {
				policy.Failover.AttemptTimeout = 45 * time.Second
			}
			if err := b.sandbox().Fault(t.Context(), sandbox.Fault{Provider: policies.Vultr, Kind: kind}); err != nil {
				t.Fatal(err)
			}
			checked := false
			d := b.deployer(true, policy, func(o *deploy.Options) {
				o.Progress = func(ev deploy.Event) {
					t.Logf("%s %s: %s", ev.Kind, ev.Provider, ev.Text)
					if ev.Kind != deploy.EventAttempt || ev.Provider != policies.DigitalOcean {
						return
					}
					checked = true
					if left := b.resources(); len(left) != 0 {
						t.Errorf("left of vultr when digitalocean starts: %+v", left)
					}
				}
			})
			dep, err := d.Deploy(t.Context(), hello(t))
			if err != nil {
				t.Fatal(err)
			}
			if dep.Provider != policies.DigitalOcean || !checked {
				t.Errorf("it runs on %s", dep.Provider)
			}
			for _, a := range dep.Attempts[:len(dep.Attempts)-1] {
				if a.Provider != policies.Vultr || a.Phase != store.AttemptCleaned || a.Cause == "" {
					t.Errorf("attempt %+v", a)
				}
			}
			if _, err := d.Destroy(t.Context(), dep.Name); err != nil {
				t.Fatal(err)
			}
			if left := b.resources(); len(left) != 0 {
				t.Errorf("left behind: %+v", left)
			}
		})
	}
}
