package deploy

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"skysail/catalog"
	"skysail/internal/failure"
	"skysail/policies"
	"skysail/selector"
	"skysail/spec"
	"skysail/store"
)

// sold is a small market of all clouds, with fresh prices.
func sold() ([]catalog.Offer, map[string]catalog.Rates) {
	day := time.Now().UTC().AddDate(0, 0, -3).Format(time.DateOnly)
	spot := 0.01
	offers := []catalog.Offer{
		{Provider: "aws", Region: "us-east-1", Type: "t3.small", Zones: []string{"us-east-1a", "us-east-1b"}, Arch: "amd64", VCPU: 2, MemoryGB: 2, PriceUSD: 0.0208, SpotUSD: &spot, AsOf: day},
		{Provider: "digitalocean", Region: "nyc1", Type: "s-1vcpu-2gb", Arch: "amd64", VCPU: 1, MemoryGB: 2, DiskGB: 50, PriceUSD: 0.01786, AsOf: day},
		{Provider: "gcp", Region: "us-central1", Type: "tiny", Arch: "amd64", VCPU: 0.25, MemoryGB: 1, PriceUSD: 0.005, AsOf: day},
		{Provider: "vultr", Region: "ewr", Type: "vc2-1c-2gb", Arch: "amd64", VCPU: 1, MemoryGB: 2, DiskGB: 55, PriceUSD: 0.014, AsOf: day},
	}
	rates := map[string]catalog.Rates{
		"aws":          {Provider: "aws", DiskUSD: 0.00011, AddressUSD: 0.005, AsOf: day},
		"gcp":          {Provider: "gcp", DiskUSD: 0.00014, AddressUSD: 0.005, AsOf: day},
		"digitalocean": {Provider: "digitalocean", DiskUSD: 0.000149, AsOf: day},
		"vultr":        {Provider: "vultr", DiskUSD: 0.000137, AsOf: day},
	}
	return offers, rates
}

func estimator(t *testing.T, policy *policies.Policy) *Deployer {
	t.Helper()
	offers, rates := sold()
	env := map[string]string{"VULTR_API_KEY": "x", "HOME": t.TempDir()}
	d, err := New(t.Context(), Options{
		Home: t.TempDir(), Remote: true, Policy: policy, Offers: offers, Rates: rates,
		Env: env,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func small(instances int) *spec.Service {
	return &spec.Service{
		Name: "echo", Instances: instances, Disk: &spec.Disk{SizeGB: 100, Path: "/data"},
		Source:    spec.Source{Container: &spec.Container{Image: "nginx"}},
		Resources: spec.Resources{CPU: 1, MemoryGB: 2, StorageGB: 10},
	}
}

func TestEstimate(t *testing.T) {
	policy := policies.Default()
	policy.Lists.Cost = []string{"vultr", "digitalocean", "aws"}
	e, err := estimator(t, &policy).Estimate(t.Context(), small(3), 0, true)
	if err != nil {
		t.Fatal(err)
	}
	if e.Best == nil || e.Best.Candidate.Offer.Provider != "vultr" || e.Duration != 720*time.Hour || e.Bounded {
		t.Fatalf("got %+v", e)
	}
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-6 {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	near("the best", e.Best.TotalUSD, 720*3*(0.014+100*0.000137))
	if e.Best.PriceAge < 72*time.Hour || e.Best.PriceAge > 96*time.Hour {
		t.Errorf("the price is %s old", e.Best.PriceAge)
	}
	var got []string
	notes := map[string]string{}
	for _, q := range e.Compared {
		name := q.Candidate.Offer.Provider
		if q.Candidate.Spot {
			name += "/spot"
		}
		got = append(got, name)
		notes[name] = strings.Join(q.Notes, "; ")
		if q.Candidate.Offer.Provider == "aws" {
			usd := map[bool]float64{true: 0.01, false: 0.0208}[q.Candidate.Spot]
			near(name, q.TotalUSD, 720*3*(usd+120*0.00011+0.005))
		}
	}
	if want := []string{"vultr", "aws/spot", "digitalocean", "aws"}; !slices.Equal(got, want) {
		t.Errorf("compared %v, want %v", got, want)
	}
	if notes["vultr"] != "" || !strings.Contains(notes["aws/spot"], `spot = "never"`) || !strings.Contains(notes["digitalocean"], "DIGITALOCEAN_TOKEN") {
		t.Errorf("notes: %v", notes)
	}
	if len(e.Missing) != 1 || e.Missing[0].Provider != "gcp" || !strings.Contains(e.Missing[0].Reason, "less than 1 vCPU") {
		t.Errorf("missing: %+v", e.Missing)
	}
}

func TestEstimateBounds(t *testing.T) {
	policy := policies.Default()
	policy.Limits.TTL = 36 * time.Hour
	policy.Limits.MaxHourlyUSD = 0.02
	d := estimator(t, &policy)
	e, err := d.Estimate(t.Context(), small(1), 0, false)
	if err != nil || e.Duration != 36*time.Hour || !e.Bounded {
		t.Errorf("got %s, %v, %v", e.Duration, e.Bounded, err)
	}
	// 0.014 alone is under the cap; with the disk it is not.
	if e.Best != nil {
		t.Errorf("above the cap: %+v", e.Best)
	}
	if e, err = d.Estimate(t.Context(), small(1), 48*time.Hour, true); err != nil || e.Duration != 48*time.Hour || e.Bounded || len(e.Compared) != 0 {
		t.Errorf("got %+v, %v", e, err)
	}
	for _, bad := range []time.Duration{-time.Hour, 88000 * time.Hour} {
		var f *failure.Error
		if _, err := d.Estimate(t.Context(), small(1), bad, false); !errors.As(err, &f) || f.Code != failure.Input {
			t.Errorf("%s: got %v", bad, err)
		}
	}
}

// What a bundle is told comes from the candidate and the policy.
func TestBundleInput(t *testing.T) {
	policy := policies.Default()
	policy.Lists.Cost = []string{"aws"}
	policy.Limits.Spot = policies.SpotRequire
	policy.Limits.TTL = 36 * time.Hour
	policy.Access.SSHFrom = []string{"203.0.113.0/24"}
	d := estimator(t, &policy)
	in, err := d.selection(t.Context(), small(1))
	if err != nil {
		t.Fatal(err)
	}
	in.Unavailable = nil
	r := selector.Select(in)
	if len(r.Candidates) != 1 {
		t.Fatalf("got %+v", r)
	}
	dep := &store.Deployment{ID: "d1", Name: "echo", Service: *small(1), Policy: policy}
	got, err := d.bundleInput(t.Context(), dep, &r.Candidates[0])
	if err != nil {
		t.Fatal(err)
	}
	if got.Zone != "us-east-1a" || !got.Spot || got.BootDiskGB != 20 || got.TTL != 36*time.Hour || got.Size != "t3.small" {
		t.Errorf("got %+v", got)
	}
	if row := rowOf(1, &r.Candidates[0]); row.Zone != "us-east-1a" || !row.Spot || math.Abs(row.PriceUSD-(0.01+120*0.00011+0.005)) > 1e-9 {
		t.Errorf("row %+v", row)
	}
}
