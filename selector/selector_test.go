package selector

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skysail/catalog"
	"skysail/policies"
	"skysail/spec"
)

var update = flag.Bool("update", false, "write the golden files")

var today = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

const recent = "2026-11-20"

func spotAt(usd float64) *float64 { return &usd }

// market is small enough to order by hand.
func market() []catalog.Offer {
	l4 := func(n int) *catalog.GPU { return &catalog.GPU{Model: "L4", Count: n, MemoryGB: 24} }
	return []catalog.Offer{
		{Provider: "aws", Region: "us-east-1", Type: "c7i.4xlarge", Arch: "amd64", VCPU: 16, MemoryGB: 32, DiskGB: 100, PriceUSD: 0.714, SpotUSD: spotAt(0.25), AsOf: recent},
		{Provider: "aws", Region: "us-east-1", Type: "c7g.4xlarge", Arch: "arm64", VCPU: 16, MemoryGB: 32, DiskGB: 100, PriceUSD: 0.58, AsOf: recent},
		{Provider: "aws", Region: "us-east-1", Type: "g6.xlarge", Arch: "amd64", VCPU: 4, MemoryGB: 16, DiskGB: 250, GPU: l4(1), PriceUSD: 0.805, SpotUSD: spotAt(0.3), AsOf: recent},
		{Provider: "aws", Region: "eu-west-1", Type: "g6.12xlarge", Arch: "amd64", VCPU: 48, MemoryGB: 192, DiskGB: 3760, GPU: l4(4), PriceUSD: 5.1, AsOf: recent},
		{Provider: "aws", Region: "us-east-1", Type: "r7i.2xlarge", Arch: "amd64", VCPU: 8, MemoryGB: 64, DiskGB: 100, PriceUSD: 0.529, SpotUSD: spotAt(0.2), AsOf: recent},
		{Provider: "aws", Region: "us-east-1", Type: "t3.small", Arch: "amd64", VCPU: 2, MemoryGB: 2, DiskGB: 100, PriceUSD: 0.0208, SpotUSD: spotAt(0.007), AsOf: recent},
		{Provider: "digitalocean", Region: "nyc1", Type: "c-16", Arch: "amd64", VCPU: 16, MemoryGB: 32, DiskGB: 200, PriceUSD: 0.5, AsOf: recent},
		{Provider: "digitalocean", Region: "fra1", Type: "s-2vcpu-2gb", Arch: "amd64", VCPU: 2, MemoryGB: 2, DiskGB: 60, PriceUSD: 0.0268, AsOf: recent},
		{Provider: "digitalocean", Region: "nyc1", Type: "s-2vcpu-2gb", Arch: "amd64", VCPU: 2, MemoryGB: 2, DiskGB: 60, PriceUSD: 0.0268, AsOf: recent},
		{Provider: "gcp", Region: "us-central1", Type: "g2-standard-4", Arch: "amd64", VCPU: 4, MemoryGB: 16, DiskGB: 100, GPU: l4(1), PriceUSD: 0.71, SpotUSD: spotAt(0.28), AsOf: recent},
		{Provider: "gcp", Region: "us-central1", Type: "n2-highmem-8", Arch: "amd64", VCPU: 8, MemoryGB: 64, DiskGB: 100, PriceUSD: 0.524, SpotUSD: spotAt(0.13), AsOf: recent},
		{Provider: "vultr", Region: "ewr", Type: "vc2-2c-2gb", Arch: "amd64", VCPU: 2, MemoryGB: 2, DiskGB: 65, PriceUSD: 0.021, AsOf: "2025-12-18"},
		{Provider: "vultr", Region: "ewr", Type: "vc2-2c-4gb", Arch: "amd64", VCPU: 2, MemoryGB: 4, DiskGB: 80, PriceUSD: 0.0268, AsOf: recent},
		{Provider: "vultr", Region: "ewr", Type: "voc-c-16c-32gb", Arch: "amd64", VCPU: 16, MemoryGB: 32, DiskGB: 500, PriceUSD: 0.49, AsOf: recent},
		{Provider: "vultr", Region: "ams", Type: "voc-c-16c-32gb", Arch: "amd64", VCPU: 16, MemoryGB: 32, DiskGB: 500, PriceUSD: 0.49, AsOf: recent},
	}
}

