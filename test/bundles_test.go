package test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"skysail/deploy"
	"skysail/deploy/review"
	"skysail/internal/failure"
	"skysail/policies"
	"skysail/sandbox"
	"skysail/spec"
	"skysail/store"
)

// planned is a folder for review of the example service.
func planned(t *testing.T, d *deploy.Deployer, svc *spec.Service, candidates int) (string, *review.Manifest) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "review")
	m, err := d.PlanBundles(t.Context(), svc, deploy.BundleOptions{Out: dir, Candidates: candidates, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Approved()) != candidates {
		t.Fatalf("%d of %d candidates approved", len(m.Approved()), candidates)
	}
	return dir, m
}

// refused wants an apply to be an input failure that says why, and nothing
// changed: not the clouds, not the store.
func refused(t *testing.T, b *bench, d *deploy.Deployer, dir string, o deploy.ApplyOptions, words ...string) {
	t.Helper()
	before := len(b.resources())
	_, err := d.Apply(t.Context(), dir, o)
	if failure.CodeOf(err) != failure.Input {
		t.Fatalf("applying it: %v", err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("it does not say %q: %v", w, err)
		}
	}
	if after := len(b.resources()); after != before {
		t.Errorf("%d resources before, %d after", before, after)
	}
}

// TestReviewedBundle is the life of one: planned, moved, applied once.
func TestReviewedBundle(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d := b.deployer(true, only(policies.Vultr, policies.DigitalOcean))
	svc := hello(t)
	dir, m := planned(t, d, svc, 2)

	refused(t, b, d, dir, deploy.ApplyOptions{Hash: strings.Repeat("0", 64)}, "not the one that was approved")
	refused(t, b, d, dir, deploy.ApplyOptions{MaxAge: time.Nanosecond}, "it was planned", "--max-age")
	for _, name := range []string{m.Candidates[1].BundlePath("main.tf"), m.Candidates[0].PrivatePath("plan.tfplan"), review.PlanFile, review.ManifestFile} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		was := read(t, file)
		edited := bytes.Clone(was)
		edited[len(edited)/2] ^= 1
		write(t, file, edited)
		refused(t, b, d, dir, deploy.ApplyOptions{}, filepath.Base(name))
		write(t, file, was)
	}
	if list, err := d.List(t.Context(), true); err != nil || len(list) != 0 {
		t.Errorf("refusals left deployments %+v, %v", list, err)
	}

	// Saved plans and state find each other wherever the folder is.
	copied, moved := filepath.Join(t.TempDir(), "copy"), filepath.Join(t.TempDir(), "deeper", "moved")
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(moved), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	dep, err := d.Apply(t.Context(), moved, deploy.ApplyOptions{Hash: m.Hash})
	if err != nil {
		t.Fatal(err)
	}
	if dep.ID != m.ID || dep.Provider != policies.Vultr || dep.Phase != store.Running || len(dep.Instances) != 1 {
		t.Errorf("deployment %+v", dep)
	}
	res, err := d.Collect(t.Context(), dep.Name)
	if err != nil || len(res.Samples) == 0 {
		t.Errorf("%d samples, %v", len(res.Samples), err)
	}
	refused(t, b, d, moved, deploy.ApplyOptions{}, "was used", dep.ID, "running")
	refused(t, b, d, copied, deploy.ApplyOptions{}, "was used", dep.ID) // by the store
	if _, same, err := d.Unchanged(t.Context(), svc); err != nil || !same {
		t.Errorf("unchanged: %t, %v", same, err)
	}
	if _, err := d.PlanBundles(t.Context(), svc, deploy.BundleOptions{Candidates: 1}); failure.CodeOf(err) != failure.Input {
		t.Errorf("planning what lives: %v", err)
	}

	// On another machine only the provider's tags tell.
	elsewhere(t, b, func() {
		other := b.deployer(true, only(policies.Vultr, policies.DigitalOcean))
		refused(t, b, other, copied, deploy.ApplyOptions{}, "another machine", policies.Vultr)
	})
	if _, err := d.Destroy(t.Context(), dep.Name); err != nil {
		t.Fatal(err)
	}
	if left := b.resources(); len(left) != 0 {
		t.Errorf("left behind: %+v", left)
	}
	refused(t, b, d, moved, deploy.ApplyOptions{}, "was used", "has ended")
}

// elsewhere runs fn with another store on the same simulated clouds.
func elsewhere(t *testing.T, b *bench, fn func()) {
	t.Helper()
	home := b.home
	b.home = t.TempDir()
	if err := os.Symlink(filepath.Join(home, "sandbox"), filepath.Join(b.home, "sandbox")); err != nil {
		t.Fatal(err)
	}
	fn()
	b.home = home
}

// TestReviewedStale has a deployment of the name come and go after the plan.
func TestReviewedStale(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d := b.deployer(true, only(policies.Vultr))
	svc := hello(t)
	dir, m := planned(t, d, svc, 1)
	dep, err := d.Deploy(t.Context(), svc)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, b, d, dir, deploy.ApplyOptions{}, "exists already")
	if _, err := d.Destroy(t.Context(), dep.Name); err != nil {
		t.Fatal(err)
	}
	refused(t, b, d, dir, deploy.ApplyOptions{}, "plan of deployment "+m.ID)
}

