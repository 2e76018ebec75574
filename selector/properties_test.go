package selector

import (
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"skysail/catalog"
	"skysail/policies"
	"skysail/spec"
)

// few draws from a small set, so that equal prices, sizes and names are
// common.
func few[T any](t *rapid.T, label string, values ...T) T {
	return rapid.SampledFrom(values).Draw(t, label)
}

func drawOffer(t *rapid.T) catalog.Offer {
	o := catalog.Offer{
		Provider: few(t, "provider", policies.Providers()...),
		Region:   few(t, "region", "us-east-1", "us-west-2", "eu-west-1", "nyc1", "ewr"),
		Type:     few(t, "type", "a", "b", "c"),
		Arch:     few(t, "arch", "amd64", "amd64", "amd64", "arm64"),
		VCPU:     few(t, "vcpu", 0.5, 1, 2, 8, 16, 64),
		MemoryGB: few(t, "memory", 0.5, 1, 4, 32, 64, 256),
		DiskGB:   few(t, "disk", 0.0, 25, 100, 1000),
		PriceUSD: few(t, "price", 0.01, 0.02, 0.1, 0.5, 3),
		AsOf:     few(t, "as of", "2026-11-20", "2026-11-20", "2026-01-01", "yesterday"),
	}
	if rapid.Bool().Draw(t, "has spot") {
		o.SpotUSD = spotAt(few(t, "spot", 0.005, 0.01, 0.1, 1))
	}
	if rapid.Bool().Draw(t, "has gpu") {
		o.GPU = &catalog.GPU{Model: few(t, "model", "L4", "H100", "A100"), Count: few(t, "gpus", 1, 2, 8), MemoryGB: few(t, "gpu memory", 24.0, 40, 80)}
	}
	if rapid.Bool().Draw(t, "has zones") {
		o.Zones = []string{o.Region + few(t, "zone", "a", "b"), o.Region + "c"}
	}
	return o
}

func drawMemory(t *rapid.T) []Shortage {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Shortage {
		return Shortage{
			Provider: few(t, "short provider", policies.Providers()...),
			Region:   few(t, "short region", "us-east-1", "us-west-2", "eu-west-1", "nyc1", "ewr"),
			Type:     few(t, "short type", "a", "b", "c"),
			Spot:     rapid.Bool().Draw(t, "short spot"),
			Kind:     few(t, "kind", ShortCapacity, ShortQuota, "weather"),
			At:       today.Add(-few(t, "age", 0, time.Second, 20*time.Minute, 59*time.Minute, 2*time.Hour, 20*time.Hour, 3000*time.Hour, -time.Hour)),
		}
	}), 0, 8).Draw(t, "memory")
}

