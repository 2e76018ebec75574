package test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"skysail/clouds/faults"
	"skysail/deploy"
	"skysail/internal/failure"
	"skysail/policies"
	"skysail/sandbox"
	"skysail/spec"
	"skysail/store"
)

// places are where the attempts were, as provider/region/zone.
func places(attempts []deploy.Explained) string {
	var out []string
	for _, a := range attempts {
		place := a.Provider + "/" + a.Region
		if a.Zone != "" {
			place += "/" + strings.TrimPrefix(a.Zone, a.Region+"-")
		}
		out = append(out, place)
	}
	return strings.Join(out, " ")
}

func fault(t *testing.T, b *bench, f sandbox.Fault) {
	t.Helper()
	if err := b.sandbox().Fault(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

// exhaust deploys where nothing takes the service, and returns what explain
// says of it.
func exhaust(t *testing.T, b *bench, d *deploy.Deployer, svc *spec.Service) (deploy.Explanation, error) {
	t.Helper()
	_, err := d.Deploy(t.Context(), svc)
	if failure.CodeOf(err) != failure.Exhausted {
		t.Fatalf("%v, want %s", err, failure.Exhausted)
	}
	e, eerr := d.Explain(t.Context(), svc.Name)
	if eerr != nil {
		t.Fatal(eerr)
	}
	if left := b.resources(); len(left) != 0 {
		t.Errorf("left behind: %+v", left)
	}
	return e, err
}

// A zone without room, a region without room, a provider: in this order, and
// explain tells it. Run side by side with TestFailover's.
func TestScopes(t *testing.T) {
	t.Run("zones, then regions, then the next provider", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		policy := only(policies.GCP, policies.Vultr)
		policy.Limits.Regions = []string{"us-central1", "europe-west1", "ewr"}
		policy.Failover.MaxAttempts = 9
		fault(t, b, sandbox.Fault{Provider: policies.GCP, Kind: "capacity"})
		d := b.deployer(true, policy)
		dep, err := d.Deploy(t.Context(), hello(t))
		if err != nil {
			t.Fatal(err)
		}
		e, err := d.Explain(t.Context(), dep.ID)
		if err != nil {
			t.Fatal(err)
		}
		// The cheapest type is in four zones of the one and three of the other.
		want := "gcp/us-central1/a gcp/us-central1/b gcp/us-central1/c gcp/us-central1/f gcp/europe-west1/b gcp/europe-west1/c gcp/europe-west1/d vultr/ewr"
		if got := places(e.Attempts); got != want {
			t.Errorf("tried %s\nwant  %s", got, want)
		}
		for i, a := range e.Attempts[:len(e.Attempts)-1] {
			next := faults.NextZone
			switch i {
			case 3:
				next = faults.NextRegion
			case 6:
				next = faults.NextProvider
			}
			if a.Class != string(faults.Capacity) || a.Scope != string(faults.ScopeZone) || a.Next != string(next) || !a.Known || a.SpentUSD != 0 || a.Phase != store.AttemptCleaned {
				t.Errorf("attempt %+v, want next %s", a, next)
			}
		}
		destroy(t, b, d, dep.Name)
	})
	t.Run("a wrong token is one attempt a provider", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		policy := only(policies.GCP, policies.AWS)
		policy.Limits.Regions, policy.Failover.MaxAttempts = nil, 9
		for _, p := range policy.Lists.Cost {
			fault(t, b, sandbox.Fault{Provider: p, Kind: "auth"})
		}
		e, _ := exhaust(t, b, b.deployer(true, policy), hello(t))
		if len(e.Attempts) != 2 || e.Attempts[0].Provider != policies.GCP || e.Attempts[1].Provider != policies.AWS {
			t.Fatalf("tried %s", places(e.Attempts))
		}
		for _, a := range e.Attempts {
			if a.Class != string(faults.Auth) || a.Scope != string(faults.ScopeProvider) || len(a.Skipped) != 1 || a.Skipped[0].Candidates < 10 {
				t.Errorf("attempt %+v", a)
			}
		}
	})
	t.Run("a region's quota leaves the region", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		policy := only(policies.GCP)
		policy.Limits.Regions = []string{"us-central1", "europe-west1"}
		fault(t, b, sandbox.Fault{Provider: policies.GCP, Kind: "quota", Times: 1})
		d := b.deployer(true, policy)
		dep, err := d.Deploy(t.Context(), hello(t))
		if err != nil {
			t.Fatal(err)
		}
		e, err := d.Explain(t.Context(), dep.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got := places(e.Attempts); got != "gcp/us-central1/a gcp/europe-west1/b" || e.Attempts[0].Next != string(faults.NextRegion) {
			t.Errorf("tried %s, %+v", got, e.Attempts[0])
		}
		destroy(t, b, d, dep.Name)
	})
}

