package catalog

import (
	"strings"
	"testing"
)

func shelf() []Offer {
	spot := 0.2
	return []Offer{
		{Provider: "aws", Type: "g6.xlarge", Region: "us-east-1", Arch: "amd64", VCPU: 4, MemoryGB: 16, PriceUSD: 0.8, SpotUSD: &spot, GPU: &GPU{Model: "L4", Count: 1, MemoryGB: 24}},
		{Provider: "aws", Type: "m7g.large", Region: "eu-west-1", Arch: "arm64", VCPU: 2, MemoryGB: 8, PriceUSD: 0.09},
		{Provider: "gcp", Type: "a2-highgpu-8g", Region: "us-central1", Arch: "amd64", VCPU: 96, MemoryGB: 680, PriceUSD: 29.4, GPU: &GPU{Model: "A100", Count: 8, MemoryGB: 40}},
		{Provider: "vultr", Type: "vc2-1c-1gb", Region: "ewr", Arch: "amd64", VCPU: 1, MemoryGB: 1, PriceUSD: 0.007},
	}
}

func names(offers []Offer) string {
	var out []string
	for _, o := range offers {
		out = append(out, o.Type)
	}
	return strings.Join(out, " ")
}

func TestFilter(t *testing.T) {
	for want, f := range map[string]Filter{
		"g6.xlarge m7g.large a2-highgpu-8g vc2-1c-1gb": {},
		"g6.xlarge m7g.large":                          {Providers: []string{"aws"}},
		"g6.xlarge a2-highgpu-8g":                      {Regions: []string{"us-*"}},
		"g6.xlarge a2-highgpu-8g vc2-1c-1gb":           {Regions: []string{"us-*", "ew?"}},
		"m7g.large vc2-1c-1gb":                         {MaxUSD: 0.09},
		"g6.xlarge":                                    {GPU: "l4"},
		"a2-highgpu-8g":                                {GPUMemoryGB: 40},
		"m7g.large":                                    {Arch: "arm64"},
		"vc2-1c-1gb":                                   {Type: "vc2-*"},
		"":                                             {GPU: "L4", MinGPUs: 2},
	} {
		if err := f.Check(); err != nil {
			t.Error(err)
		}
		if got := names(f.Apply(shelf())); got != want {
			t.Errorf("%+v: got %q, want %q", f, got, want)
		}
	}
	for name, tt := range map[string]struct {
		f    Filter
		want string
	}{
		"at least as many GPUs": {Filter{MinGPUs: 8}, "a2-highgpu-8g"},
		"at least that much":    {Filter{MinCPU: 4, MinMemoryGB: 16.5}, "a2-highgpu-8g"},
		"spot is what counts":   {Filter{Spot: true, MaxUSD: 0.2}, "g6.xlarge"},
		"spot above the limit":  {Filter{Spot: true, MaxUSD: 0.19}, ""},
	} {
		if got := names(tt.f.Apply(shelf())); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

func TestFilterCheckNamesTheMistake(t *testing.T) {
	for want, f := range map[string]Filter{
		`region "us-["`: {Regions: []string{"eu-*", "us-["}},
		`type "g6\\"`:   {Type: `g6\`},
		"vCPU is -1":    {MinCPU: -1},
		"price is -0.5": {MaxUSD: -0.5},
		"GPUs is -2":    {MinGPUs: -2},
	} {
		if err := f.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", f, err)
		}
	}
}

func TestSort(t *testing.T) {
	for _, tt := range []struct {
		f           Filter
		order, want string
	}{
		{Filter{}, ByPrice, "vc2-1c-1gb m7g.large g6.xlarge a2-highgpu-8g"},
		{Filter{}, ByCPU, "vc2-1c-1gb m7g.large g6.xlarge a2-highgpu-8g"},
		{Filter{}, ByMemory, "vc2-1c-1gb m7g.large g6.xlarge a2-highgpu-8g"},
	} {
		offers := shelf()
		tt.f.Sort(offers, tt.order)
		if got := names(offers); got != tt.want {
			t.Errorf("by %s: %s", tt.order, got)
		}
	}
	// Of two that have as much the cheaper one is first.
	offers := shelf()
	offers[3].VCPU, offers[3].MemoryGB, offers[3].PriceUSD = 4, 16, 0.7
	var f Filter
	f.Sort(offers, ByCPU)
	if got := names(offers); got != "m7g.large vc2-1c-1gb g6.xlarge a2-highgpu-8g" {
		t.Errorf("by cpu: %s", got)
	}
	f.Spot = true
	f.Sort(offers, ByCPU)
	if got := names(offers); got != "m7g.large g6.xlarge vc2-1c-1gb a2-highgpu-8g" {
		t.Errorf("by cpu, spot prices: %s", got)
	}
}

func TestDiff(t *testing.T) {
	spot := 0.1
	before := []Offer{
		{Type: "a", Region: "r1", PriceUSD: 1},
		{Type: "a", Region: "r2", PriceUSD: 1},
		{Type: "b", Region: "r1", PriceUSD: 2},
		{Type: "c", Region: "r1", PriceUSD: 3},
		{Type: "d", Region: "r1", PriceUSD: 4, AsOf: "2026-01-02"},
	}
	after := []Offer{
		{Type: "a", Region: "r1", PriceUSD: 1.5},
		{Type: "a", Region: "r3", PriceUSD: 1},
		{Type: "b", Region: "r1", PriceUSD: 1.9},
		{Type: "c", Region: "r1", PriceUSD: 3, SpotUSD: &spot},
		{Type: "d", Region: "r1", PriceUSD: 4, AsOf: "2026-02-03"},
		{Type: "e", Region: "r1", PriceUSD: 5},
	}
	want := Changes{Added: 2, Removed: 1, Cheaper: 1, Dearer: 1, Other: 1}
	if got := Diff(before, after); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := Diff(after, after); !got.None() {
		t.Errorf("the same: %+v", got)
	}
	if got, want := Diff(nil, after), (Changes{Added: len(after)}); got != want {
		t.Errorf("from nothing: %+v", got)
	}
}
