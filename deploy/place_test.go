package deploy

import (
	"strings"
	"testing"
	"time"

	"skysail/catalog"
	"skysail/policies"
	"skysail/selector"
	"skysail/spec"
)

// TestNothingFitsSaysWhatToDo tells want of credentials from want of a fitting
// offer.
func TestNothingFitsSaysWhatToDo(t *testing.T) {
	policy := policies.Default()
	svc := &spec.Service{Name: "echo", Instances: 1, Resources: spec.Resources{CPU: 1, MemoryGB: 1}}
	offer := catalog.Offer{Provider: "vultr", Type: "tiny", Region: "ewr", Arch: "amd64", VCPU: 0.5, MemoryGB: 0.5, DiskGB: 10, PriceUSD: 0.01, AsOf: "2026-05-29"}
	all := map[string]string{}
	for _, p := range policies.Providers() {
		all[p] = "no token: set TOKEN"
	}
	some := map[string]string{"aws": "no keys", "gcp": "no project", "digitalocean": "no token"}
	for name, c := range map[string]struct {
		unavailable map[string]string
		want        string
	}{
		"no credentials at all": {all, "skysail doctor"},
		"nothing large enough":  {some, "Ask for less"},
	} {
		t.Run(name, func(t *testing.T) {
			r := selector.Select(selector.Input{
				Service: svc, Policy: &policy, Offers: []catalog.Offer{offer}, Unavailable: c.unavailable, Now: time.Now(),
			})
			err := NothingFits(svc, r)
			if len(r.Candidates) != 0 || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%d candidates, %v", len(r.Candidates), err)
			}
			for p, why := range c.unavailable {
				if p != policies.Local && p != policies.Kubernetes && !strings.Contains(err.Error(), p+": "+why) {
					t.Errorf("%s is not refused with its reason: %v", p, err)
				}
			}
		})
	}
}