func destroy(t *testing.T, b *bench, d *deploy.Deployer, name string) {
	t.Helper()
	if _, err := d.Destroy(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if left := b.resources(); len(left) != 0 {
		t.Errorf("left behind: %+v", left)
	}
}

// TestBudget: what fails costs money where an hour is the least that is asked,
// and when the rest allows no other attempt the run ends.
func TestBudget(t *testing.T) {
	t.Run("the rest allows no other attempt", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		policy := only(policies.Vultr)
		policy.Limits.Regions = nil
		policy.Failover.BudgetUSD = 0.01 // one hour of the cheapest is $0.007
		fault(t, b, sandbox.Fault{Provider: policies.Vultr, Kind: "half-made"})
		e, err := exhaust(t, b, b.deployer(true, policy), hello(t))
		if !strings.Contains(err.Error(), "failover.budget_usd = $0.01 allows no other attempt") {
			t.Errorf("%v", err)
		}
		if len(e.Attempts) != 1 || e.SpentUSD < 0.006 || e.Attempts[0].SpentUSD != e.SpentUSD {
			t.Errorf("%d attempts, $%g", len(e.Attempts), e.SpentUSD)
		}
		if k := e.Attempts[0].Skipped; len(k) != 1 || k[0].Class != "budget" || k[0].Candidates < 5 {
			t.Errorf("skipped %+v", k)
		}
	})
	t.Run("an attempt is ended when it has used the budget up", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		policy := only(policies.GCP, policies.DigitalOcean)
		// A minute is the least that Google asks, at any price, and all there is.
		policy.Failover.AttemptTimeout = 5 * time.Minute
		fault(t, b, sandbox.Fault{Provider: policies.GCP, Kind: "hang"})
		d := b.deployer(true, policy)
		sel, err := d.Select(t.Context(), hello(t))
		if err != nil {
			t.Fatal(err)
		}
		policy.Failover.BudgetUSD = sel.Candidates[0].TotalUSD * 62 / 3600
		d = b.deployer(true, policy)
		began := time.Now()
		e, err := exhaust(t, b, d, hello(t))
		if a := e.Attempts[0]; len(e.Attempts) != 1 || a.Class != "budget" || !strings.Contains(a.Cause, "ended by failover.budget_usd") || a.SpentUSD < policy.Failover.BudgetUSD*0.95 {
			t.Errorf("%v: %+v", err, e.Attempts)
		}
		if took := time.Since(began); took > 4*time.Minute {
			t.Errorf("it took %s", took)
		}
	})
}

// TestDeadlineOfAProvider: a create that the provider would wait for, or
// repeat, is left when the provider's time is over.
func TestDeadlineOfAProvider(t *testing.T) {
	for _, kind := range []string{"hang", "capacity"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			policy := only(policies.AWS, policies.Vultr)
			policy.Failover.AttemptTimeout = 10 * time.Minute
			policy.Failover.ProviderTimeout = map[string]time.Duration{policies.AWS: 15 * time.Second}
			fault(t, b, sandbox.Fault{Provider: policies.AWS, Kind: kind})
			d := b.deployer(true, policy)
			dep, err := d.Deploy(t.Context(), hello(t))
			if err != nil {
				t.Fatal(err)
			}
			e, err := d.Explain(t.Context(), dep.ID)
			if err != nil {
				t.Fatal(err)
			}
			a := e.Attempts[0]
			if dep.Provider != policies.Vultr || len(e.Attempts) != 2 || a.ApplySeconds > 60 {
				t.Errorf("on %s after %+v", dep.Provider, e.Attempts)
			}
			if kind == "hang" && (a.Class != string(faults.Timeout) || !strings.Contains(a.Cause, "failover.provider_timeout, 15s for aws")) {
				t.Errorf("attempt %+v", a)
			}
			destroy(t, b, d, dep.Name)
		})
	}
}

