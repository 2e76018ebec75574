package catalog

import (
	"cmp"
	"slices"
	"strings"
)

// Compare is the order of a catalog: by provider, type and region. It is
// total: only offers that are the same in every field compare as equal.
func Compare(a, b *Offer) int {
	if c := strings.Compare(a.Provider, b.Provider); c != 0 {
		return c
	}
	if c := strings.Compare(a.Type, b.Type); c != 0 {
		return c
	}
	if c := strings.Compare(a.Region, b.Region); c != 0 {
		return c
	}
	return compareRest(a, b)
}

func compareRest(a, b *Offer) int {
	return cmp.Or(
		cmp.Compare(a.PriceUSD, b.PriceUSD),
		compareOptional(a.SpotUSD, b.SpotUSD),
		cmp.Compare(a.VCPU, b.VCPU),
		cmp.Compare(a.MemoryGB, b.MemoryGB),
		cmp.Compare(a.DiskGB, b.DiskGB),
		compareGPU(a.GPU, b.GPU),
		strings.Compare(a.Arch, b.Arch),
		slices.Compare(a.Zones, b.Zones),
		strings.Compare(a.AsOf, b.AsOf),
		strings.Compare(a.Source, b.Source),
	)
}

func compareOptional(a, b *float64) int {
	switch {
	case a != nil && b != nil:
		return cmp.Compare(*a, *b)
	case a != nil:
		return -1
	case b != nil:
		return 1
	}
	return 0
}

func compareGPU(a, b *GPU) int {
	switch {
	case a != nil && b != nil:
		return cmp.Or(strings.Compare(a.Model, b.Model), cmp.Compare(a.Count, b.Count), cmp.Compare(a.MemoryGB, b.MemoryGB))
	case a != nil:
		return -1
	case b != nil:
		return 1
	}
	return 0
}
