// Package selector puts the offers that fit a service under a policy in
// order, and says why each stands where it does and why the rest was refused.
//
// It is pure: the same input gives the same result, whatever the order of the
// offers in it. It never returns an offer smaller than what was asked for.
package selector

import (
	"slices"
	"time"

	"skysail/catalog"
	"skysail/policies"
	"skysail/spec"
)

// Input is what a selection depends on.
type Input struct {
	Service *spec.Service
	Policy  *policies.Policy
	Offers  []catalog.Offer
	// Rates are what providers take beside an offer's own price, by provider.
	// Where they are missing and needed, a cap refuses the offer.
	Rates map[string]catalog.Rates
	// Unavailable says of a provider why it can not be used at all: no
	// credentials, not supported, …
	Unavailable map[string]string
	// Clusters says of a kubeconfig context why it can not be used; "" is
	// that it can. See the function Clusters for those that are needed.
	Clusters map[string]string
	// Memory is what earlier attempts met.
	Memory []Shortage
	Now    time.Time
}

// Candidate is an offer that fits.
type Candidate struct {
	Offer *catalog.Offer
	// PriceUSD is US dollars an hour for one instance with its disks and its
	// address, TotalUSD for all instances.
	PriceUSD float64
	TotalUSD float64
	by       *ordering
	weight   float32 // of what is remembered, 0 when nothing is
	rank     uint16  // of the provider in the rule's list, from 0
	// Spot says that the price is the interruptible one.
	Spot bool
}

// Zone is the zone of the region to use, "" where the provider chooses.
func (c *Candidate) Zone() string {
	if len(c.Offer.Zones) == 0 {
		return ""
	}
	return c.Offer.Zones[0]
}

// Result is an ordered list of candidates, best first, and the refusals.
type Result struct {
	Rule       Rule
	Why        string // why that rule
	Providers  []string
	Candidates []Candidate
	Refused    []Refusal
	// Closest describes the refused offer that lacks least, empty when there
	// is a candidate or no offer at all.
	Closest string
}

// Select puts the offers in order. An empty list of candidates is no error:
// Refused and Closest say why.
func Select(in Input) Result {
	rule, why, list := match(in.Service, in.Policy)
	list = unique(list)
	res := Result{Rule: rule, Why: why, Providers: list}
	c := newChecker(in)
	rank := ranker(list, in.Unavailable)
	by := &ordering{
		rule: rule, listed: len(list), regionRank: c.regionRank, contexts: contextsOf(in.Policy), prices: c.prices, recall: newRecall(in.Memory, in.Now),
		// What a hybrid target falls back on is not first for its price.
		cheapest:  rule != RuleHybrid && in.Policy.Lists.Order == policies.OrderCheapest || in.Policy.Lists.Order == "" && rule == RuleCost,
		spotFirst: in.Policy.Limits.Spot == policies.SpotPrefer,
	}
	tallies := make([]tally, len(list))
	places := make([]place, 0, len(in.Offers)+1)
	t := ties{
		offers: in.Offers, sizes: make([]size, len(in.Offers)), sorted: true,
		globs: len(in.Policy.Limits.Regions) > 0, regionRank: c.regionRank,
	}
	var last *catalog.Offer
	for i := range in.Offers {
		o := &in.Offers[i]
		r, ok := rank(o.Provider)
		if !ok {
			continue
		}
		tallies[r].offered = true
		before := len(places)
		refused := c.check(o)
		if refused == fits {
			for _, spot := range c.kinds(o) {
				price := c.prices.usd(o, spot)
				if refused = c.checkPrice(o, price); refused == fits {
					places = append(places, by.place(i, r, spot, by.recall.weight(o, spot) > 0, price))
				}
			}
		}
		if len(places) == before {
			tallies[r].refuse(refused, o)
			continue
		}
		t.sizes[i] = size{o.VCPU, o.MemoryGB}
		t.sorted = t.sorted && (last == nil || catalog.Compare(last, o) <= 0)
		last = o
	}
	clusters := c.clusters(list)
	for i := range clusters {
		r, o := slices.Index(list, policies.Kubernetes), &clusters[i]
		tallies[r].offered = true
		places = append(places, by.place(len(in.Offers)+i, uint16(r), false, by.recall.weight(o, false) > 0, 0)) //nolint:gosec // an index
	}
	res.Refused = c.refusals(list, tallies)
	if len(places) == 0 {
		res.Closest = c.closest(func(p string) bool { _, ok := rank(p); return ok })
		return res
	}
	places = t.sort(places)
	res.Candidates = make([]Candidate, len(places))
	for i, at := range places {
		o := offerAt(at.offer(), in.Offers, clusters)
		res.Candidates[i] = Candidate{Offer: o, PriceUSD: at.usd, TotalUSD: c.total(at.usd), by: by, rank: at.rank(), Spot: at.spot()}
		if at.short() {
			res.Candidates[i].weight = by.recall.weight(o, at.spot())
		}
	}
	by.remember(res.Candidates)
	return res
}

// offerAt is an offer of the market or, with numbers above those, a cluster.
func offerAt(n int, offers, clusters []catalog.Offer) *catalog.Offer {
	if n < len(offers) {
		return &offers[n]
	}
	return &clusters[n-len(offers)]
}

func unique(list []string) []string {
	var out []string
	for _, p := range list {
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// ranker returns a function that gives the place of a provider in the list,
// or false for one that is not in it, not available, or no market.
func ranker(list []string, unavailable map[string]string) func(provider string) (uint16, bool) {
	available := make([]string, len(list))
	for i, p := range list {
		if unavailable[p] == "" && p != policies.Kubernetes {
			available[i] = p
		}
	}
	last := uint16(0) // offers come grouped by provider
	return func(provider string) (uint16, bool) {
		if provider == "" || len(list) == 0 {
			return 0, false
		}
		if available[last] == provider {
			return last, true
		}
		i := slices.Index(available, provider)
		if i < 0 {
			return 0, false
		}
		last = uint16(i) //nolint:gosec // an index
		return last, true
	}
}