func policy() *policies.Policy {
	p := policies.Default()
	return &p
}

func service(cpu, memory, disk float64) *spec.Service {
	return &spec.Service{Name: "echo", Instances: 1, Resources: spec.Resources{CPU: cpu, MemoryGB: memory, StorageGB: disk}}
}

func withGPU(s *spec.Service, count int, model string) *spec.Service {
	s.Resources.GPU = &spec.GPU{Count: count, Model: model}
	return s
}

func times(s *spec.Service, n int) *spec.Service {
	s.Instances = n
	return s
}

func upTo(s *spec.Service, n int) *spec.Service {
	s.MaxInstances = n
	return s
}

func nativeService(s *spec.Service) *spec.Service {
	s.Source.Native = &spec.Native{URL: "https://example.com/a.tar.gz"}
	return s
}

func withDisk(s *spec.Service, gb int) *spec.Service {
	s.Disk = &spec.Disk{SizeGB: gb, Path: "/data"}
	return s
}

func onArch(s *spec.Service, arch string) *spec.Service {
	s.Resources.Arch = arch
	return s
}

func withGPUMemory(s *spec.Service, gb float64) *spec.Service {
	s.Resources.GPU.MemoryGB = gb
	return s
}

// elastic makes the disks of two clouds something that is paid for apart.
func elastic(in *Input) {
	for i := range in.Offers {
		if o := &in.Offers[i]; o.Provider == "aws" || o.Provider == "gcp" {
			o.DiskGB, o.Zones = 0, []string{o.Region + "a", o.Region + "b"}
		}
	}
	in.Rates = map[string]catalog.Rates{
		"aws":          {Provider: "aws", DiskUSD: 0.00011, AddressUSD: 0.005, AsOf: recent},
		"gcp":          {Provider: "gcp", DiskUSD: 0.000137, AddressUSD: 0.005, AsOf: "2026-11-10"},
		"digitalocean": {Provider: "digitalocean", DiskUSD: 0.000149, AsOf: recent},
		"vultr":        {Provider: "vultr", DiskUSD: 0.000137, AsOf: recent},
	}
}

// render is a result as a person would want to compare it.
func render(r Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "rule: %s: %s\nproviders: %s\n", r.Rule, r.Why, strings.Join(r.Providers, " "))
	for i := range r.Candidates {
		c := &r.Candidates[i]
		fmt.Fprintf(&b, "%d. %s %s %s $%.4f\n   %s\n", i+1, c.Offer.Provider, c.Offer.Region, c.Offer.Type, c.TotalUSD, strings.Join(c.Reasons(), "; "))
	}
	for _, x := range r.Refused {
		fmt.Fprintf(&b, "- %s %d: %s\n", x.Provider, x.Count, x.Reason)
		if x.Example != "" {
			fmt.Fprintf(&b, "   such as %s\n", x.Example)
		}
	}
	if r.Closest != "" {
		fmt.Fprintf(&b, "closest: %s\n", r.Closest)
	}
	return b.String()
}

