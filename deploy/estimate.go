package deploy

import (
	"context"
	"fmt"
	"slices"
	"time"

	"skysail/internal/failure"
	"skysail/policies"
	"skysail/selector"
	"skysail/spec"
)

// estimateDuration is how long an estimate is for when neither the caller nor
// the policy's ttl says: a month of 30 days.
const estimateDuration = 720 * time.Hour

const maxEstimate = 3650 * 24 * time.Hour

// NotIncluded is what no estimate counts, since it depends on use, on the
// account or on where its owner lives.
func NotIncluded() []string {
	return []string{"traffic", "snapshots and backups", "taxes", "discounts of the account"}
}

// Quote is what one candidate costs over the time of an estimate.
type Quote struct {
	Candidate selector.Candidate
	// TotalUSD is US dollars for all instances over the whole time.
	TotalUSD float64
	// PriceAge is how old the oldest figure in the price is; negative where
	// nobody knows.
	PriceAge time.Duration
	// Notes say why a deployment would not go there as things are.
	Notes []string
}

// Estimate is what a service costs.
type Estimate struct {
	Name      string
	Instances int
	Duration  time.Duration
	// TTL is the policy's limits.ttl, 0 for none; Bounded says that it is
	// what made the duration.
	TTL     time.Duration
	Bounded bool
	Result  selector.Result
	// Best is the candidate that a deployment would try first; nil when
	// nothing fits, see Result.
	Best *Quote
	// Compared are the best offers of each cloud, on demand and spot, by
	// price; nil unless asked for.
	Compared []Quote
	// Missing says of clouds why they are not in Compared.
	Missing []selector.Refusal
}

// Estimate returns what the service would cost over a time, and with compare
// what the cheapest fitting offer of every cloud would, whatever the policy's
// lists and whether there are credentials for it. 0 is 30 days, or the
// policy's ttl when that is shorter. It changes nothing.
func (d *Deployer) Estimate(ctx context.Context, svc *spec.Service, duration time.Duration, compare bool) (Estimate, error) {
	if duration < 0 || duration > maxEstimate {
		return Estimate{}, failure.New(failure.Input, fmt.Sprintf("an estimate for %s", duration),
			"The duration is more than 0 and at most ten years.", "Give it as 720h or 30d.")
	}
	e := Estimate{Name: svc.Name, Instances: svc.Instances, Duration: duration, TTL: d.policy.Limits.TTL}
	if duration == 0 {
		e.Duration = estimateDuration
		if e.TTL > 0 && e.TTL < e.Duration {
			e.Duration, e.Bounded = e.TTL, true
		}
	}
	if !d.opts.Remote {
		e.Result = selector.Local(svc)
		if len(e.Result.Candidates) > 0 {
			q := e.quote(e.Result.Candidates[0], time.Now())
			e.Best = &q
		}
		return e, nil
	}
	in, err := d.selection(ctx, svc)
	if err != nil {
		return e, err
	}
	e.Result = selector.Select(in)
	if len(e.Result.Candidates) > 0 {
		q := e.quote(e.Result.Candidates[0], in.Now)
		e.Best = &q
	}
	if compare {
		e.compare(in)
	}
	return e, nil
}

func (e *Estimate) quote(c selector.Candidate, now time.Time) Quote {
	q := Quote{Candidate: c, TotalUSD: c.TotalUSD * e.Duration.Hours(), PriceAge: -1, Notes: []string{}}
	if day, err := time.Parse(time.DateOnly, c.AsOf()); err == nil {
		q.PriceAge = max(now.Sub(day), 0)
	}
	return q
}

// compare selects once more, with every cloud in the list and without what
// only bears on where a deployment would go now.
func (e *Estimate) compare(in selector.Input) {
	all := *in.Policy
	clouds := []string{policies.AWS, policies.GCP, policies.DigitalOcean, policies.Vultr}
	all.Lists = policies.Lists{GPU: clouds, CPU: clouds, Memory: clouds, Cost: clouds, Order: policies.OrderCheapest}
	all.Hybrid, all.Target = nil, ""
	fixed := *in.Service // the least of a range has a price
	fixed.MaxInstances = 0
	all.Thresholds.Instances = in.Service.Instances
	// Spot prices are shown where the policy forbids them too, and said so.
	all.Limits.Spot = policies.SpotPrefer
	if in.Policy.Limits.Spot == policies.SpotRequire {
		all.Limits.Spot = policies.SpotRequire
	}
	before := in
	in.Service, in.Policy, in.Unavailable, in.Memory, in.Clusters = &fixed, &all, nil, nil, nil
	r := selector.Select(in)
	type kind struct {
		provider string
		spot     bool
	}
	seen := map[kind]bool{}
	e.Compared = []Quote{}
	for _, c := range r.Candidates {
		k := kind{c.Offer.Provider, c.Spot}
		if seen[k] {
			continue
		}
		seen[k] = true
		q := e.quote(c, in.Now)
		q.Notes = e.notes(&c, before)
		e.Compared = append(e.Compared, q)
	}
	// The last reason of a provider is that of the offers which came closest.
	for i, x := range r.Refused {
		if i+1 < len(r.Refused) && r.Refused[i+1].Provider == x.Provider || seen[kind{x.Provider, false}] || seen[kind{x.Provider, true}] {
			continue
		}
		e.Missing = append(e.Missing, x)
	}
}

// notes say why a deployment would not go to the candidate as things are.
func (e *Estimate) notes(c *selector.Candidate, in selector.Input) []string {
	out := []string{}
	if c.Spot && in.Policy.Limits.Spot == policies.SpotNever {
		out = append(out, `the policy says spot = "never"`)
	}
	if !slices.Contains(e.Result.Providers, c.Offer.Provider) {
		out = append(out, fmt.Sprintf("not in the policy's list for %s", e.Result.Rule))
	}
	if why := in.Unavailable[c.Offer.Provider]; why != "" {
		out = append(out, why)
	}
	return out
}
