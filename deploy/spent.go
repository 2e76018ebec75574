package deploy

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"skysail/clouds"
	"skysail/clouds/faults"
	"skysail/policies"
	"skysail/selector"
)

// classBudget is the class of an attempt that was ended because it used up
// what the policy allows. It is no fault of the provider's.
const classBudget faults.Class = "budget"

// errBudget ends an attempt that uses up failover.budget_usd.
var errBudget = errors.New("failover.budget_usd is used up")

// billing is how a provider counts the time of an instance.
type billing struct {
	unit    time.Duration // a part of it counts as a whole one
	least   time.Duration
	leastUS float64 // dollars for one instance
}

// billings by provider. One that is not known is billed as the dearest.
var billings = map[string]billing{
	// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/concepts.html#pricing:
	// by the second, with a minimum of 60.
	policies.AWS: {unit: time.Second, least: time.Minute},
	// https://cloud.google.com/compute/vm-instance-pricing: by the second,
	// with a minimum of one minute.
	policies.GCP: {unit: time.Second, least: time.Minute},
	// https://www.digitalocean.com/community/questions/pricing-for-droplets-if-used-for-less-than-an-hour:
	// since January 2026 by the second, with a minimum of 60 or of $0.01.
	policies.DigitalOcean: {unit: time.Second, least: time.Minute, leastUS: 0.01},
	// https://docs.vultr.com/support/platform/billing/how-am-i-billed-for-my-servers:
	// the least is an hour, and only whole ones are counted.
	policies.Vultr: {unit: time.Hour, least: time.Hour},
	policies.Local: {unit: time.Second},
}

func billingOf(provider string) billing {
	b, ok := billings[provider]
	if !ok {
		b = billings[policies.Vultr]
	}
	return b
}

// cost is what instances cost that exist for a time, in US dollars; usdHour is
// the price of all of them.
func (b billing) cost(usdHour float64, instances int, t time.Duration) float64 {
	if usdHour <= 0 {
		return 0
	}
	t = max(t, b.least)
	units := math.Ceil(float64(t) / float64(b.unit))
	return max(usdHour*units*b.unit.Hours(), b.leastUS*float64(instances))
}

// within is how long instances can exist for a sum; negative is that not even
// the least is in it.
func (b billing) within(usd, usdHour float64, instances int) time.Duration {
	switch {
	case usdHour <= 0:
		return math.MaxInt64
	case b.cost(usdHour, instances, 0) > usd:
		return -1
	}
	units := math.Floor(usd/(usdHour*b.unit.Hours()) + 1e-9)
	if units*float64(b.unit) >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(units) * b.unit
}

// free are the kinds of things for which nobody asks money: keys, rules and
// tags. All others count as what an instance costs.
var free = []string{"key", "firewall", "security_group", "rule", "tag", "terraform_data"}

// billable says whether something that costs money was among what was removed.
func (p Proof) billable() bool {
	costs := func(kind string) bool {
		return !slices.ContainsFunc(free, func(f string) bool { return strings.Contains(kind, f) })
	}
	for _, address := range p.Destroyed {
		// module.x.TYPE.NAME
		if parts := strings.Split(address, "."); len(parts) < 2 || costs(parts[len(parts)-2]) {
			return true
		}
	}
	return slices.ContainsFunc(append(p.Swept[:len(p.Swept):len(p.Swept)], p.Left...), func(r clouds.Resource) bool { return costs(r.Kind) })
}

// spentOn is what an attempt has cost by now, from the start of its apply, when
// what it made existed all the while.
func spentOn(a *attempt, now time.Time) float64 {
	from := a.appliedAt
	if from.IsZero() {
		from = a.row.StartedAt
	}
	if from.IsZero() {
		return 0 // it never came to an apply
	}
	return billingOf(a.row.Provider).cost(a.row.PriceUSD, a.dep.Service.Instances, now.Sub(from))
}

// budget is what the attempts of a run have cost against what they may.
type budget struct {
	limit, spent float64 // US dollars; limit 0 is none
	instances    int
}

func (b *budget) rest() float64 { return max(b.limit-b.spent, 0) }

// dear says why a candidate can not be paid for, or "".
func (b *budget) dear(c *selector.Candidate) string {
	if b.limit == 0 {
		return ""
	}
	least := billingOf(c.Offer.Provider).cost(c.TotalUSD, b.instances, 0)
	if least <= b.rest() {
		return ""
	}
	return fmt.Sprintf("the least that %s takes for it is $%.4g, and $%.4g of failover.budget_usd = $%.4g are left", c.Offer.Provider, least, b.rest(), b.limit)
}

// time is how long an attempt can be paid for.
func (b *budget) time(a *attempt) time.Duration {
	if b.limit == 0 {
		return math.MaxInt64
	}
	return billingOf(a.row.Provider).within(b.rest(), a.row.PriceUSD, b.instances)
}

// used says that an attempt was ended for the budget.
func (b *budget) used(a *attempt) string {
	return fmt.Sprintf("ended by failover.budget_usd = $%.4g: earlier attempts cost $%.4g, and this one may have cost $%.4g by then",
		b.limit, b.spent, spentOn(a, time.Now()))
}
