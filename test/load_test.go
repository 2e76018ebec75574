package test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
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

// faultRate is the part of the creates that fail on every cloud.
const faultRate = 0.3

// TestLoad has 64 deployments in flight while three in ten creates fail, in
// every way and on every cloud: all end as the policy says, and destroying all
// leaves nothing. It needs about 12 GB of memory: make test-load.
func TestLoad(t *testing.T) { load(t, 64, faultRate, 4*time.Minute) }

// TestLoadSmall is the same with 8, of which more fail: that none does happens
// once in some thousand runs.
func TestLoadSmall(t *testing.T) { load(t, 8, 2*faultRate, 30*time.Second) }

func load(t *testing.T, n int, rate float64, attempt time.Duration) {
	b := newBench(t)
	clouds := cloudNames()
	orderFaults(t, b, clouds, rate)
	svc := hello(t)
	services := make([]*spec.Service, n)
	policyOf := map[string]*policies.Policy{}
	for i := range n {
		one := *svc
		one.Name = fmt.Sprintf("load-%02d", i)
		services[i] = &one
		// Each cloud is the first one of a quarter.
		k := i % len(clouds)
		p := only(append(slices.Clone(clouds[k:]), clouds[:k]...)...)
		p.Failover.AttemptTimeout, p.Failover.TotalTimeout = attempt, 30*time.Minute
		policyOf[one.Name] = p
	}
	d := b.deployer(true, nil, func(o *deploy.Options) {
		o.Progress, o.ReadyTimeout = nil, 5*time.Minute // for the machine bears more than it can do in time
	})
	began := time.Now()
	all, err := d.DeployAll(t.Context(), services, deploy.Many{Parallel: n, Policies: policyOf})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d deployments ended after %s", n, time.Since(began).Round(time.Second))
	running := checkOutcomes(t, d, all)
	for _, r := range b.resources() {
		if !slices.ContainsFunc(running, func(id string) bool { return owns(id, r) }) {
			t.Errorf("%s %s %s (%v) belongs to no running deployment", r.Provider, r.Kind, r.Name, r.Tags)
		}
	}
	if err := b.sandbox().ClearFaults(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	began = time.Now()
	destroyAll(t, d, n)
	t.Logf("all are destroyed after %s", time.Since(began).Round(time.Second))
	if left := b.resources(); len(left) != 0 {
		t.Errorf("left behind: %+v", left)
	}
}

func cloudNames() []string {
	var out []string
	for _, p := range providers {
		if p.cloud {
			out = append(out, p.name)
		}
	}
	return out
}

// orderFaults lets a part of each cloud's creates fail, the kinds being
// equally likely.
func orderFaults(t *testing.T, b *bench, clouds []string, rate float64) {
	t.Helper()
	kinds := sandbox.FaultKinds()
	for i, p := range clouds {
		// Of those that no earlier kind took, so that all together are the rate.
		left := 1.0
		for k, kind := range kinds {
			each := rate / float64(len(kinds))
			f := sandbox.Fault{Provider: p, Kind: kind, Rate: each / left, Seed: uint64(100*i + k + 1)}
			left -= each
			if err := b.sandbox().Fault(t.Context(), f); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// checkOutcomes wants every deployment to run, or to have failed as the policy
// says with all of it cleaned, and returns the IDs of those that run.
func checkOutcomes(t *testing.T, d *deploy.Deployer, all []deploy.Deployed) []string {
	t.Helper()
	var running []string
	classes, ends := map[string]int{}, map[string]int{}
	listed, err := d.List(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range all {
		at := slices.IndexFunc(listed, func(l deploy.Deployment) bool { return l.Name == x.Name })
		if at < 0 {
			t.Errorf("%s is not in the store: %v", x.Name, x.Err)
			continue
		}
		st, err := d.Status(t.Context(), listed[at].ID)
		if err != nil {
			t.Fatal(err)
		}
		// One that the machine was too slow for runs, and is told to.
		var unhealthy *deploy.UnhealthyError
		slow := errors.As(x.Err, &unhealthy)
		last := store.Attempt{}
		for i, a := range st.Attempts {
			if last = a; a.Class != "" {
				classes[a.Class]++
			}
			if (i < len(st.Attempts)-1 || x.Err != nil && !slow) && a.Phase != store.AttemptCleaned {
				t.Errorf("%s: attempt %+v", x.Name, a)
			}
		}
		code := failure.CodeOf(x.Err)
		switch {
		case x.Err == nil && listed[at].Phase == store.Running:
			ends["running"]++
			running = append(running, listed[at].ID)
		case slow && listed[at].Phase == store.Running:
			ends["running, not healthy in time"]++
			running = append(running, listed[at].ID)
		case code == failure.Exhausted && listed[at].Phase == store.FailedAll:
			ends["exhausted"]++
		case code == failure.Failed && listed[at].Phase == store.FailedAll && faults.Class(last.Class).Next() == faults.Stop:
			ends["stopped: "+last.Class]++
		default:
			t.Errorf("%s ended in phase %s with %v", x.Name, listed[at].Phase, x.Err)
		}
	}
	t.Logf("ends: %v; faults met: %v", ends, classes)
	if len(classes) == 0 {
		t.Error("not one create failed")
	}
	return running
}

// owns says whether a resource is a deployment's: by its tag, or by its name
// where a cloud has no tags for it.
func owns(id string, r sandbox.Resource) bool {
	return strings.Contains(r.Name, id) || slices.ContainsFunc(r.Tags, func(tag string) bool { return strings.Contains(tag, id) })
}

// destroyAll is `destroy --all`.
func destroyAll(t *testing.T, d *deploy.Deployer, parallel int) {
	t.Helper()
	live, err := d.List(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, l := range live {
		names = append(names, l.Name)
	}
	removed, err := d.DestroyAll(t.Context(), names, deploy.Many{Parallel: parallel})
	if err != nil {
		t.Fatal(err)
	}
	var errs []error
	swept := map[string]int{}
	for _, r := range removed {
		errs = append(errs, r.Err)
		for _, p := range r.Proofs {
			if len(p.Left) > 0 || p.AskedAt.IsZero() {
				t.Errorf("%s: no proof: %+v", r.Name, p)
			}
			for _, s := range p.Swept {
				swept[s.Kind]++
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	if len(swept) > 0 {
		t.Logf("swept, which Terraform did not remove: %v", slices.Sorted(maps.Keys(swept)))
	}
}
