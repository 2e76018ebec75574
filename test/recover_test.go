package test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"skysail/deploy"
	"skysail/policies"
	"skysail/store"
)

// nothingLeft wants the simulated clouds empty, by their own word.
func (b *bench) nothingLeft() {
	b.t.Helper()
	if left := b.resources(); len(left) != 0 {
		b.t.Errorf("left behind: %+v", left)
	}
}

// TestRecoverDeploy kills the supervisor of a deploy, and of the recovery
// after it as well, at the points that decide between going on and undoing.
func TestRecoverDeploy(t *testing.T) {
	for name, c := range map[string]struct {
		at, again string // point of the deploy and, if any, of the first recovery
		did       deploy.Recovered
		phase     store.Phase
	}{
		"before anything":             {at: "phase:pending", did: deploy.RecoveredForgotten},
		"before Terraform":            {at: "step:apply:begun", again: "attempt:cleaned", did: deploy.RecoveredUndone, phase: store.FailedAll},
		"applied, not in the journal": {at: "step:apply:acted", again: "step:destroy:acted", did: deploy.RecoveredUndone, phase: store.FailedAll},
		"applied":                     {at: "step:apply:ended", again: "step:hostkeys:begun", did: deploy.RecoveredResumed, phase: store.Running},
		"succeeded, not yet running":  {at: "attempt:succeeded", did: deploy.RecoveredResumed, phase: store.Running},
		"running, not seen healthy":   {at: "step:register:acted", did: deploy.RecoveredResumed, phase: store.Running},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			d := b.deployer(true, only(policies.Vultr))
			svc := hello(t)
			b.dieAt(c.at)
			_, err := d.Deploy(t.Context(), svc)
			b.died(err)
			if c.again != "" {
				b.dieAt(c.again)
				_, err := d.Recover(t.Context(), svc.Name)
				b.died(err)
			}
			r, err := d.Recover(t.Context(), svc.Name)
			if err != nil {
				t.Fatal(err)
			}
			if r.Did != c.did || r.Phase != c.phase {
				t.Errorf("it did %+v", r)
			}
			if c.phase == store.Running {
				b.serves(d, svc.Name)
				if samples, err := d.Samples(t.Context(), svc.Name); err != nil || len(samples) == 0 {
					t.Errorf("%d samples after the recovery, %v", len(samples), err)
				}
				return
			}
			b.nothingLeft()
			list, err := d.List(t.Context(), true)
			if err != nil || (c.phase == "") != (len(list) == 0) {
				t.Errorf("recorded: %+v, %v", list, err)
			}
			if rs, err := d.RecoverAll(t.Context()); err != nil || len(rs) != 0 {
				t.Errorf("once more: %+v, %v", rs, err)
			}
		})
	}
}

// serves wants the deployment to run well, and removes it.
func (b *bench) serves(d *deploy.Deployer, name string) {
	b.t.Helper()
	st, err := d.Status(b.t.Context(), name)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, i := range st.Live {
		if i.Exists != deploy.Yes || i.Healthy != deploy.Yes || i.NextHostKey != "" {
			b.t.Errorf("instance %+v", i)
		}
	}
	if len(st.Live) != 1 {
		b.t.Errorf("status %+v", st)
	}
	if _, err := d.Destroy(b.t.Context(), name); err != nil {
		b.t.Error(err)
	}
	b.nothingLeft()
}

// TestRecoverSecrets kills between the apply and the hand-over of secrets:
// with them the recovery goes on, without them it can only undo.
func TestRecoverSecrets(t *testing.T) {
	for name, c := range map[string]struct {
		env map[string]string
		did deploy.Recovered
	}{
		"with them":    {map[string]string{"API_KEY": "s3cret", "PATH": os.Getenv("PATH")}, deploy.RecoveredResumed},
		"without them": {map[string]string{"PATH": os.Getenv("PATH")}, deploy.RecoveredUndone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			svc := hello(t)
			svc.Secrets = []string{"API_KEY"}
			d := b.deployer(true, only(policies.Vultr), func(o *deploy.Options) {
				o.Env = map[string]string{"API_KEY": "s3cret", "PATH": os.Getenv("PATH")}
			})
			b.dieAt("step:secrets:begun")
			_, err := d.Deploy(t.Context(), svc)
			b.died(err)
			later := b.deployer(true, nil, func(o *deploy.Options) { o.Env = c.env })
			r, err := later.Recover(t.Context(), svc.Name)
			if err != nil || r.Did != c.did {
				t.Fatalf("%+v, %v", r, err)
			}
			if c.did == deploy.RecoveredResumed {
				b.serves(later, svc.Name)
			} else if !strings.Contains(r.Why, "API_KEY") {
				t.Errorf("why: %s", r.Why)
			}
			b.nothingLeft()
		})
	}
}

// TestRecoverDestroy kills a destroy at its points; the recovery, or the same
// destroy again, ends it.
func TestRecoverDestroy(t *testing.T) {
	for _, at := range []string{"step:destroy:acted", "attempt:cleaned"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			d := b.deployer(true, only(policies.Vultr))
			svc := hello(t)
			if _, err := d.Deploy(t.Context(), svc); err != nil {
				t.Fatal(err)
			}
			b.dieAt(at)
			_, err := d.Destroy(t.Context(), svc.Name)
			b.died(err)
			if at == "step:destroy:acted" {
				if _, err := d.Destroy(t.Context(), svc.Name); err != nil {
					t.Fatal(err)
				}
			} else {
				r, err := d.Recover(t.Context(), svc.Name)
				if err != nil || r.Did != deploy.RecoveredDestroyed || r.Phase != store.Destroyed {
					t.Fatalf("%+v, %v", r, err)
				}
			}
			b.nothingLeft()
		})
	}
}

// TestRecoverUnapproved kills the supervisor while a person looks at the
// plan: nothing was made, and the name is free again.
func TestRecoverUnapproved(t *testing.T) {
	b := newBench(t)
	svc := hello(t)
	kill := true
	d := b.deployer(true, only(policies.Vultr), func(o *deploy.Options) {
		o.Approve = func(context.Context, deploy.Preview) (bool, error) {
			if kill {
				b.killOwner(svc.Name)
			}
			return true, nil
		}
	})
	_, err := d.Deploy(t.Context(), svc)
	b.died(err)
	st, err := d.Status(t.Context(), svc.Name)
	if err != nil || st.Phase != store.Pending || !strings.Contains(st.Reason, "skysail recover") {
		t.Fatalf("status %+v, %v", st, err)
	}
	b.nothingLeft()
	kill = false
	// A deploy of the name recovers by itself.
	if _, err := d.Deploy(t.Context(), svc); err != nil {
		t.Fatal(err)
	}
	b.serves(d, svc.Name)
}

// killOwner kills the process that the lock file names.
func (b *bench) killOwner(name string) {
	b.t.Helper()
	raw, err := os.ReadFile(filepath.Join(b.home, "locks", name))
	var o deploy.Owner
	if err == nil {
		err = json.Unmarshal(raw, &o)
	}
	if err == nil {
		err = o.Process.Signal(syscall.SIGKILL)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	for o.Process.Running() {
		time.Sleep(time.Millisecond)
	}
}
