package selector

import (
	"cmp"
	"slices"

	"skysail/catalog"
	"skysail/policies"
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
	// contexts are the clusters in the policy's order.
	contexts []string
	prices   *prices
	recall   *recall
	// told is set on what was read back: the candidate's own words.
	told *told
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
	if x.Provider == policies.Kubernetes && y.Provider == policies.Kubernetes {
		return cmp.Compare(slices.Index(by.contexts, x.Region), slices.Index(by.contexts, y.Region))
	}
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

// remember moves those candidates that met shortages to where they belong;
// the others are in order already.
func (by *ordering) remember(candidates []Candidate) {
	if by.recall == nil {
		return
	}
	var short []Candidate
	clear := 0
	for _, c := range candidates {
		if c.weight > 0 {
			short = append(short, c)
			continue
		}
		candidates[clear] = c
		clear++
	}
	slices.SortFunc(short, by.compare)
	// Merged from the end, where there is room.
	for at := len(candidates) - 1; len(short) > 0; at-- {
		if last := short[len(short)-1]; clear == 0 || by.compare(candidates[clear-1], last) <= 0 {
			candidates[at], short = last, short[:len(short)-1]
			continue
		}
		clear--
		candidates[at] = candidates[clear]
	}
}
