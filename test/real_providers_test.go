//go:build realproviders

package test

import (
	"os"
	"strings"
	"testing"

	"skysail/deploy"
	"skysail/policies"
	"skysail/runner"
)

// TestRealProviders takes a whole deployment through the real providers of
// SKYSAIL_PROVIDER_MIRROR against the simulated APIs; package bundles does so
// with plain Terraform.
func TestRealProviders(t *testing.T) {
	mirror := os.Getenv("SKYSAIL_PROVIDER_MIRROR")
	if mirror == "" {
		t.Fatal("SKYSAIL_PROVIDER_MIRROR is not set: nothing was run")
	}
	for _, p := range []string{policies.GCP, policies.DigitalOcean, policies.Vultr} {
		t.Run(p, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			d := b.deployer(true, only(p), func(o *deploy.Options) { o.ProviderMirror = mirror })
			dep, err := d.Deploy(t.Context(), hello(t))
			if err != nil {
				t.Fatal(err)
			}
			usedRealProvider(t, b, dep)
			checkSamples(t, d, dep, true)
			if _, err := d.Destroy(t.Context(), dep.Name); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// usedRealProvider wants the lock file of the deployment to hold another hash
// than that of our own stand-in: else this suite would have tested that.
func usedRealProvider(t *testing.T, b *bench, dep deploy.Deployment) {
	t.Helper()
	rc, err := os.ReadFile(b.home + "/deployments/" + dep.ID + "/attempt-1/private/terraform.rc")
	if err != nil {
		t.Fatal(err)
	}
	own := string(runner.CLIConfig([]runner.Mirror{{Dir: b.home + "/providers", Include: []string{"skysail.internal/*/*", "registry.terraform.io/*/*"}}}, false))
	if string(rc) == own || !strings.Contains(string(rc), os.Getenv("SKYSAIL_PROVIDER_MIRROR")) {
		t.Errorf("the deployment did not use the mirror: %s", rc)
	}
}
