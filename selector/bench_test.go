package selector

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"skysail/catalog"
	"skysail/policies"
	"skysail/spec"
)

// manyOffers is a large market in the catalog's order: four clouds, types that
// are in 50 regions each, at one of five prices.
func manyOffers(n int) []catalog.Offer {
	rnd := rand.New(rand.NewPCG(1, 2))
	providers := []string{policies.AWS, policies.DigitalOcean, policies.GCP, policies.Vultr}
	const regions = 50
	offers := make([]catalog.Offer, 0, n)
	for len(offers) < n {
		p := providers[len(offers)/regions%len(providers)]
		o := catalog.Offer{
			Provider: p, Type: fmt.Sprintf("t%d", len(offers)/regions), Arch: defaultArch,
			VCPU: float64(int(1) << rnd.IntN(7)), DiskGB: float64(50 * (1 + rnd.IntN(20))), AsOf: "2026-11-01",
		}
		o.MemoryGB = o.VCPU * float64(int(1)<<rnd.IntN(4))
		base := (o.VCPU*0.02 + o.MemoryGB*0.005) * (1 + rnd.Float64()/4)
		if rnd.IntN(20) == 0 {
			o.GPU = &catalog.GPU{Model: "L4", Count: 1 + rnd.IntN(4), MemoryGB: 24}
		}
		for r := range regions {
			if len(offers) == n {
				break
			}
			o.Region = fmt.Sprintf("region-%d", r)
			o.PriceUSD = base * (1 + float64(r%5)/10)
			offers = append(offers, o)
		}
	}
	slices.SortFunc(offers, func(a, b catalog.Offer) int { return catalog.Compare(&a, &b) })
	return offers
}

func BenchmarkSelect(b *testing.B) {
	offers := manyOffers(100_000)
	policy := policies.Default()
	policy.Limits.MaxHourlyUSD = 100
	need := func(cpu, memory float64) *spec.Service {
		return &spec.Service{Name: "s", Instances: 1, Resources: spec.Resources{CPU: cpu, MemoryGB: memory}}
	}
	now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	var memory []Shortage
	for i := range 50 {
		o := &offers[i*1999]
		memory = append(memory, Shortage{Provider: o.Provider, Region: o.Region, Type: o.Type, Kind: ShortCapacity, At: now})
	}
	rates := map[string]catalog.Rates{}
	for _, p := range []string{policies.AWS, policies.DigitalOcean, policies.GCP, policies.Vultr} {
		rates[p] = catalog.Rates{Provider: p, DiskUSD: 0.0001, AddressUSD: 0.005, AsOf: "2026-11-01"}
	}
	for name, in := range map[string]Input{
		"all-fit":    {Service: need(0.5, 0.5)},
		"some-fit":   {Service: need(4, 16)},
		"none-fit":   {Service: need(8, 10_000)},
		"with-rates": {Service: need(0.5, 0.5), Rates: rates},
		"remembered": {Service: need(0.5, 0.5), Rates: rates, Memory: memory},
	} {
		p := policy
		p.Thresholds.MemoryGB = 1e6
		in.Policy, in.Offers, in.Now = &p, offers, now
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var n int
			for b.Loop() {
				n = len(Select(in).Candidates)
			}
			b.ReportMetric(float64(n), "candidates")
		})
	}
}
