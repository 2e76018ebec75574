// Package selector puts the offers that fit a service under a policy in
// order, and says why each stands where it does and why the rest was refused.
//
// It is pure: the same input gives the same result, whatever the order of the
// offers in it. It never returns an offer smaller than what was asked for.
package selector

import (
	"fmt"
	"runtime"
	"slices"
	"time"

	"skysail/catalog"
	"skysail/policies"
	"skysail/spec"
)

// Rule is the selection rule that a service falls under; the first that
// matches decides.
type Rule string

// The rules, in the order in which they are tried.
const (
	RuleLocal     Rule = "local"            // not remote
	RuleHybrid    Rule = "hybrid"           // the policy names a hybrid target
	RuleInstances Rule = "many instances"   // more instances than thresholds.instances
	RuleGPU       Rule = "gpu"              // a GPU is asked for
	RuleCPU       Rule = "cpu-intensive"    // more vCPU than thresholds.cpu
	RuleMemory    Rule = "memory-intensive" // more GiB than thresholds.memory_gb
	RuleCost      Rule = "cost-optimized"   // all else
)

// Input is what a selection depends on.
type Input struct {
	Service *spec.Service
	Policy  *policies.Policy
	Offers  []catalog.Offer
	// Unavailable says of a provider why it can not be used at all: no
	// credentials, not supported, …
	Unavailable map[string]string
	Now         time.Time
}

// Candidate is an offer that fits.
type Candidate struct {
	Offer *catalog.Offer
	// Spot says that the price is the interruptible one.
	Spot bool
	// PriceUSD is US dollars an hour for one instance, TotalUSD for all.
	PriceUSD float64
	TotalUSD float64
	rank     uint16 // of the provider in the rule's list, from 0
	by       *ordering
}

// Refusal counts the offers of a provider that were refused for one reason.
type Refusal struct {
	Provider string `json:"provider"`
	Reason   string `json:"reason"`
	Count    int    `json:"count"`
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

// Local is the result for a deployment on this machine.
func Local(svc *spec.Service) Result {
	r := Result{Rule: RuleLocal, Why: "without --remote a service runs on this machine", Providers: []string{policies.Local}}
	switch {
	case svc.Instances > 1:
		r.Refused = []Refusal{{policies.Local, fmt.Sprintf("the service asks for %d instances, this machine runs one", svc.Instances), 1}}
	case svc.Resources.GPU != nil:
		r.Refused = []Refusal{{policies.Local, "the service asks for a GPU, which is not handed out locally", 1}}
	default:
		r.Candidates = []Candidate{{
			Offer: &catalog.Offer{Provider: policies.Local, Region: "local", Type: "local", Arch: runtime.GOARCH},
			by:    &ordering{rule: RuleLocal, listed: 1},
		}}
	}
	return r
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
		rule: rule, listed: len(list), regionRank: c.regionRank,
		cheapest:  in.Policy.Lists.Order == policies.OrderCheapest || in.Policy.Lists.Order == "" && rule == RuleCost,
		spotFirst: in.Policy.Limits.Spot == policies.SpotPrefer,
	}
	refused := make([][codes]int, len(list))
	offered := make([]bool, len(list))
	places := make([]place, 0, len(in.Offers))
	for i := range in.Offers {
		o := &in.Offers[i]
		r, ok := rank(o.Provider)
		if !ok {
			continue
		}
		offered[r] = true
		price, spot := c.price(o)
		if code := c.check(o, price, spot); code != fits {
			refused[r][code]++
			continue
		}
		places = append(places, newPlace(by.group(r, spot), price, i))
	}
	res.Refused = refusals(c, list, offered, refused)
	if len(places) == 0 {
		res.Closest = c.closest(func(p string) bool { _, ok := rank(p); return ok })
		return res
	}
	res.Candidates = by.fill(places, func(index uint32) Candidate {
		o := &in.Offers[index]
		price, spot := c.price(o)
		r, _ := rank(o.Provider)
		return Candidate{Offer: o, Spot: spot, PriceUSD: price, TotalUSD: c.total(price), rank: r, by: by}
	})
	return res
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
// or false for one that is not in it or not available.
func ranker(list []string, unavailable map[string]string) func(provider string) (uint16, bool) {
	available := make([]string, len(list))
	for i, p := range list {
		if unavailable[p] == "" {
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

// refusals lists providers that offer nothing in the order of the rule's
// list, then the reasons of each that does.
func refusals(c *checker, list []string, offered []bool, counts [][codes]int) []Refusal {
	var out []Refusal
	for i, p := range list {
		switch why := c.in.Unavailable[p]; {
		case why != "":
			out = append(out, Refusal{p, why, 1})
		case !offered[i]:
			out = append(out, Refusal{p, "the catalog holds no offer of it", 1})
		}
	}
	for i, p := range list {
		for k := code(1); k < codes; k++ {
			if n := counts[i][k]; n > 0 {
				out = append(out, Refusal{p, c.text(k), n})
			}
		}
	}
	return out
}

func match(svc *spec.Service, p *policies.Policy) (Rule, string, []string) {
	need, t := svc.Resources, p.Thresholds
	switch {
	case p.Hybrid != nil:
		return RuleHybrid, fmt.Sprintf("the policy's target is hybrid: %s, then Kubernetes context %s", p.Hybrid.Primary, p.Hybrid.FallbackK8s),
			[]string{p.Hybrid.Primary, policies.Kubernetes}
	case svc.Instances > t.Instances:
		return RuleInstances, fmt.Sprintf("%d instances are more than %d: Kubernetes context %s", svc.Instances, t.Instances, p.Kubernetes.Context),
			[]string{policies.Kubernetes}
	case need.GPU != nil:
		return RuleGPU, "a GPU is needed", p.Lists.GPU
	case need.CPU > t.CPU:
		return RuleCPU, fmt.Sprintf("%s vCPU are more than %s", num(need.CPU), num(t.CPU)), p.Lists.CPU
	case need.MemoryGB > t.MemoryGB:
		return RuleMemory, fmt.Sprintf("%s GiB of memory are more than %s", num(need.MemoryGB), num(t.MemoryGB)), p.Lists.Memory
	default:
		return RuleCost, "no rule for special needs matches", p.Lists.Cost
	}
}

// Reasons says why the candidate stands where it does.
func (c *Candidate) Reasons() []string {
	o := c.Offer
	var out []string
	switch {
	case c.by == nil: // made by another than Select
	case c.by.rule == RuleLocal:
		return []string{"this machine: the deployment is not remote"}
	case c.by.cheapest:
		out = append(out, fmt.Sprintf("cheapest first for %s", c.by.rule))
	default:
		out = append(out, fmt.Sprintf("%s is number %d of %d for %s", o.Provider, c.rank+1, c.by.listed, c.by.rule))
	}
	size := fmt.Sprintf("%s vCPU, %s GiB memory, %s GiB disk", num(o.VCPU), num(o.MemoryGB), num(o.DiskGB))
	if o.GPU != nil {
		size += fmt.Sprintf(", %d× %s", o.GPU.Count, o.GPU.Model)
	}
	kind := "on demand"
	if c.Spot {
		kind = "spot"
	}
	return append(out, size, fmt.Sprintf("$%s an hour %s, as of %s", usd(c.PriceUSD), kind, o.AsOf))
}
