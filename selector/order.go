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
	prices     *prices
	recall     *recall
}

// group is what counts before the price: the provider's place in the list,
// then what met a shortage lately, then spot. A fresh shortage puts a
// candidate after all providers, a faded one after the others of its own.
func (by *ordering) group(rank uint16, spot bool, weight float32) int {
	if by.cheapest {
		return 0
	}
	g := 4 * int(rank)
	if weight >= fresh {
		g = 4 * by.listed
	}
	if weight > 0 {
		g += 2
	}
	if by.spotFirst && !spot {
		g++
	}
	return g
}

// handicap is the price by which a candidate is put in order: where the
// cheapest is first, a shortage counts as if it cost more. It must not send a
// service to an offer of ten times the price.
func (by *ordering) handicap(usd float64, weight float32) float64 {
	if by.cheapest {
		return usd * (1 + float64(weight))
	}
	return usd
}

// compare is a total order: what is equal in it is the same offer at the same
// price. Between equal prices the list's order decides, then more for the same
// money, then capacity that nobody interrupts, then the order of the policy's
// regions.
func (by *ordering) compare(a, b Candidate) int {
	if c := by.group(a.rank, a.Spot, a.weight) - by.group(b.rank, b.Spot, b.weight); c != 0 {
		return c
	}
	if x, y := by.handicap(a.PriceUSD, a.weight), by.handicap(b.PriceUSD, b.weight); x != y {
		return cmp.Compare(x, y)
	}
	if a.weight != b.weight {
		return cmp.Compare(a.weight, b.weight)
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
	if a.Spot != b.Spot {
		if b.Spot {
			return -1
		}
		return 1
	}
	if rx, ry := by.regionRank(x.Region), by.regionRank(y.Region); rx != ry {
		return cmp.Compare(rx, ry)
	}
	return catalog.Compare(x, y)
}

// place stands for a candidate while they are put in order: head holds the
// group and the upper bits of the price, so that places sort as integers and
// only those with equal heads are compared in full. It holds all that a
// candidate is made of, since offers are too many to stay in the cache.
type place struct {
	head  uint32
	index uint32 // of the offer, the provider's rank, and whether it is spot
	usd   float64
}

const (
	priceBits = 27 // exponent and 16 bits of the fraction
	maxGroup  = 1<<(32-priceBits) - 1
	rankBits  = 3 // there are six providers, so groups end at 27
)

//nolint:gosec // fewer than 2^28 offers, and the rest is bounded
func (by *ordering) place(index int, rank uint16, spot bool, usd float64, weight float32) place {
	p := place{index: uint32(index)<<(rankBits+1) | uint32(rank)<<1, usd: usd}
	if spot {
		p.index |= 1
	}
	price := math.Float64bits(math.Max(by.handicap(usd, weight), 0)) >> (63 - priceBits)
	p.head = uint32(min(by.group(rank, spot, weight), maxGroup))<<priceBits | uint32(price)
	return p
}

func (p place) offer() int   { return int(p.index >> (rankBits + 1)) }
func (p place) rank() uint16 { return uint16(p.index >> 1 & (1<<rankBits - 1)) } //nolint:gosec // rankBits
func (p place) spot() bool   { return p.index&1 != 0 }

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
func (by *ordering) fill(places []place, candidate func(place) Candidate) []Candidate {
	places = sortPlaces(places)
	out := make([]Candidate, len(places))
	for start := 0; start < len(places); {
		end := start
		for end < len(places) && places[end].head == places[start].head {
			out[end] = candidate(places[end])
			end++
		}
		if equal := out[start:end]; !slices.IsSortedFunc(equal, by.compare) {
			slices.SortFunc(equal, by.compare)
		}
		start = end
	}
	return out
}