// TestReviewedFailover lets the first approved candidate fail: the second
// takes the service, or, after a fault that passes, the same plan does.
func TestReviewedFailover(t *testing.T) {
	for kind, want := range map[string]string{"capacity": policies.DigitalOcean, "half-made": policies.DigitalOcean, "rate-limit": policies.Vultr} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			d := b.deployer(true, only(policies.Vultr, policies.DigitalOcean, policies.AWS))
			dir, _ := planned(t, d, hello(t), 2)
			fault := sandbox.Fault{Provider: policies.Vultr, Kind: kind}
			if kind == "rate-limit" {
				fault.Times = 1
			}
			if err := b.sandbox().Fault(t.Context(), fault); err != nil {
				t.Fatal(err)
			}
			dep, err := d.Apply(t.Context(), dir, deploy.ApplyOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if dep.Provider != want || len(dep.Attempts) < 2 && kind != "rate-limit" {
				t.Errorf("it runs on %s after %+v", dep.Provider, dep.Attempts)
			}
			for _, a := range dep.Attempts[:len(dep.Attempts)-1] {
				if a.Provider != policies.Vultr || a.Phase != store.AttemptCleaned {
					t.Errorf("attempt %+v", a)
				}
			}
			for _, r := range b.resources() {
				if r.Provider != want {
					t.Errorf("left of the first: %+v", r)
				}
			}
			if _, err := d.Destroy(t.Context(), dep.Name); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestReviewedNoOther lets all approved candidates fail: a third provider,
// which would take it, was not approved.
func TestReviewedNoOther(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d := b.deployer(true, only(policies.Vultr, policies.DigitalOcean, policies.AWS))
	dir, m := planned(t, d, hello(t), 2)
	for _, p := range []string{policies.Vultr, policies.DigitalOcean} {
		if err := b.sandbox().Fault(t.Context(), sandbox.Fault{Provider: p, Kind: "capacity"}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := d.Apply(t.Context(), dir, deploy.ApplyOptions{})
	if failure.CodeOf(err) != failure.Exhausted || !strings.Contains(err.Error(), "2 approved candidate(s)") {
		t.Errorf("applying it: %v", err)
	}
	if left := b.resources(); len(left) != 0 {
		t.Errorf("left behind: %+v", left)
	}
	list, err := d.List(t.Context(), true)
	if err != nil || len(list) != 1 || list[0].ID != m.ID || list[0].Phase != store.FailedAll {
		t.Errorf("%+v, %v", list, err)
	}
	// In part or in whole: it was used.
	refused(t, b, d, dir, deploy.ApplyOptions{}, "was used", "failed")
}

// TestReviewedNotApproved asks, is told no, and has used nothing.
func TestReviewedNotApproved(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	answer := false
	d := b.deployer(true, only(policies.Vultr), func(o *deploy.Options) {
		o.Approve = func(_ context.Context, p deploy.Preview) (bool, error) {
			if p.Candidate.Offer == nil || len(p.Changes) == 0 {
				t.Errorf("asked about %+v", p)
			}
			return answer, nil
		}
	})
	dir, _ := planned(t, d, hello(t), 1)
	if _, err := d.Apply(t.Context(), dir, deploy.ApplyOptions{}); err == nil || !strings.Contains(err.Error(), deploy.ErrNotApproved.Error()) {
		t.Errorf("not approved: %v", err)
	}
	if used, err := review.UseOf(dir); used != nil || err != nil {
		t.Errorf("it is used: %+v, %v", used, err)
	}
	if list, err := d.List(t.Context(), true); err != nil || len(list) != 0 || len(b.resources()) != 0 {
		t.Errorf("deployments %+v, %v", list, err)
	}
	answer = true
	dep, err := d.Apply(t.Context(), dir, deploy.ApplyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Destroy(t.Context(), dep.Name); err != nil {
		t.Fatal(err)
	}
}

// TestReviewedBytes plans twice: what people review is the same, and holds no
// key.
func TestReviewedBytes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d := b.deployer(true, only(policies.AWS, policies.GCP, policies.DigitalOcean, policies.Vultr))
	svc := hello(t)
	one, m := planned(t, d, svc, 4)
	two, _ := planned(t, d, svc, 4)
	seen := 0
	err := fs.WalkDir(os.DirFS(one), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if info, err := e.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
		if name == review.PrivateDir {
			return fs.SkipDir
		}
		if e.IsDir() || name == review.ManifestFile {
			return nil
		}
		seen++
		text := read(t, filepath.Join(one, name))
		if !bytes.Equal(text, read(t, filepath.Join(two, name))) {
			t.Errorf("%s differs", name)
		}
		for _, secret := range secretsOf(t, one) {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s holds a key", name)
			}
		}
		return nil
	})
	if err != nil || seen < 40 {
		t.Errorf("%d files, %v", seen, err)
	}
	for _, e := range m.Candidates {
		ports := map[string][]string{}
		for _, o := range e.Openings {
			ports[o.Port] = o.From
		}
		if strings.Join(ports["22"], "") != "127.0.0.1/32" || len(ports) != 2 || !strings.Contains(strings.Join(ports["8080"], " "), "0.0.0.0/0") {
			t.Errorf("%s opens %v", e.Folder, ports)
		}
	}
	if left := b.resources(); len(left) != 0 {
		t.Errorf("planning made %+v", left)
	}
}

// secretsOf are the lines of the private keys of a folder.
func secretsOf(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, review.PrivateDir, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range files {
		if strings.HasSuffix(f, ".tfplan") {
			continue
		}
		text := strings.NewReplacer(`\n`, "\n", `"`, "\n").Replace(string(read(t, f)))
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); len(line) == 64 && !strings.HasPrefix(line, "b3BlbnNzaC1rZXktdjE") {
				out = append(out, line)
			}
		}
	}
	if len(out) < 8 {
		t.Fatalf("only %d lines of keys found", len(out))
	}
	return out
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, file string, b []byte) {
	t.Helper()
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
