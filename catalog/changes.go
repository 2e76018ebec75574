package catalog

import (
	"slices"
	"strings"
)

// Changes counts how new offers of a provider differ from the old ones, by
// type and region.
type Changes struct {
	Added   int `json:"added"`
	Removed int `json:"removed"`
	Cheaper int `json:"cheaper"` // on demand
	Dearer  int `json:"dearer"`
	// Other is offers of the same on-demand price that differ in their spot
	// price, size or zones.
	Other int `json:"other"`
}

// None says whether nothing changed.
func (c Changes) None() bool { return c == Changes{} }

// Diff compares two lists of one provider, both in the order of Compare.
func Diff(before, after []Offer) Changes {
	var c Changes
	for len(before) > 0 && len(after) > 0 {
		b, a := &before[0], &after[0]
		switch d := strings.Compare(b.Type, a.Type); {
		case d < 0 || d == 0 && b.Region < a.Region:
			c.Removed++
			before = before[1:]
			continue
		case d > 0 || b.Region > a.Region:
			c.Added++
			after = after[1:]
			continue
		}
		switch {
		case a.PriceUSD < b.PriceUSD:
			c.Cheaper++
		case a.PriceUSD > b.PriceUSD:
			c.Dearer++
		case !same(b, a):
			c.Other++
		}
		before, after = before[1:], after[1:]
	}
	c.Removed += len(before)
	c.Added += len(after)
	return c
}

// same says whether two offers differ in their source and its day at most.
func same(a, b *Offer) bool {
	return a.VCPU == b.VCPU && a.MemoryGB == b.MemoryGB && a.DiskGB == b.DiskGB && a.Arch == b.Arch &&
		slices.Equal(a.Zones, b.Zones) && compareGPU(a.GPU, b.GPU) == 0 && compareOptional(a.SpotUSD, b.SpotUSD) == 0
}
