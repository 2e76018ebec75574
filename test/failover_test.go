package test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"skysail/deploy"
	"skysail/internal/failure"
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
				policy.Failover.AttemptTimeout = 20 * time.Second
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

// TestSecrets wants a secret in the service's environment and nowhere else:
// not in the bundle, state, plan, store, logs or user-data.
func TestSecrets(t *testing.T) {
	const canary = "canary-7f3a9c-$`\"\\-end"
	for _, p := range providers {
		t.Run(p.name, func(t *testing.T) {
			b := newBench(t)
			svc := hello(t)
			svc.Secrets = []string{"API_KEY"}
			without := b.deployer(p.cloud, only(p.name), func(o *deploy.Options) {
				o.LookupEnv = func(string) (string, bool) { return "", false }
			})
			if _, err := without.Deploy(t.Context(), svc); failure.CodeOf(err) != failure.Input || !strings.Contains(err.Error(), "API_KEY") {
				t.Errorf("without the value: %v", err)
			}
			d := b.deployer(p.cloud, only(p.name), func(o *deploy.Options) {
				o.LookupEnv = func(name string) (string, bool) {
					if name == "API_KEY" {
						return canary, true
					}
					return os.LookupEnv(name)
				}
			})
			dep, err := d.Deploy(t.Context(), svc)
			if err != nil {
				t.Fatal(err)
			}
			if !inAnEnvironment("API_KEY=" + canary) {
				t.Error("no process has the secret in its environment")
			}
			for _, f := range holding(t, b.home, "canary-7f3a9c") {
				st, err := os.Stat(f)
				if err != nil {
					t.Fatal(err)
				}
				if filepath.Base(f) != "secrets.env" || st.Mode().Perm() != 0o600 {
					t.Errorf("the secret is in %s (%s)", f, st.Mode())
				}
			}
			if _, err := d.Destroy(t.Context(), dep.Name); err != nil {
				t.Fatal(err)
			}
			if left := holding(t, b.home, "canary-7f3a9c"); len(left) != 0 {
				t.Errorf("after destroy the secret is in %v", left)
			}
		})
	}
}

// inAnEnvironment looks through the environments of this machine's processes.
func inAnEnvironment(entry string) bool {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, f := range files {
		env, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		for _, e := range bytes.Split(env, []byte{0}) {
			if string(e) == entry {
				return true
			}
		}
	}
	return len(files) == 0 // no procfs here: nothing to look at
}

func holding(t *testing.T, dir, text string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil //nolint:nilerr // files come and go beside us
		}
		data, err := os.ReadFile(path)
		if err == nil && bytes.Contains(data, []byte(text)) {
			out = append(out, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
