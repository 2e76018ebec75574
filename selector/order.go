package selector

import (
	"cmp"
	"math"
	"slices"

	"skysail/catalog"
)

// ordering is what the candidates of one selection are ordered by, and what
// they share.
type ordering struct {
	rule     Rule
	listed   int // how many providers the rule's list has
	cheapest bool
	// spotFirst puts a provider's interruptible offers before its others. Not
	// where the cheapest is first: there the spot price is preference enough.
	spotFirst  bool
	regionRank func(region string) int
}

// group is what counts before the price.
func (by *ordering) group(rank uint16, spot bool) int {
	if by.cheapest {
		return 0
	}
	g := 2 * int(rank)
	if by.spotFirst && !spot {
		g++
	}
	return g
}

// compare is a total order: what is equal in it is the same offer. Between
// equal prices the list's order decides, then more for the same money, then
// the order of the policy's regions.
func (by *ordering) compare(a, b Candidate) int {
	if c := by.group(a.rank, a.Spot) - by.group(b.rank, b.Spot); c != 0 {
		return c
	}
	if a.PriceUSD != b.PriceUSD {
		return cmp.Compare(a.PriceUSD, b.PriceUSD)
	}
	if a.rank != b.rank {
		return cmp.Compare(a.rank, b.rank)
	}
	x, y := a.Offer, b.Offer
	if x.VCPU != y.VCPU {
		return cmp.Compare(y.VCPU, x.VCPU)
	}
	if x.MemoryGB != y.MemoryGB {
		return cmp.Compare(y.MemoryGB, x.MemoryGB)
	}
	if rx, ry := by.regionRank(x.Region), by.regionRank(y.Region); rx != ry {
		return cmp.Compare(rx, ry)
	}
	return catalog.Compare(x, y)
}

// place stands for a candidate while they are put in order: head holds the
// group and the upper bits of the price, so that places sort as integers and
// only those with equal heads are compared in full.
type place struct {
	head  uint32
	index uint32 // of the offer
}

const (
	priceBits = 27 // exponent and 16 bits of the fraction
	maxGroup  = 1<<(32-priceBits) - 1
)

func newPlace(group int, price float64, index int) place {
	head := math.Float64bits(math.Max(price, 0)) >> (63 - priceBits)
	return place{head: uint32(min(group, maxGroup))<<priceBits | uint32(head), index: uint32(index)} //nolint:gosec // bounded above
}

// sortPlaces sorts by head and keeps the order of equal ones: a radix sort,
// three times as fast as comparing when there are many.
func sortPlaces(places []place) []place {
	const digit = 11
	other := make([]place, len(places))
	for shift := 0; shift < 32; shift += digit {
		var starts [1<<digit + 1]int
		for _, p := range places {
			starts[p.head>>shift&(1<<digit-1)+1]++
		}
		for i := 1; i < len(starts); i++ {
			starts[i] += starts[i-1]
		}
		for _, p := range places {
			at := &starts[p.head>>shift&(1<<digit-1)]
			other[*at] = p
			*at++
		}
		places, other = other, places
	}
	return places
}

// fill makes the candidates of places in their final order.
func (by *ordering) fill(places []place, candidate func(index uint32) Candidate) []Candidate {
	places = sortPlaces(places)
	out := make([]Candidate, len(places))
	for start := 0; start < len(places); {
		end := start
		for end < len(places) && places[end].head == places[start].head {
			out[end] = candidate(places[end].index)
			end++
		}
		if equal := out[start:end]; !slices.IsSortedFunc(equal, by.compare) {
			slices.SortFunc(equal, by.compare)
		}
		start = end
	}
	return out
}
