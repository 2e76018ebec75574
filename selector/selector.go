// Package selector puts the offers that fit a service under a policy in
// order, and says why each stands where it does and why the rest was refused.
//
// It is pure: the same input gives the same result, whatever the order of the
// offers in it. It never returns an offer smaller than what was asked for.
package selector

import (
	"fmt"
	"sort"
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
	rule     Rule
	rank     int // place of the provider in the rule's list, from 0
	listLen  int
	cheapest bool
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
			Offer: &catalog.Offer{Provider: policies.Local, Region: "local", Type: "local", Arch: "amd64"},
			rule:  RuleLocal, listLen: 1,
		}}
	}
	return r
}

// Select puts the offers in order. An empty list of candidates is no error:
// Refused and Closest say why.
func Select(in Input) Result {
	rule, why, list := match(in.Service, in.Policy)
	res := Result{Rule: rule, Why: why, Providers: list}
	rank := make(map[string]int, len(list))
	for i, p := range list {
		if _, ok := rank[p]; !ok {
			rank[p] = i
		}
	}
	cheapest := in.Policy.Lists.Order == policies.OrderCheapest ||
		in.Policy.Lists.Order == "" && rule == RuleCost

	c := newChecker(in)
	var refused tally
	var near closest
	offered := make([]bool, len(list))
	for i := range in.Offers {
		o := &in.Offers[i]
		r, listed := rank[o.Provider]
		if !listed || in.Unavailable[o.Provider] != "" {
			continue
		}
		offered[r] = true
		price, spot := c.price(o)
		if code := c.check(o, price, spot); code != fits {
			refused.add(o.Provider, code)
			near.consider(c, o, code)
			continue
		}
		res.Candidates = append(res.Candidates, Candidate{
			Offer: o, Spot: spot, PriceUSD: price, TotalUSD: price * float64(in.Service.Instances),
			rule: rule, rank: r, listLen: len(list), cheapest: cheapest,
		})
	}
	sortCandidates(res.Candidates, c, cheapest)

	for i, p := range list {
		switch why := in.Unavailable[p]; {
		case why != "":
			res.Refused = append(res.Refused, Refusal{p, why, 1})
		case !offered[i]:
			res.Refused = append(res.Refused, Refusal{p, "the catalog holds no offer of it", 1})
		}
	}
	res.Refused = append(res.Refused, refused.list(c)...)
	if len(res.Candidates) == 0 {
		res.Closest = near.text
	}
	return res
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

// sortCandidates orders by provider and then price, or by price alone; equal
// prices go by the policy's region globs, then by size, so that the order is
// total and does not depend on the input's.
func sortCandidates(cs []Candidate, c *checker, cheapest bool) {
	sort.Slice(cs, func(i, j int) bool {
		a, b := &cs[i], &cs[j]
		if !cheapest && a.rank != b.rank {
			return a.rank < b.rank
		}
		if c.spotFirst && a.Spot != b.Spot && a.rank == b.rank {
			return a.Spot
		}
		if a.PriceUSD != b.PriceUSD {
			return a.PriceUSD < b.PriceUSD
		}
		if a.rank != b.rank {
			return a.rank < b.rank
		}
		x, y := a.Offer, b.Offer
		if x.VCPU != y.VCPU {
			return x.VCPU > y.VCPU
		}
		if x.MemoryGB != y.MemoryGB {
			return x.MemoryGB > y.MemoryGB
		}
		if x.Type != y.Type {
			return x.Type < y.Type
		}
		if rx, ry := c.regionRank(x.Region), c.regionRank(y.Region); rx != ry {
			return rx < ry
		}
		return x.Region < y.Region
	})
}

// Reasons says why the candidate stands where it does.
func (c *Candidate) Reasons() []string {
	if c.rule == RuleLocal {
		return []string{"this machine: the deployment is not remote"}
	}
	o := c.Offer
	place := fmt.Sprintf("%s is number %d of %d for %s", o.Provider, c.rank+1, c.listLen, c.rule)
	if c.cheapest {
		place = fmt.Sprintf("cheapest first for %s", c.rule)
	}
	size := fmt.Sprintf("%s vCPU, %s GiB memory, %s GiB disk", num(o.VCPU), num(o.MemoryGB), num(o.DiskGB))
	if o.GPU != nil {
		size += fmt.Sprintf(", %d× %s", o.GPU.Count, o.GPU.Model)
	}
	kind := "on demand"
	if c.Spot {
		kind = "spot"
	}
	return []string{place, size, fmt.Sprintf("$%s an hour %s, as of %s", usd(c.PriceUSD), kind, o.AsOf)}
}

func num(f float64) string { return fmt.Sprintf("%g", f) }

func usd(f float64) string { return fmt.Sprintf("%.4g", f) }
