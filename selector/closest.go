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
	return fmt.Sprintf("%s %s in %s came closest: %s", best.Provider, best.Type, best.Region, strings.Join(c.lacks(best), ", "))
}

func (c *checker) cheaper(a, b *catalog.Offer) bool {
	x, _ := c.price(a)
	y, _ := c.price(b)
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
			text += " but " + o.GPU.Model
		case gpuCount:
			text = fmt.Sprintf("%d of %d GPUs", o.GPU.Count, c.in.Service.Resources.GPU.Count)
		case lowCPU:
			text = fmt.Sprintf("%s of %s vCPU", num(have), num(need))
		case lowMemory:
			text = fmt.Sprintf("%s of %s GiB of memory", num(have), num(need))
		case lowDisk:
			text = fmt.Sprintf("%s of %s GiB of disk", num(have), num(need))
		case stalePrice:
			text += " (it is of " + o.AsOf + ")"
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
	price, spot := c.price(o)
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
	flag(badRegion, c.regionRank(o.Region) < 0)
	flag(badArch, o.Arch != defaultArch)
	flag(spotMissing, limits.Spot == policies.SpotRequire && !spot)
	switch {
	case need.GPU == nil:
		flag(gpuUnneeded, o.GPU != nil)
	case o.GPU == nil:
		flag(noGPU, true)
	default:
		flag(gpuModel, c.otherModel(o))
		amount(gpuCount, float64(o.GPU.Count), float64(need.GPU.Count))
	}
	amount(lowCPU, o.VCPU, need.CPU)
	amount(lowMemory, o.MemoryGB, need.MemoryGB)
	amount(lowDisk, o.DiskGB, need.StorageGB)
	if limits.MaxHourlyUSD > 0 {
		flag(stalePrice, c.isStale(o.AsOf))
		amount(overCap, limits.MaxHourlyUSD, c.total(price))
	}
}
