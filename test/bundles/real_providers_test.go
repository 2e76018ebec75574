//go:build realproviders

package bundles

import (
	"os"
	"testing"

	"skysail/policies"
)

// TestRealProviders takes the same bundles through the real providers of
// SKYSAIL_PROVIDER_MIRROR against the simulated APIs.
func TestRealProviders(t *testing.T) {
	mirror := os.Getenv("SKYSAIL_PROVIDER_MIRROR")
	if mirror == "" {
		t.Fatal("SKYSAIL_PROVIDER_MIRROR is not set: nothing was run")
	}
	pack(t)
	for _, p := range []string{policies.GCP, policies.DigitalOcean, policies.Vultr} {
		t.Run(p, func(t *testing.T) {
			t.Parallel()
			applyBundle(t, p, mirror)
		})
	}
}
