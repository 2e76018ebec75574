package test

import (
	"archive/zip"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"skysail/deploy"
	"skysail/internal/failure"
	"skysail/spec"
)

var (
	// canaryCore is the part of the secret that no quoting changes. It is new
	// in each run: another's may be under way on this machine.
	canaryCore = "canary-" + rand.Text()
	// canary is a secret that means something to shells, systemd and HCL.
	canary = canaryCore + "-$`\"\\-{{x}}-%n-end"
)

// TestSecrets wants a secret in the service's environment and nowhere else:
// not in bundle, plan, state, store, logs, user-data or any other file, and in
// no process's arguments or environment while all of it happens.
func TestSecrets(t *testing.T) {
	for _, p := range providers {
		t.Run(p.name+"/native", func(t *testing.T) { deploySecret(t, p.name, p.cloud, hello(t)) })
		if p.cloud {
			t.Run(p.name+"/container", func(t *testing.T) {
				containerEngine(t)
				deploySecret(t, p.name, true, inContainer(hello(t)))
			})
		}
	}
}

func deploySecret(t *testing.T, provider string, cloud bool, svc *spec.Service) {
	b := newBench(t)
	svc.Secrets = []string{"API_KEY"}
	without := b.deployer(cloud, only(provider), func(o *deploy.Options) {
		o.Env = map[string]string{}
	})
	if _, err := without.Deploy(t.Context(), svc); failure.CodeOf(err) != failure.Input || !strings.Contains(err.Error(), "API_KEY") {
		t.Errorf("without the value: %v", err)
	}
	var mu sync.Mutex
	var told strings.Builder
	planned := false
	files := func(when string) {
		for _, f := range holding(t, b.home, canaryCore) {
			if !privateSecrets(f) {
				t.Errorf("%s the secret is in %s", when, f)
			}
		}
	}
	d := b.deployer(cloud, only(provider), func(o *deploy.Options) {
		o.Env = map[string]string{"API_KEY": canary}
		o.Progress = func(ev deploy.Event) {
			mu.Lock()
			fmt.Fprintf(&told, "%+v\n", ev)
			mu.Unlock()
			// The plan exists from here on, and the state does at the next.
			if ev.Kind == deploy.EventStep {
				files("at " + ev.Text)
				planned = planned || ev.Text == "apply" && hasPlan(t, b.home)
			}
		}
	})
	w := watchProcesses(t)
	dep, err := d.Deploy(t.Context(), svc)
	if err != nil {
		w.stop()
		t.Fatal(err)
	}
	if !w.supported() {
		t.Log("NOT RUN: there is no /proc here to see other processes' arguments in")
	} else if !inAnEnvironment("API_KEY=" + canary) {
		t.Error("no process has the secret in its environment")
	}
	files("after the deploy")
	if !planned {
		t.Error("no saved plan was there to be searched")
	}
	if got := holding(t, filepath.Join(b.home, "deployments", dep.ID), "skysail-"+dep.ID); len(got) == 0 {
		t.Error("the search finds nothing at all: it shows nothing")
	}
	if cloud {
		logs, err := os.ReadFile(filepath.Join(b.sandboxDir(), "world.json"))
		if err != nil || !strings.Contains(string(logs), "skysail-"+dep.ID) {
			t.Errorf("the simulated cloud's own file is not where it was looked for: %v", err)
		}
	}
	if _, err := d.Destroy(t.Context(), dep.Name); err != nil {
		t.Fatal(err)
	}
	w.stop()
	w.report(t, provider)
	for _, f := range holding(t, b.home, canaryCore) {
		t.Errorf("after destroy the secret is in %s", f)
	}
	if strings.Contains(told.String(), canaryCore) {
		t.Errorf("the secret was told:\n%s", told.String())
	}
}

// hasPlan says that a saved plan, which is a zip file with a tfplan in it, is
// below dir.
func hasPlan(t *testing.T, dir string) bool {
	t.Helper()
	for _, f := range paths(t, dir, "plan") {
		z, err := zip.OpenReader(f)
		if err != nil {
			continue
		}
		for _, in := range z.File {
			if in.Name == "tfplan" {
				return z.Close() == nil
			}
		}
		_ = z.Close()
	}
	return false
}

// privateSecrets says that a file is the one place for secrets: an environment
// file that only its owner can read.
func privateSecrets(file string) bool {
	st, err := os.Stat(file)
	if err != nil {
		return os.IsNotExist(err)
	}
	return strings.HasPrefix(filepath.Base(file), "secrets.env") && st.Mode().Perm() == 0o600
}

// inContainer is the service as a container of the test's own engine.
func inContainer(svc *spec.Service) *spec.Service {
	svc.Source = spec.Source{Container: &spec.Container{Image: "registry.invalid/hello:1"}}
	return svc
}

// containerEngine puts a podman on PATH that runs the example's program as a
// container would be: with the variables that --env names, on the published
// address. What is tested is how the secret gets there.
func containerEngine(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	archive, err := filepath.Abs(filepath.Join("..", "examples", "hello", "dist", "hello.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	script := `#!/bin/sh
set -eu
case "$1" in
info | ps | rm) exit 0 ;;
run) shift ;;
*) exit 125 ;;
esac
listen='' keep=' PATH HOME '
while [ $# -gt 0 ]; do
	case "$1" in
	--publish) listen="${2%:*}"; shift 2 ;;
	--env) keep="$keep$2 "; shift 2 ;;
	--rm) shift ;;
	--*) shift 2 ;;
	*) break ;;
	esac
done
for name in $(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p'); do
	case "$keep" in *" $name "*) ;; *) unset "$name" ;; esac
done
exec "` + dir + `/hello" --listen "$listen"
`
	if err := os.WriteFile(filepath.Join(dir, "podman"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	unpack(t, archive, dir)
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
}