// TestPreparedAhead: when the first provider is known to be empty again, the
// second one's plan is there, so that its apply begins at once.
func TestPreparedAhead(t *testing.T) {
	b := newBench(t)
	policy := only(policies.Vultr, policies.DigitalOcean)
	fault(t, b, sandbox.Fault{Provider: policies.Vultr, Kind: "capacity"})
	var mu sync.Mutex
	var ready []string
	var cleaned, applied time.Time
	d := b.deployer(true, policy, func(o *deploy.Options) {
		o.Progress = func(ev deploy.Event) {
			mu.Lock()
			defer mu.Unlock()
			t.Logf("%s %d %s: %s", ev.At.Format("05.000"), ev.Attempt, ev.Kind, ev.Text)
			switch {
			case ev.Kind == deploy.EventCleaned && ev.Attempt == 1:
				cleaned = ev.At
			case ev.Attempt == 2 && ev.Text == "init and plan were done ahead":
				ready = append(ready, ev.Text)
			case ev.Attempt == 2 && ev.Text == "apply" && applied.IsZero():
				applied = ev.At
			}
		}
	})
	dep, err := d.Deploy(t.Context(), hello(t))
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	t.Logf("from the proof to the next apply: %s", applied.Sub(cleaned))
	// A machine that is busy may not have done it in time; then it was on its
	// way, and nothing was planned twice.
	if len(ready) == 0 {
		t.Logf("the plan was not done when the first provider was clean")
	} else if gap := applied.Sub(cleaned); gap > 2*time.Second {
		t.Errorf("%s from the proof to the next apply", gap)
	}
	mu.Unlock()
	if dirs, err := filepath.Glob(filepath.Join(b.home, "deployments", dep.ID, "attempt-*")); err != nil || len(dirs) != 2 {
		t.Errorf("folders %v, %v", dirs, err)
	}
	destroy(t, b, d, dep.Name)
}

// A state lock of somebody else's is waited for; when the attempt's time is
// over the run ends as busy, and has tried nobody else.
func TestStateLock(t *testing.T) {
	for _, c := range []struct {
		name    string
		release bool
	}{{"released", true}, {"kept", false}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			policy := only(policies.Vultr, policies.DigitalOcean)
			if !c.release {
				policy.Failover.AttemptTimeout = 30 * time.Second
			}
			var mu sync.Mutex
			var held *os.File
			waited := false
			d := b.deployer(true, policy, func(o *deploy.Options) {
				o.Progress = func(ev deploy.Event) {
					mu.Lock()
					defer mu.Unlock()
					t.Logf("%s %d %s: %s", ev.At.Format("05.000"), ev.Attempt, ev.Kind, ev.Text)
					switch {
					case ev.Text == "plan" && held == nil:
						held = lockState(t, b)
					case strings.HasPrefix(ev.Text, "somebody else holds the state lock"):
						waited = true
						if c.release {
							_ = held.Close()
						}
					}
				}
			})
			_, err := d.Deploy(t.Context(), hello(t))
			mu.Lock()
			met := waited
			mu.Unlock()
			if !met {
				t.Fatalf("the lock was not met: %v", err)
			}
			if c.release {
				if err != nil {
					t.Fatal(err)
				}
				destroy(t, b, d, "hello")
				return
			}
			defer func() { _ = held.Close() }()
			if failure.CodeOf(err) != failure.Busy {
				t.Errorf("%v, want %s", err, failure.Busy)
			}
			e, err := d.Explain(t.Context(), "hello")
			if err != nil || len(e.Attempts) != 1 || e.Attempts[0].Class != string(faults.Busy) || e.Phase != store.FailedAll {
				t.Errorf("%+v, %v", e, err)
			}
		})
	}
}

// lockState takes the lock of the first attempt's state as Terraform does, by
// fcntl: internal/states/statemgr/filesystem_lock_unix.go.
func lockState(t *testing.T, b *bench) *os.File {
	dirs, err := filepath.Glob(filepath.Join(b.home, "deployments", "*", "attempt-1", "private"))
	if err != nil || len(dirs) != 1 {
		t.Errorf("folders %v, %v", dirs, err)
		return nil
	}
	f, err := os.OpenFile(filepath.Join(dirs[0], "terraform.tfstate"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Error(err)
		return nil
	}
	if err := syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &syscall.Flock_t{Type: syscall.F_WRLCK}); err != nil {
		t.Errorf("the lock is not free: %v", err)
	}
	return f
}