func drawInput(t *rapid.T) Input {
	svc := &spec.Service{Name: "echo", Instances: few(t, "instances", 1, 2, 3, 7), Resources: spec.Resources{
		CPU:       few(t, "need cpu", 0.1, 0.5, 0.55, 1.1, 3, 8, 8.5),
		MemoryGB:  few(t, "need memory", 0.5, 0.55, 1, 3.9, 32, 33),
		StorageGB: few(t, "need disk", 0.0, 0, 20, 100, 65537),
	}}
	if few(t, "needs gpu", false, false, true) {
		svc.Resources.GPU = &spec.GPU{Count: few(t, "need gpus", 1, 2), Model: few(t, "need model", "", "L4", "nvidia-h100", "A100-80GB"), MemoryGB: few(t, "need gpu memory", 0.0, 0, 24, 48)}
	}
	svc.Resources.Arch = few(t, "need arch", "", "amd64", "arm64")
	if rapid.Bool().Draw(t, "needs a disk") {
		svc.Disk = &spec.Disk{SizeGB: few(t, "data disk", 1, 100, 65536), Path: "/data"}
	}
	p := policies.Default()
	names := rapid.SliceOfN(rapid.SampledFrom(policies.Providers()), 1, 6)
	p.Lists.GPU, p.Lists.CPU = names.Draw(t, "gpu list"), names.Draw(t, "cpu list")
	p.Lists.Memory, p.Lists.Cost = names.Draw(t, "memory list"), names.Draw(t, "cost list")
	p.Lists.Order = few(t, "order", "", policies.OrderListed, policies.OrderCheapest)
	p.Limits.Spot = few(t, "spot", policies.SpotNever, policies.SpotPrefer, policies.SpotRequire)
	p.Limits.MaxHourlyUSD = few(t, "cap", 0, 0, 0.03, 0.3, 2)
	p.Limits.Regions = few(t, "regions", nil, nil, []string{"us-*"}, []string{"nyc?", "eu-*"}, []string{"*"})
	in := Input{Service: svc, Memory: drawMemory(t), Policy: &p, Offers: rapid.SliceOfN(rapid.Custom(drawOffer), 0, 60).Draw(t, "offers"), Now: today}
	in.Rates = map[string]catalog.Rates{}
	for _, name := range policies.Providers() {
		if few(t, "has rates", true, true, false) {
			in.Rates[name] = catalog.Rates{
				Provider: name, DiskUSD: few(t, "disk rate", 0.0001, 0.0002), AddressUSD: few(t, "address", 0, 0.005),
				AsOf: few(t, "rates as of", "2026-11-20", "2026-11-20", "2026-01-01", ""),
			}
		}
	}
	if rapid.Bool().Draw(t, "has a cluster") {
		in.Clusters = map[string]string{p.Kubernetes.Context: few(t, "cluster refusal", "", "", "it does not answer")}
		if rapid.Bool().Draw(t, "has several") {
			p.Kubernetes.Contexts = few(t, "contexts", []string{"z", p.Kubernetes.Context, "a"}, []string{p.Kubernetes.Context, "z", "unasked"})
			in.Clusters["z"], in.Clusters["a"] = few(t, "refusal of z", "", "", "z does not answer"), ""
		}
	}
	p.Target = few(t, "target", "", "", "", policies.Kubernetes)
	svc.MaxInstances = few(t, "max instances", 0, 0, 0, svc.Instances+1)
	if few(t, "is hybrid", false, false, false, true) {
		p.Hybrid = few(t, "hybrid",
			&policies.Hybrid{Primary: policies.AWS, FallbackK8s: p.Kubernetes.Context}, &policies.Hybrid{Primary: policies.Vultr, FallbackK8s: p.Kubernetes.Context},
			&policies.Hybrid{Primary: policies.Kubernetes, Fallback: policies.GCP})
	}
	if rapid.Bool().Draw(t, "something is unavailable") {
		in.Unavailable = map[string]string{few(t, "unavailable", policies.Providers()...): "no credentials"}
	}
	return in
}

// Clusters stand in the policy's order, and hybrid's primary before the other.
func TestClustersInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		in.Memory = nil
		r := Select(in)
		last, clouds := -1, 0
		for _, c := range r.Candidates {
			if c.Offer.Provider != policies.Kubernetes {
				clouds++
				if h := in.Policy.Hybrid; h != nil && h.Primary != policies.Kubernetes && last >= 0 {
					t.Fatalf("a cloud after the cluster: %+v", c.Offer)
				}
				continue
			}
			if h := in.Policy.Hybrid; h != nil && h.Primary == policies.Kubernetes && clouds > 0 {
				t.Fatalf("a cluster after the cloud: %+v", c.Offer)
			}
			at := slices.Index(contextsOf(in.Policy), c.Offer.Region)
			if at <= last {
				t.Fatalf("%s is number %d after %d", c.Offer.Region, at, last)
			}
			last = at
		}
		if in.Service.Ranged() && clouds > 0 {
			t.Fatal("a cloud for a range of instances")
		}
	})
}