func TestSelect(t *testing.T) {
	tests := []struct {
		name        string
		service     *spec.Service
		policy      func(*policies.Policy)
		unavailable map[string]string
		input       func(*Input)
	}{
		{name: "gpu: gcp, then aws", service: withGPU(service(4, 16, 50), 1, "")},
		{name: "gpu: model in small letters", service: withGPU(service(4, 16, 50), 1, "l4")},
		{name: "gpu: more than most have", service: withGPU(service(4, 16, 50), 2, "L4")},
		{name: "gpu: nobody has the model", service: withGPU(service(4, 16, 50), 1, "H100")},
		{name: "gpu: comes before cpu and memory", service: withGPU(service(32, 128, 50), 1, "L4")},
		{name: "cpu: vultr, digitalocean, aws", service: service(16, 32, 50)},
		{name: "cpu: comes before memory", service: service(16, 64, 50)},
		{name: "cpu: the threshold itself is not above it", service: service(8, 16, 50)},
		{name: "cpu: order cheapest", service: service(16, 32, 50), policy: func(p *policies.Policy) { p.Lists.Order = policies.OrderCheapest }},
		{name: "memory: aws, then gcp", service: service(8, 64, 50)},
		{name: "cost: cheapest first", service: service(1, 2, 20)},
		{name: "cost: order listed", service: service(1, 2, 20), policy: func(p *policies.Policy) { p.Lists.Order = policies.OrderListed }},
		{name: "instances: above the threshold", service: times(service(1, 2, 20), 11), unavailable: map[string]string{"kubernetes": "not supported yet"}},
		{name: "instances: the threshold itself", service: times(service(1, 2, 20), 10)},
		{name: "hybrid", service: service(1, 2, 20), policy: func(p *policies.Policy) {
			p.Hybrid = &policies.Hybrid{Primary: "aws", FallbackK8s: "staging"}
		}},
		{name: "regions: globs, the first first", service: service(1, 2, 20), policy: func(p *policies.Policy) { p.Limits.Regions = []string{"nyc*", "*"} }},
		{name: "regions: nothing there", service: service(16, 32, 50), policy: func(p *policies.Policy) { p.Limits.Regions = []string{"ap-*"} }},
		{name: "cap: of all instances", service: times(service(1, 2, 20), 3), policy: func(p *policies.Policy) {
			p.Limits.MaxHourlyUSD = 0.0624 // three t3.small, to the cent
		}},
		{name: "cap: nothing under it", service: service(16, 32, 50), policy: func(p *policies.Policy) { p.Limits.MaxHourlyUSD = 0.4 }},
		{name: "cap: prices too old for it", service: service(1, 2, 20), policy: func(p *policies.Policy) {
			p.Limits.MaxHourlyUSD = 1
			p.Limits.MaxPriceAge = 24 * time.Hour
		}},
		{name: "spot: prefer", service: service(1, 2, 20), policy: func(p *policies.Policy) { p.Limits.Spot = policies.SpotPrefer }},
		{name: "spot: prefer inside a listed provider", service: service(16, 32, 50), policy: func(p *policies.Policy) {
			p.Limits.Spot = policies.SpotPrefer
			p.Lists.CPU = []string{"digitalocean", "aws"}
		}},
		{name: "spot: require", service: service(8, 16, 50), policy: func(p *policies.Policy) { p.Limits.Spot = policies.SpotRequire }},
		{name: "providers: without credentials", service: service(16, 32, 50), unavailable: map[string]string{"vultr": "VULTR_API_KEY is not set"}},
		{name: "providers: none usable", service: service(8, 64, 50), unavailable: map[string]string{"aws": "no credentials", "gcp": "no credentials"}},
		{name: "providers: named twice", service: service(1, 2, 20), policy: func(p *policies.Policy) { p.Lists.Cost = []string{"vultr", "vultr", "kubernetes"} }},
		{name: "closest: a bit too small", service: service(20, 32, 50)},
		{name: "closest: disk", service: service(16, 16, 600)},
		{name: "closest: several lacks", service: times(service(24, 64, 50), 2), policy: func(p *policies.Policy) {
			p.Limits.Regions = []string{"us-*"}
			p.Limits.MaxHourlyUSD = 1
		}},
		{name: "price: disks and addresses reorder", service: service(1, 2, 30), input: elastic},
		{name: "price: under a cap", service: withDisk(service(1, 2, 20), 100), input: elastic, policy: func(p *policies.Policy) {
			p.Limits.MaxHourlyUSD = 0.05
		}},
		{name: "price: without the rates there is no cap", service: withDisk(service(1, 2, 20), 100), policy: func(p *policies.Policy) {
			p.Limits.MaxHourlyUSD = 1000
		}},
		{name: "price: rates too old for a cap", service: service(1, 2, 20), policy: func(p *policies.Policy) {
			p.Limits.MaxHourlyUSD = 1000
		}, input: func(in *Input) {
			elastic(in)
			for name, r := range in.Rates {
				r.AsOf = "2026-01-01"
				in.Rates[name] = r
			}
		}},
		{name: "price: disk rates not known", service: withDisk(service(1, 2, 20), 100)},
		{name: "arch: arm64", service: onArch(service(4, 16, 50), "arm64")},
		{name: "gpu: memory", service: withGPUMemory(withGPU(service(4, 16, 50), 1, ""), 40)},
		{name: "disk: larger than anybody makes", service: service(1, 2, 70000), input: elastic},
		{name: "cluster: answers", service: times(service(1, 2, 20), 11), input: func(in *Input) {
			in.Clusters = map[string]string{"production": ""}
		}},
		{name: "cluster: does not answer", service: times(service(1, 2, 20), 11), input: func(in *Input) {
			in.Clusters = map[string]string{"production": "context production does not answer within 3s"}
		}},
		{name: "clusters: in order", service: times(service(1, 2, 20), 11), input: func(in *Input) {
			in.Policy.Kubernetes.Contexts = []string{"staging", "away", "production", "eu"}
			in.Clusters = map[string]string{"production": "", "staging": "", "away": "context away does not answer within 3s"}
		}},
		{name: "clusters: one is full", service: times(service(1, 2, 20), 11), input: func(in *Input) {
			in.Policy.Kubernetes.Contexts = []string{"staging", "production"}
			in.Clusters = map[string]string{"production": "", "staging": ""}
			in.Memory = []Shortage{{Provider: "kubernetes", Region: "staging", Type: "blueprints", Kind: ShortCapacity, At: in.Now.Add(-time.Minute)}}
		}},
		{name: "cluster: target", service: withGPU(service(4, 16, 50), 1, "L4"), input: func(in *Input) {
			in.Policy.Target = policies.Kubernetes
			in.Clusters = map[string]string{"production": ""}
		}},
		{name: "cluster: a native archive", service: times(nativeService(service(1, 2, 20)), 11), input: func(in *Input) {
			in.Clusters = map[string]string{"production": ""}
		}},
		{name: "cluster: hybrid with the cluster first", service: service(1, 2, 20), input: func(in *Input) {
			in.Policy.Hybrid = &policies.Hybrid{Primary: policies.Kubernetes, Fallback: "aws"}
			in.Policy.Lists.Order = policies.OrderCheapest
			in.Clusters = map[string]string{"production": ""}
		}},
		{name: "cluster: hybrid with the cloud first, although it costs more", service: service(1, 2, 20), input: func(in *Input) {
			in.Policy.Hybrid = &policies.Hybrid{Primary: "aws", FallbackK8s: "production"}
			in.Policy.Lists.Order = policies.OrderCheapest
			in.Clusters = map[string]string{"production": ""}
		}},
		{name: "range", service: upTo(times(service(1, 2, 20), 2), 5), input: func(in *Input) {
			in.Clusters = map[string]string{"production": ""}
		}},
		{name: "range: no cloud keeps it", service: upTo(service(1, 2, 20), 5), input: func(in *Input) {
			in.Policy.Hybrid = &policies.Hybrid{Primary: "aws", FallbackK8s: "production"}
			in.Clusters = map[string]string{"production": "context production does not answer within 3s"}
		}},
		{name: "cluster: hybrid", service: service(8, 64, 20), input: func(in *Input) {
			in.Policy.Hybrid = &policies.Hybrid{Primary: "gcp", FallbackK8s: "staging"}
			in.Policy.Limits.Regions = []string{"us-*"}
			in.Policy.Limits.MaxHourlyUSD = 2
			in.Clusters = map[string]string{"staging": ""}
		}},
		{name: "memory: in a list", service: service(16, 32, 20), input: func(in *Input) {
			in.Memory = []Shortage{
				{Provider: "vultr", Region: "ams", Type: "voc-c-16c-32gb", Kind: ShortCapacity, At: today.Add(-40 * time.Minute)},
				{Provider: "digitalocean", Region: "nyc1", Type: "c-16", Kind: ShortCapacity, At: today.Add(-5 * time.Minute)},
			}
		}},
		{name: "memory: capacity and quota", service: service(1, 2, 20), input: func(in *Input) {
			in.Memory = []Shortage{
				{Provider: "aws", Region: "us-east-1", Type: "t3.small", Kind: ShortCapacity, At: today.Add(-12 * time.Minute)},
				{Provider: "aws", Region: "us-east-1", Type: "r7i.2xlarge", Spot: true, Kind: ShortCapacity, At: today},
				{Provider: "vultr", Region: "ewr", Type: "vc2-2c-2gb", Kind: ShortQuota, At: today.Add(-3 * time.Hour)},
				{Provider: "digitalocean", Region: "fra1", Type: "s-2vcpu-2gb", Kind: ShortCapacity, At: today.Add(-61 * time.Minute)},
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			policy := policies.Default()
			if tt.policy != nil {
				tt.policy(&policy)
			}
			in := Input{Service: tt.service, Policy: &policy, Offers: market(), Unavailable: tt.unavailable, Now: today}
			if tt.input != nil {
				tt.input(&in)
			}
			got := render(Select(in))
			file := filepath.Join("testdata", strings.NewReplacer(": ", "-", ", ", "-", " ", "-").Replace(tt.name)+".golden")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestLocal(t *testing.T) {
	r := Local(service(64, 512, 4000))
	if len(r.Candidates) != 1 || r.Candidates[0].Offer.Provider != policies.Local || r.Candidates[0].Offer.Arch != runtime.GOARCH {
		t.Errorf("one instance: got %+v", r.Candidates)
	}
	if got := r.Candidates[0].Reasons(); len(got) != 1 || !strings.Contains(got[0], "this machine") {
		t.Errorf("reasons: %q", got)
	}
	if r := Local(onArch(service(1, 1, 1), runtime.GOARCH)); len(r.Candidates) != 1 {
		t.Errorf("this machine's architecture: got %+v", r)
	}
	for name, svc := range map[string]*spec.Service{
		"several instances": times(service(1, 1, 1), 2),
		"a range":           upTo(service(1, 1, 1), 2),
		"a GPU":             withGPU(service(1, 1, 1), 1, ""),
		"a disk":            withDisk(service(1, 1, 1), 10),
		"another machine":   onArch(service(1, 1, 1), map[string]string{"amd64": "arm64"}[runtime.GOARCH]+"x"),
	} {
		if r := Local(svc); len(r.Candidates) != 0 || len(r.Refused) != 1 || r.Refused[0].Provider != policies.Local {
			t.Errorf("%s: got %+v", name, r)
		}
	}
}

func TestReasonsOfACandidateMadeByAnother(t *testing.T) {
	offer := market()[0]
	if got := (&Candidate{Offer: &offer, PriceUSD: 1}).Reasons(); len(got) != 2 {
		t.Errorf("got %q", got)
	}
}

func TestUSD(t *testing.T) {
	for in, want := range map[float64]string{0: "0", 0.00893: "0.00893", 1.42857142: "1.429", 5: "5", 1234.5: "1234.50", 100000: "100000"} {
		if got := usd(in); got != want {
			t.Errorf("usd(%v) = %s, want %s", in, got, want)
		}
	}
}

// TestTies: what decides when the earlier criteria are equal.
func TestTies(t *testing.T) {
	base := catalog.Offer{Provider: "aws", Region: "us-east-1", Arch: "amd64", VCPU: 2, MemoryGB: 4, DiskGB: 50, PriceUSD: 0.1, AsOf: recent}
	with := func(name string, change func(*catalog.Offer)) catalog.Offer {
		o := base
		o.Type = name
		change(&o)
		return o
	}
	tests := []struct {
		name   string
		policy func(*policies.Policy)
		offers []catalog.Offer // in the wrong order
	}{
		{"more vCPU", nil, []catalog.Offer{
			with("second", func(o *catalog.Offer) {}), with("first", func(o *catalog.Offer) { o.VCPU = 4 }),
		}},
		{"more memory", nil, []catalog.Offer{
			with("second", func(o *catalog.Offer) {}), with("first", func(o *catalog.Offer) { o.MemoryGB = 8 }),
		}},
		{"earlier in the list", nil, []catalog.Offer{
			with("second", func(o *catalog.Offer) { o.Provider, o.VCPU = "gcp", 64 }), with("first", func(o *catalog.Offer) {}),
		}},
		{"hardly cheaper", nil, []catalog.Offer{
			with("second", func(o *catalog.Offer) {}), with("first", func(o *catalog.Offer) { o.PriceUSD -= 1e-9 }),
		}},
		{"spot of a listed provider", func(p *policies.Policy) {
			p.Limits.Spot = policies.SpotPrefer
			p.Lists.Order = policies.OrderListed
		}, []catalog.Offer{
			with("second", func(o *catalog.Offer) {}), with("first", func(o *catalog.Offer) { o.SpotUSD = spotAt(0.2) }),
		}},
		{"spot where the cheapest is first", func(p *policies.Policy) { p.Limits.Spot = policies.SpotPrefer }, []catalog.Offer{
			with("second", func(o *catalog.Offer) { o.PriceUSD, o.SpotUSD = 0.3, spotAt(0.2) }), with("first", func(o *catalog.Offer) {}),
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			policy := policies.Default()
			if tt.policy != nil {
				tt.policy(&policy)
			}
			r := Select(Input{Service: service(1, 2, 20), Policy: &policy, Offers: tt.offers, Now: today})
			if len(r.Candidates) < 2 || r.Candidates[0].Offer.Type != "first" {
				t.Errorf("got\n%s", render(r))
			}
		})
	}
}

func TestCapIsHeldInDecimals(t *testing.T) {
	policy := policies.Default()
	policy.Limits.MaxHourlyUSD = 0.3
	offer := catalog.Offer{Provider: "vultr", Region: "ewr", Type: "x", Arch: "amd64", VCPU: 1, MemoryGB: 1, DiskGB: 25, PriceUSD: 0.1, AsOf: recent}
	in := Input{Service: times(service(1, 1, 1), 3), Policy: &policy, Offers: []catalog.Offer{offer}, Now: today}
	if r := Select(in); len(r.Candidates) != 1 || r.Candidates[0].TotalUSD != 0.3 {
		t.Errorf("three times ten cents under a cap of thirty: got\n%s", render(r))
	}
	in.Offers[0].PriceUSD = 0.100001
	if r := Select(in); len(r.Candidates) != 0 {
		t.Errorf("above the cap: got\n%s", render(r))
	}
}

// Candidates share what they are made of; several readers do no harm.
func TestReasonsSideBySide(t *testing.T) {
	in := Input{Service: service(1, 2, 30), Policy: policy(), Offers: market(), Now: today, Memory: []Shortage{
		{Provider: "aws", Region: "us-east-1", Type: "t3.small", Kind: ShortCapacity, At: today},
	}}
	elastic(&in)
	r := Select(in)
	want := render(r)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if got := render(r); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
	group.Wait()
}
