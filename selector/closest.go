package selector

import (
	"fmt"
	"strings"

	"skysail/catalog"
	"skysail/policies"
)

// closest describes the refused offer that lacks least. Its measure is the
// share of each needed amount that the offer covers, multiplied; what is not
// an amount (region, architecture, model, …) halves it. An offer without any
// GPU is not close to one that is needed, whatever else it has.
func (c *checker) closest(listed func(provider string) bool) string {
	var best *catalog.Offer
	var bestNear float64
	for i := range c.in.Offers {
		o := &c.in.Offers[i]
		if !listed(o.Provider) {
			continue
		}
		near := c.nearness(o)
		if best == nil || near > bestNear || near == bestNear && c.cheaper(o, best) {
			best, bestNear = o, near
		}
	}
	if best == nil {
		return ""
	}
	text := fmt.Sprintf("%s %s in %s came closest: %s", best.Provider, best.Type, best.Region, strings.Join(c.lacks(best), ", "))
	if names := c.otherModels(listed); len(names) > 0 {
		text += ". Models of GPUs on offer: " + strings.Join(names, ", ")
	}
	return text
}

// shownModels bounds how many models of GPUs a message lists.
const shownModels = 20

// otherModels are the models on offer when nobody has the one that is asked
// for.
func (c *checker) otherModels(listed func(provider string) bool) []string {
	if c.models == nil || c.models.need.name == "" {
		return nil
	}
	for i := range c.in.Offers {
		if g := c.in.Offers[i].GPU; g != nil && listed(c.in.Offers[i].Provider) && c.models.fits(g) {
			return nil
		}
	}
	names := onOffer(c.in.Offers, listed)
	if more := len(names) - shownModels; more > 0 {
		names = append(names[:shownModels], fmt.Sprintf("and %d more", more))
	}
	return names
}

// cheapest is the price of the cheapest way to take the offer.
func (c *checker) cheapest(o *catalog.Offer) float64 {
	kinds := c.kinds(o)
	least := c.prices.usd(o, kinds[0])
	for _, spot := range kinds[1:] {
		least = min(least, c.prices.usd(o, spot))
	}
	return least
}

func (c *checker) cheaper(a, b *catalog.Offer) bool {
	x, y := c.cheapest(a), c.cheapest(b)
	return x < y || x == y && catalog.Compare(a, b) < 0
}

func (c *checker) nearness(o *catalog.Offer) float64 {
	near := 1.0
	c.each(o, func(_ code, have, need float64) {
		if need > 0 {
			near *= have / need
			return
		}
		near /= 2
	})
	if c.in.Service.Resources.GPU != nil && o.GPU == nil {
		near--
	}
	return near
}

func (c *checker) lacks(o *catalog.Offer) []string {
	var out []string
	c.each(o, func(k code, have, need float64) {
		text := c.text(k)
		switch k {
		case gpuModel:
			text = fmt.Sprintf("its GPU is not %q but %s", c.in.Service.Resources.GPU.Model, gpuText(o.GPU))
		case gpuCount:
			text = fmt.Sprintf("%d of %d GPUs", o.GPU.Count, c.in.Service.Resources.GPU.Count)
		case lowCPU:
			text = fmt.Sprintf("%s of %s vCPU", num(have), num(need))
		case lowMemory:
			text = fmt.Sprintf("%s of %s GiB of memory", num(have), num(need))
		case gpuMemory:
			text = fmt.Sprintf("GPUs of %s of %s GiB", num(have), num(need))
		case lowDisk:
			text = fmt.Sprintf("%s of %s GiB of disk", num(have), num(need))
		case noRates:
			text = "the price of the disks that it needs is not known, which a cap needs"
		case stalePrice:
			text = c.old("its price", o.AsOf)
		case staleRates:
			text = c.old("the price of its disks and address", c.prices.rates(o.Provider).AsOf)
		case overCap:
			text = fmt.Sprintf("$%s an hour for %d instance(s), and limits.max_hourly_usd is $%s",
				usd(need), c.in.Service.Instances, usd(have))
		}
		out = append(out, text)
	})
	return out
}

// each calls f for every check that the offer fails, not only the first; need
// is 0 for what is not an amount.
func (c *checker) each(o *catalog.Offer, f func(k code, have, need float64)) {
	need, limits := &c.in.Service.Resources, &c.in.Policy.Limits
	flag := func(k code, failed bool) {
		if failed {
			f(k, 0, 0)
		}
	}
	amount := func(k code, have, need float64) {
		if have < need {
			f(k, have, need)
		}
	}
	flag(ranged, c.in.Service.Ranged())
	flag(badRegion, c.regionRank(o.Region) < 0)
	flag(badArch, o.Arch != c.arch)
	flag(spotMissing, limits.Spot == policies.SpotRequire && o.SpotUSD == nil)
	switch {
	case need.GPU == nil:
		flag(gpuUnneeded, o.GPU != nil)
	case o.GPU == nil:
		flag(noGPU, true)
	default:
		flag(gpuModel, !c.models.fits(o.GPU))
		amount(gpuCount, float64(o.GPU.Count), float64(need.GPU.Count))
		amount(gpuMemory, o.GPU.MemoryGB, need.GPU.MemoryGB)
	}
	amount(lowCPU, o.VCPU, need.CPU)
	amount(lowMemory, o.MemoryGB, need.MemoryGB)
	amount(lowDisk, diskOf(o), need.StorageGB)
	if limits.MaxHourlyUSD > 0 {
		flag(noRates, c.prices.unpriced(o))
		flag(stalePrice, c.isStale(o.AsOf))
		flag(staleRates, c.staleRates(o))
		amount(overCap, limits.MaxHourlyUSD, c.total(c.cheapest(o)))
	}
}

func (c *checker) old(what, asOf string) string {
	if asOf == "" {
		asOf = "no known day"
	}
	return fmt.Sprintf("%s is of %s, older than limits.max_price_age = %gh", what, asOf, c.in.Policy.Limits.MaxPriceAge.Hours())
}