func TestCandidatesFit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		need, limits := in.Service.Resources, in.Policy.Limits
		r := Select(in)
		for _, c := range r.Candidates {
			o := c.Offer
			if o.Provider == policies.Kubernetes {
				checkCluster(t, in, r, c)
				continue
			}
			if o.VCPU < need.CPU || o.MemoryGB < need.MemoryGB || diskFor(o, need.StorageGB) < need.StorageGB {
				t.Fatalf("too small: %+v for %+v", o, need)
			}
			if g := need.GPU; g != nil {
				if o.GPU == nil || o.GPU.Count < g.Count || o.GPU.MemoryGB < g.MemoryGB || !modelIs(o.GPU, g.Model) {
					t.Fatalf("wrong GPU: %+v for %+v", o.GPU, g)
				}
			} else if o.GPU != nil {
				t.Fatalf("a GPU that nobody asked for: %+v", o)
			}
			if want := few1(need.Arch, "amd64"); o.Arch != want {
				t.Fatalf("architecture %s, want %s", o.Arch, want)
			}
			if z := c.Zone(); len(o.Zones) > 0 != (z != "") || z != "" && z != o.Zones[0] {
				t.Fatalf("zone %q of %v", z, o.Zones)
			}
			if !slices.Contains(r.Providers, o.Provider) || in.Unavailable[o.Provider] != "" {
				t.Fatalf("provider %s is not to be used", o.Provider)
			}
			checkPrice(t, in, c)
			allowed := len(limits.Regions) == 0
			for _, g := range limits.Regions {
				ok, err := path.Match(g, o.Region)
				allowed = allowed || ok && err == nil
			}
			if !allowed {
				t.Fatalf("region %s is not in %v", o.Region, limits.Regions)
			}
		}
	})
}

// diskFor is the boot disk that the service gets: the offer's own, or one
// that is made as large as is asked for, up to 64 TiB.
func diskFor(o *catalog.Offer, storage float64) float64 {
	if o.DiskGB > 0 {
		return o.DiskGB
	}
	return min(float64(o.BootDiskGB(storage)), 64<<10)
}

func few1(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// modelIs spells out what each name in the draw stands for.
func modelIs(g *catalog.GPU, want string) bool {
	switch want {
	case "":
		return true
	case "nvidia-h100":
		return g.Model == "H100"
	case "A100-80GB":
		return g.Model == "A100" && g.MemoryGB == 80
	}
	return g.Model == want
}

func checkCluster(t *rapid.T, in Input, r Result, c Candidate) {
	if why, ok := in.Clusters[c.Offer.Region]; !ok || why != "" || in.Unavailable[policies.Kubernetes] != "" {
		t.Fatalf("the cluster is not to be used: %q", why)
	}
	if !slices.Contains(r.Providers, policies.Kubernetes) || c.TotalUSD != 0 || c.Offer.VCPU < in.Service.Resources.CPU {
		t.Fatalf("%+v", c)
	}
}

// checkPrice adds the price up again, from the offer and the rates.
func checkPrice(t *rapid.T, in Input, c Candidate) {
	limits := in.Policy.Limits
	want := c.Offer.PriceUSD
	switch {
	case limits.Spot == policies.SpotNever && c.Spot:
		t.Fatalf("spot although never: %+v", c)
	case limits.Spot == policies.SpotRequire && !c.Spot:
		t.Fatalf("not spot although required: %+v", c)
	case c.Spot && c.Offer.SpotUSD == nil:
		t.Fatalf("spot without a spot price: %+v", c)
	case c.Spot:
		want = *c.Offer.SpotUSD
	}
	rates, known := in.Rates[c.Offer.Provider]
	gb := 0
	if c.Offer.DiskGB == 0 {
		gb = max(20, int(in.Service.Resources.StorageGB))
		if c.Offer.GPU != nil {
			gb = max(80, gb)
		}
	}
	if in.Service.Disk != nil {
		gb += in.Service.Disk.SizeGB
	}
	want += float64(gb)*rates.DiskUSD + rates.AddressUSD
	if d := c.PriceUSD - want; d > 1e-9 || d < -1e-9 {
		t.Fatalf("price %v, offer and rates say %v", c.PriceUSD, want)
	}
	parts := c.Price()
	if d := parts.InstanceUSD + parts.BootDiskUSD + parts.DataDiskUSD + parts.AddressUSD - want; d > 1e-8 || d < -1e-8 {
		t.Fatalf("the parts %+v are not %v", parts, want)
	}
	if d := c.TotalUSD - c.PriceUSD*float64(in.Service.Instances); d > 1e-9 || d < -1e-9 {
		t.Fatalf("total %v of %d at %v", c.TotalUSD, in.Service.Instances, c.PriceUSD)
	}
	if limits.MaxHourlyUSD == 0 {
		return
	}
	if c.TotalUSD > limits.MaxHourlyUSD {
		t.Fatalf("%v is above the cap %v", c.TotalUSD, limits.MaxHourlyUSD)
	}
	if gb > 0 && !known {
		t.Fatalf("a cap held against disks without a price: %+v", c)
	}
	if at, err := time.Parse(time.DateOnly, rates.AsOf); gb > 0 && (err != nil || in.Now.Sub(at) > limits.MaxPriceAge) {
		t.Fatalf("a cap held against rates of %q", rates.AsOf)
	}
	day, err := time.Parse(time.DateOnly, c.Offer.AsOf)
	if err != nil || in.Now.Sub(day) > limits.MaxPriceAge {
		t.Fatalf("a cap held against a price of %s", c.Offer.AsOf)
	}
}

// TestNothingIsLost: every offer of a listed provider that can be used is a
// candidate or counted as refused, and what fits is never refused.
func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		r := Select(in)
		offered := map[string]int{}
		for _, o := range in.Offers {
			if o.Provider != policies.Kubernetes && slices.Contains(r.Providers, o.Provider) && in.Unavailable[o.Provider] == "" {
				offered[o.Provider]++
			}
		}
		got, seen := map[string]int{}, map[*catalog.Offer]bool{}
		for _, c := range r.Candidates {
			// An offer may be a candidate twice: spot and on demand.
			if !seen[c.Offer] && c.Offer.Provider != policies.Kubernetes {
				got[c.Offer.Provider]++
			}
			seen[c.Offer] = true
		}
		for _, x := range r.Refused {
			if offered[x.Provider] == 0 {
				if x.Count != 1 {
					t.Fatalf("%+v", x)
				}
				continue
			}
			got[x.Provider] += x.Count
			if x.Reason == "" || x.Count < 1 {
				t.Fatalf("%+v", x)
			}
		}
		if diff := cmp.Diff(offered, got); diff != "" {
			t.Fatalf("offers, and candidates with refusals:\n%s", diff)
		}
		total := 0
		for _, n := range offered {
			total += n
		}
		if wants := len(r.Candidates) == 0 && total > 0; wants != (r.Closest != "") {
			t.Fatalf("%d candidates, %d offers, closest %q", len(r.Candidates), total, r.Closest)
		}
	})
}

func TestOrderOfOffersDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		want := Select(in)
		in.Offers = rapid.Permutation(in.Offers).Draw(t, "permuted")
		got := Select(in)
		if diff := cmp.Diff(render(want), render(got)); diff != "" {
			t.Fatal(diff)
		}
		for i := range want.Candidates {
			if want.Candidates[i].Spot != got.Candidates[i].Spot {
				t.Fatalf("place %d: spot and not", i+1)
			}
			if diff := cmp.Diff(*want.Candidates[i].Offer, *got.Candidates[i].Offer); diff != "" {
				t.Fatalf("place %d:\n%s", i+1, diff)
			}
		}
	})
}

// TestOrder: the result is sorted by what it says it is sorted by, and the
// comparison behind it is a total order.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		r := Select(in)
		cs := r.Candidates
		if len(cs) == 0 {
			return
		}
		by := cs[0].by
		for i := range cs[1:] {
			a, b := cs[i], cs[i+1]
			ra, rb := slices.Index(r.Providers, a.Offer.Provider), slices.Index(r.Providers, b.Offer.Provider)
			switch {
			case by.compare(a, b) > 0:
				t.Fatalf("place %d is after place %d", i+1, i+2)
			case by.cheapest && a.PriceUSD*(1+float64(a.weight)) > b.PriceUSD*(1+float64(b.weight)):
				t.Fatalf("cheapest first, and %v comes before %v", a.PriceUSD, b.PriceUSD)
			case !by.cheapest && a.weight >= 0.5 && b.weight < 0.5:
				t.Fatalf("a fresh shortage comes before what had none")
			case a.weight > 0 || b.weight > 0:
			case !by.cheapest && ra > rb:
				t.Fatalf("%s comes before %s of %v", a.Offer.Provider, b.Offer.Provider, r.Providers)
			case !by.cheapest && ra == rb && a.Spot == b.Spot && a.PriceUSD > b.PriceUSD:
				t.Fatalf("inside %s %v comes before %v", a.Offer.Provider, a.PriceUSD, b.PriceUSD)
			}
		}
		pick := func(label string) Candidate { return cs[rapid.IntRange(0, len(cs)-1).Draw(t, label)] }
		a, b, c := pick("a"), pick("b"), pick("c")
		if by.compare(a, b) != -by.compare(b, a) && by.compare(a, b)*by.compare(b, a) >= 0 {
			t.Fatalf("not antisymmetric: %+v %+v", a.Offer, b.Offer)
		}
		if by.compare(a, b) <= 0 && by.compare(b, c) <= 0 && by.compare(a, c) > 0 {
			t.Fatalf("not transitive: %+v %+v %+v", a.Offer, b.Offer, c.Offer)
		}
		if by.compare(a, b) == 0 && (a.Spot != b.Spot || !cmp.Equal(*a.Offer, *b.Offer)) {
			t.Fatalf("equal, and not the same: %+v %+v", a.Offer, b.Offer)
		}
	})
}

