package test

import (
	"context"
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite" // to lock a store from outside

	"skysail/clouds"
	"skysail/clouds/vultr"
	"skysail/deploy"
	"skysail/internal/failure"
	"skysail/policies"
	"skysail/sandbox"
	"skysail/store"
)

// TestDestroyOfTheBroken destroys what somebody deleted by hand, in part or in
// whole, and what has lost its state, its bundle or its whole workspace.
func TestDestroyOfTheBroken(t *testing.T) {
	for name, damage := range map[string]func(b *bench, id, attempt string) error{
		"all deleted by hand":      func(b *bench, id, _ string) error { return b.byHand(id, "") },
		"instance deleted by hand": func(b *bench, id, _ string) error { return b.byHand(id, "instance") },
		"no workspace":             func(_ *bench, _, attempt string) error { return os.RemoveAll(attempt) },
		"no bundle":                func(_ *bench, _, attempt string) error { return os.RemoveAll(filepath.Join(attempt, "bundle")) },
		"state cut short": func(_ *bench, _, attempt string) error {
			return os.Truncate(filepath.Join(attempt, "private", "terraform.tfstate"), 100)
		},
		"state in errored.tfstate": func(_ *bench, _, attempt string) error {
			return os.Rename(filepath.Join(attempt, "private", "terraform.tfstate"), filepath.Join(attempt, "bundle", "errored.tfstate"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			d := b.deployer(true, only(policies.Vultr))
			dep, err := d.Deploy(t.Context(), hello(t))
			if err != nil {
				t.Fatal(err)
			}
			if err := damage(b, dep.ID, filepath.Join(b.home, "deployments", dep.ID, "attempt-1")); err != nil {
				t.Fatal(err)
			}
			proofs, err := d.Destroy(t.Context(), dep.Name)
			if err != nil {
				t.Fatal(err)
			}
			if len(proofs) != 1 || proofs[0].AskedAt.IsZero() || len(proofs[0].Left) > 0 {
				t.Errorf("proofs %+v", proofs)
			}
			// What Terraform can still do is Terraform's: the sweep is for the rest.
			if lost := name == "no workspace" || name == "state cut short"; lost != (len(proofs[0].Swept) > 0) {
				t.Errorf("swept: %+v", proofs[0].Swept)
			}
			b.nothingLeft()
		})
	}
}

// byHand deletes what a deployment made of a kind, or all, behind our back.
func (b *bench) byHand(id, kind string) error {
	c := vultr.New(clouds.MapEnv(b.sandbox().Env()))
	list, err := c.Find(b.t.Context(), id)
	if err != nil {
		return err
	}
	for _, r := range list {
		if kind != "" && r.Kind != kind {
			continue
		}
		if err := c.Delete(b.t.Context(), r); err != nil {
			return err
		}
	}
	return nil
}

// TestTwoDestroys lets two processes destroy at once: the second is told who
// does it, and changes nothing.
func TestTwoDestroys(t *testing.T) {
	b := newBench(t)
	d := b.deployer(true, only(policies.Vultr))
	dep, err := d.Deploy(t.Context(), hello(t))
	if err != nil {
		t.Fatal(err)
	}
	release := b.holdAt("step:destroy:begun")
	var wg sync.WaitGroup
	var first error
	wg.Go(func() { _, first = d.Destroy(t.Context(), dep.Name) })
	b.phase(d, dep.Name, store.Destroying)
	_, second := d.Destroy(t.Context(), dep.Name)
	if failure.CodeOf(second) != failure.Busy || !strings.Contains(second.Error(), "(destroy, since") {
		t.Errorf("the second: %v", second)
	}
	_, third := d.Recover(t.Context(), dep.Name)
	if failure.CodeOf(third) != failure.Busy {
		t.Errorf("a recovery: %v", third)
	}
	if rs, err := d.RecoverAll(t.Context()); err != nil || len(rs) > 0 {
		t.Errorf("recovery of all: %+v, %v", rs, err)
	}
	release()
	wg.Wait()
	if first != nil {
		t.Errorf("the first: %v", first)
	}
	b.nothingLeft()
}

// phase waits until a deployment is in a phase.
func (b *bench) phase(d *deploy.Deployer, name string, want store.Phase) {
	b.t.Helper()
	for range 1000 {
		list, err := d.List(b.t.Context(), true)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, dep := range list {
			if dep.Name == name && dep.Phase == want {
				return
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.t.Fatalf("%s does not become %s", name, want)
}

// TestNetworkGone takes the cloud away in the middle of a destroy: what may be
// left is said, and a recovery ends it when the cloud is there again.
func TestNetworkGone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d := b.deployer(true, only(policies.Vultr))
	dep, err := d.Deploy(t.Context(), hello(t))
	if err != nil {
		t.Fatal(err)
	}
	release := b.holdAt("step:destroy:begun")
	var wg sync.WaitGroup
	var gone error
	wg.Go(func() { _, gone = d.Destroy(t.Context(), dep.Name) })
	b.phase(d, dep.Name, store.Destroying)
	if err := b.sandbox().Down(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	release()
	wg.Wait()
	if failure.CodeOf(gone) != failure.LeftBehind {
		t.Fatalf("without a network: %v", gone)
	}
	b.phase(d, dep.Name, store.Stuck)
	later := b.deployer(true, nil) // and the sandbox runs again
	rs, err := later.RecoverAll(t.Context())
	if err != nil || len(rs) != 1 || rs[0].Did != deploy.RecoveredDestroyed {
		t.Fatalf("%+v, %v", rs, err)
	}
	b.nothingLeft()
}

// TestStoreLocked has another process hold the store's lock for longer than
// anybody waits: the destroy changes nothing, and works later.
func TestStoreLocked(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d := b.deployer(true, only(policies.Vultr))
	dep, err := d.Deploy(t.Context(), hello(t))
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(b.home, "skysail.db")+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, busy := d.Destroy(t.Context(), dep.Name)
	if failure.CodeOf(busy) != failure.Busy {
		t.Errorf("with a locked store: %v", busy)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if st, err := d.Status(t.Context(), dep.Name); err != nil || st.Phase != store.Running {
		t.Errorf("afterwards: %+v, %v", st, err)
	}
	if _, err := d.Destroy(t.Context(), dep.Name); err != nil {
		t.Error(err)
	}
}

// TestRecoverOrphanedTerraform kills a supervisor whose Terraform runs behind a
// wrapper and lives on: the recovery stops it in order before it does anything
// else, so that what it made is in its state.
func TestRecoverOrphanedTerraform(t *testing.T) {
	t.Parallel()
	real, err := exec.LookPath("terraform")
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t)
	wrapper := filepath.Join(b.home, "terraform")
	if err := os.WriteFile(wrapper, []byte("#!/bin/sh\n\""+real+"\" \"$@\"\nexit $?\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	ended := false
	d := b.deployer(true, only(policies.Vultr), func(o *deploy.Options) {
		o.Terraform = wrapper
		o.Progress = func(ev deploy.Event) {
			t.Logf("%s %s: %s", ev.Kind, ev.Provider, ev.Text)
			ended = ended || strings.Contains(ev.Text, "ending what its dead owner left running")
		}
	})
	if err := b.sandbox().Fault(t.Context(), sandbox.Fault{Provider: policies.Vultr, Kind: "slow"}); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var died error
	svc := hello(t)
	wg.Go(func() { _, died = d.Deploy(context.WithoutCancel(t.Context()), svc) })
	for range 500 {
		if len(b.resources()) > 2 { // key, firewall, instance
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.killOwner(svc.Name)
	wg.Wait()
	b.died(died)
	r, err := d.Recover(t.Context(), svc.Name)
	if err != nil || r.Did != deploy.RecoveredUndone || !ended {
		t.Fatalf("%+v, %v, ended %v", r, err, ended)
	}
	if len(r.Proofs) != 1 || len(r.Proofs[0].Destroyed) == 0 {
		t.Errorf("Terraform did not write down what it made: %+v", r.Proofs)
	}
	b.nothingLeft()
}
