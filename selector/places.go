package selector

import (
	"cmp"
	"math"
	"slices"

	"skysail/catalog"
)

// place stands for a candidate while they are put in order: head holds the
// group and the upper bits of the price, so that places sort as integers and
// only those with equal heads are compared in full. It holds all that a
// candidate is made of, since offers are too many to stay in the cache.
type place struct {
	head  uint32
	index uint32 // of the offer, the provider's rank, whether short, whether spot
	usd   float64
}

const (
	priceBits = 27 // exponent and 16 bits of the fraction
	maxGroup  = 1<<(32-priceBits) - 1
	rankBits  = 3 // there are six providers, so groups end at 27
)

//nolint:gosec // fewer than 2^27 offers, and the rest is bounded
func (by *ordering) place(index int, rank uint16, spot, short bool, usd float64) place {
	p := place{index: uint32(index)<<(rankBits+2) | uint32(rank)<<2, usd: usd}
	if spot {
		p.index |= 1
	}
	if short {
		p.index |= 2
	}
	price := math.Float64bits(math.Max(usd, 0)) >> (63 - priceBits)
	p.head = uint32(min(by.group(rank, spot, 0), maxGroup))<<priceBits | uint32(price)
	return p
}

func (p place) offer() int   { return int(p.index >> (rankBits + 2)) }
func (p place) rank() uint16 { return uint16(p.index >> 2 & (1<<rankBits - 1)) }
func (p place) spot() bool   { return p.index&1 != 0 }

// short says that the candidate met a shortage that counts.
func (p place) short() bool { return p.index&2 != 0 }

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

// size is what decides between equal prices.
type size struct{ vcpu, memoryGB float64 }

// ties puts places with equal heads in order without a look at the offers,
// as far as that goes. It knows nothing of memory.
type ties struct {
	offers []catalog.Offer
	sizes  []size
	// sorted says that the offers are in the catalog's order.
	sorted     bool
	globs      bool
	regionRank func(region string) int
}

func (t *ties) compare(a, b place) int {
	switch {
	case a.usd != b.usd:
		return cmp.Compare(a.usd, b.usd)
	case a.rank() != b.rank():
		return cmp.Compare(a.rank(), b.rank())
	case a.offer() == b.offer():
		return cmp.Compare(a.index, b.index)
	case a.offer() >= len(t.offers) && b.offer() >= len(t.offers):
		return cmp.Compare(a.offer(), b.offer()) // clusters, in the policy's order
	}
	x, y := t.sizes[a.offer()], t.sizes[b.offer()]
	switch {
	case x.vcpu != y.vcpu:
		return cmp.Compare(y.vcpu, x.vcpu)
	case x.memoryGB != y.memoryGB:
		return cmp.Compare(y.memoryGB, x.memoryGB)
	case a.spot() != b.spot():
		return cmp.Compare(a.index&1, b.index&1)
	case t.globs:
		if rx, ry := t.regionRank(t.offers[a.offer()].Region), t.regionRank(t.offers[b.offer()].Region); rx != ry {
			return cmp.Compare(rx, ry)
		}
	}
	if t.sorted {
		return cmp.Compare(a.offer(), b.offer())
	}
	return catalog.Compare(&t.offers[a.offer()], &t.offers[b.offer()])
}

// sort puts places in their final order, but for what is remembered.
func (t *ties) sort(places []place) []place {
	places = sortPlaces(places)
	for start := 0; start < len(places); {
		end := start + 1
		for end < len(places) && places[end].head == places[start].head {
			end++
		}
		if equal := places[start:end]; !slices.IsSortedFunc(equal, t.compare) {
			slices.SortFunc(equal, t.compare)
		}
		start = end
	}
	return places
}