// TestClosestIsClosest: where only vCPU is short, the offer with most of it is
// the closest.
func TestClosestIsClosest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		in.Clusters = nil
		in.Service.Resources.CPU = 1000
		in.Policy.Limits.Regions, in.Policy.Limits.MaxHourlyUSD, in.Policy.Limits.Spot = nil, 0, policies.SpotNever
		in.Service.Resources.MemoryGB, in.Service.Resources.StorageGB, in.Service.Resources.GPU = 0.1, 0, nil
		in.Service.Resources.Arch, in.Policy.Hybrid = "", nil
		in.Policy.Thresholds.Instances = 100
		r := Select(in)
		best := 0.0
		for _, o := range in.Offers {
			if o.Provider != policies.Kubernetes && slices.Contains(r.Providers, o.Provider) && in.Unavailable[o.Provider] == "" && o.Arch == "amd64" && o.GPU == nil {
				best = max(best, o.VCPU)
			}
		}
		// An offer that lacks one thing more would need twice the vCPU.
		for _, o := range in.Offers {
			if slices.Contains(r.Providers, o.Provider) && in.Unavailable[o.Provider] == "" && (o.Arch != "amd64" || o.GPU != nil) && o.VCPU >= 2*best {
				return
			}
		}
		if best > 0 && !strings.Contains(r.Closest, num(best)+" of 1000 vCPU") {
			t.Fatalf("the best has %v vCPU; got %q", best, r.Closest)
		}
	})
}

// TestMemoryOnlyReorders: with and without memory the candidates and refusals
// are the same, and those that nothing is remembered of keep their order.
func TestMemoryOnlyReorders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		with := Select(in)
		in.Memory = nil
		without := Select(in)
		if diff := cmp.Diff(without.Refused, with.Refused); diff != "" || len(with.Candidates) != len(without.Candidates) {
			t.Fatalf("%d candidates, %d with memory; refusals:\n%s", len(without.Candidates), len(with.Candidates), diff)
		}
		type key struct {
			offer *catalog.Offer
			spot  bool
		}
		// The cluster's offer is made anew in each selection.
		of := func(c Candidate) key {
			if c.Offer.Provider == policies.Kubernetes {
				return key{}
			}
			return key{c.Offer, c.Spot}
		}
		before, after := map[key]int{}, map[key]int{}
		for i := range with.Candidates {
			before[of(without.Candidates[i])], after[of(with.Candidates[i])] = i, i
		}
		if len(before) != len(after) {
			t.Fatal("other candidates")
		}
		for _, a := range with.Candidates {
			for _, b := range with.Candidates {
				if b.weight == 0 && (before[of(a)] > before[of(b)]) && after[of(a)] < after[of(b)] {
					t.Fatalf("memory of %v put %+v before %+v", a.weight, a.Offer, b.Offer)
				}
			}
		}
	})
}
