package catalog

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Filter says which offers are wanted. Its zero value wants all.
type Filter struct {
	Providers []string
	Regions   []string // globs, one of which must match
	Type      string   // a glob
	Arch      string   // GOARCH name
	// GPU is a model, in any case. MinGPUs and GPUMemoryGB (of one
	// accelerator) want an offer with GPUs as well.
	GPU         string
	MinGPUs     int
	GPUMemoryGB float64
	MinCPU      float64
	MinMemoryGB float64
	// Spot wants offers with a spot price, and makes it the one that MaxUSD
	// and the order go by.
	Spot bool
	// MaxUSD is US dollars an hour for one instance; 0 is no limit.
	MaxUSD float64
}

// Check returns an error for a glob that can not be read or a number below
// zero, and names the field.
func (f *Filter) Check() error {
	for _, g := range f.Regions {
		if _, err := path.Match(g, ""); err != nil {
			return fmt.Errorf("region %q is not a glob: a [ has no ] or a \\ ends it", g)
		}
	}
	if _, err := path.Match(f.Type, ""); err != nil {
		return fmt.Errorf("type %q is not a glob: a [ has no ] or a \\ ends it", f.Type)
	}
	for _, n := range []struct {
		name  string
		value float64
	}{
		{"minimum of GPUs", float64(f.MinGPUs)},
		{"GPU memory", f.GPUMemoryGB},
		{"minimum of vCPU", f.MinCPU},
		{"minimum of memory", f.MinMemoryGB},
		{"maximal price", f.MaxUSD},
	} {
		if !(n.value >= 0) {
			return fmt.Errorf("the %s is %v, which is below zero or no number", n.name, n.value)
		}
	}
	return nil
}

// Match says whether the offer is wanted. What Check refuses matches nothing.
func (f *Filter) Match(o *Offer) bool {
	switch {
	case len(f.Providers) > 0 && !slices.Contains(f.Providers, o.Provider),
		len(f.Regions) > 0 && !slices.ContainsFunc(f.Regions, func(g string) bool { return glob(g, o.Region) }),
		f.Type != "" && !glob(f.Type, o.Type),
		f.Arch != "" && f.Arch != o.Arch,
		o.VCPU < f.MinCPU, o.MemoryGB < f.MinMemoryGB,
		f.Spot && o.SpotUSD == nil,
		f.MaxUSD > 0 && f.Price(o) > f.MaxUSD:
		return false
	}
	if f.GPU == "" && f.MinGPUs == 0 && f.GPUMemoryGB == 0 {
		return true
	}
	g := o.GPU
	return g != nil && (f.GPU == "" || strings.EqualFold(f.GPU, g.Model)) && g.Count >= f.MinGPUs && g.MemoryGB >= f.GPUMemoryGB
}

// Price is the price that counts for the filter, in US dollars an hour.
func (f *Filter) Price(o *Offer) float64 {
	if f.Spot && o.SpotUSD != nil {
		return *o.SpotUSD
	}
	return o.PriceUSD
}

// Apply returns the offers that match, in their order.
func (f *Filter) Apply(offers []Offer) []Offer {
	var out []Offer
	for i := range offers {
		if f.Match(&offers[i]) {
			out = append(out, offers[i])
		}
	}
	return out
}

// The orders that Sort knows: the least first, and the cheaper of two that
// are the same.
const (
	ByPrice  = "price"
	ByCPU    = "cpu"
	ByMemory = "memory"
)

// Orders are the orders that Sort knows.
func Orders() []string { return []string{ByPrice, ByCPU, ByMemory} }

// Sort puts offers in an order; equal ones stay in the order of Compare.
func (f *Filter) Sort(offers []Offer, order string) {
	slices.SortFunc(offers, func(a, b Offer) int {
		first := 0
		switch order {
		case ByCPU:
			first = cmp.Compare(a.VCPU, b.VCPU)
		case ByMemory:
			first = cmp.Compare(a.MemoryGB, b.MemoryGB)
		}
		return cmp.Or(first, cmp.Compare(f.Price(&a), f.Price(&b)), Compare(&a, &b))
	})
}

func glob(pattern, s string) bool {
	ok, err := path.Match(pattern, s)
	return err == nil && ok
}
