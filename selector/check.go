package selector

import (
	"fmt"
	"path"
	"sort"
	"time"

	"skysail/catalog"
	"skysail/policies"
)

// code is a reason to refuse an offer, in the order of the checks: what the
// policy forbids first, then what the offer lacks.
type code uint8

const (
	fits code = iota
	badRegion
	badArch
	spotMissing
	noGPU
	gpuModel
	gpuCount
	gpuUnneeded
	lowCPU
	lowMemory
	lowDisk
	stalePrice
	overCap
	codes // how many there are
)

// defaultArch is what a service runs on: neither images nor archives in a
// service file say more, and every cloud has it.
const defaultArch = "amd64"

type checker struct {
	in        Input
	regions   map[string]int // region -> index of its glob, or -1
	stale     map[string]bool
	spotFirst bool
}

func newChecker(in Input) *checker {
	return &checker{
		in: in, regions: map[string]int{}, stale: map[string]bool{},
		spotFirst: in.Policy.Limits.Spot == policies.SpotPrefer,
	}
}

// regionRank is the index of the first of the policy's globs that matches, 0
// when the policy has none, and -1 when none matches.
func (c *checker) regionRank(region string) int {
	if r, ok := c.regions[region]; ok {
		return r
	}
	globs := c.in.Policy.Limits.Regions
	rank := 0
	if len(globs) > 0 {
		rank = -1
		for i, g := range globs {
			// A malformed glob was refused when the policy was read.
			if ok, err := path.Match(g, region); err == nil && ok {
				rank = i
				break
			}
		}
	}
	c.regions[region] = rank
	return rank
}

// price is the price that counts for the offer under the policy.
func (c *checker) price(o *catalog.Offer) (usd float64, spot bool) {
	if o.SpotUSD != nil && c.in.Policy.Limits.Spot != policies.SpotNever {
		return *o.SpotUSD, true
	}
	return o.PriceUSD, false
}

func (c *checker) check(o *catalog.Offer, price float64, spot bool) code {
	need, limits := &c.in.Service.Resources, &c.in.Policy.Limits
	switch {
	case c.regionRank(o.Region) < 0:
		return badRegion
	case o.Arch != defaultArch:
		return badArch
	case limits.Spot == policies.SpotRequire && !spot:
		return spotMissing
	case need.GPU != nil && o.GPU == nil:
		return noGPU
	case need.GPU != nil && need.GPU.Model != "" && o.GPU.Model != need.GPU.Model:
		return gpuModel
	case need.GPU != nil && o.GPU.Count < need.GPU.Count:
		return gpuCount
	case need.GPU == nil && o.GPU != nil:
		return gpuUnneeded
	case o.VCPU < need.CPU:
		return lowCPU
	case o.MemoryGB < need.MemoryGB:
		return lowMemory
	case o.DiskGB < need.StorageGB:
		return lowDisk
	case limits.MaxHourlyUSD > 0 && c.isStale(o.AsOf):
		return stalePrice
	case limits.MaxHourlyUSD > 0 && price*float64(c.in.Service.Instances) > limits.MaxHourlyUSD:
		return overCap
	}
	return fits
}

// isStale says whether a price of that day is too old for a cap to mean
// anything. A date that can not be read counts as too old.
func (c *checker) isStale(asOf string) bool {
	if s, ok := c.stale[asOf]; ok {
		return s
	}
	day, err := time.Parse(time.DateOnly, asOf)
	s := err != nil || c.in.Now.Sub(day) > c.in.Policy.Limits.MaxPriceAge
	c.stale[asOf] = s
	return s
}

func (c *checker) text(k code) string {
	need, limits := &c.in.Service.Resources, &c.in.Policy.Limits
	switch k {
	case badRegion:
		return fmt.Sprintf("its region is not in limits.regions %v", limits.Regions)
	case badArch:
		return "its architecture is not " + defaultArch
	case spotMissing:
		return `it has no spot price and the policy says spot = "require"`
	case noGPU:
		return "it has no GPU"
	case gpuModel:
		return fmt.Sprintf("its GPU is not %q", need.GPU.Model)
	case gpuCount:
		return fmt.Sprintf("it has fewer than %d GPUs", need.GPU.Count)
	case gpuUnneeded:
		return "it has a GPU that the service does not need"
	case lowCPU:
		return fmt.Sprintf("it has less than %s vCPU", num(need.CPU))
	case lowMemory:
		return fmt.Sprintf("it has less than %s GiB of memory", num(need.MemoryGB))
	case lowDisk:
		return fmt.Sprintf("it has less than %s GiB of disk", num(need.StorageGB))
	case stalePrice:
		return fmt.Sprintf("its price is older than limits.max_price_age = %s, so the cap of $%s an hour can not be kept; raise max_price_age or leave out max_hourly_usd", limits.MaxPriceAge, usd(limits.MaxHourlyUSD))
	case overCap:
		return fmt.Sprintf("it costs more than limits.max_hourly_usd = $%s for %d instance(s)", usd(limits.MaxHourlyUSD), c.in.Service.Instances)
	default:
		return ""
	}
}

// tally counts refusals without allocating for each offer.
type tally struct {
	byProvider map[string]*[codes]int
}

func (t *tally) add(provider string, k code) {
	if t.byProvider == nil {
		t.byProvider = map[string]*[codes]int{}
	}
	n := t.byProvider[provider]
	if n == nil {
		n = new([codes]int)
		t.byProvider[provider] = n
	}
	n[k]++
}

func (t *tally) list(c *checker) []Refusal {
	providers := make([]string, 0, len(t.byProvider))
	for p := range t.byProvider {
		providers = append(providers, p)
	}
	sort.Strings(providers)
	var out []Refusal
	for _, p := range providers {
		for k := code(1); k < codes; k++ {
			if n := t.byProvider[p][k]; n > 0 {
				out = append(out, Refusal{p, c.text(k), n})
			}
		}
	}
	return out
}

// closest remembers the refused offer that passed most checks; among equals
// the one that covers most of the amount it lacks, then the cheapest.
type closest struct {
	offer *catalog.Offer
	code  code
	cover float64
	text  string
}

func (n *closest) consider(c *checker, o *catalog.Offer, k code) {
	if k == gpuUnneeded || k == badRegion {
		return
	}
	need := &c.in.Service.Resources
	cover, have := 0.0, ""
	switch k {
	case lowCPU:
		cover, have = o.VCPU/need.CPU, num(o.VCPU)+" vCPU"
	case lowMemory:
		cover, have = o.MemoryGB/need.MemoryGB, num(o.MemoryGB)+" GiB of memory"
	case lowDisk:
		cover, have = o.DiskGB/need.StorageGB, num(o.DiskGB)+" GiB of disk"
	case overCap, stalePrice:
		cover, have = 1/(1+o.PriceUSD), "$"+usd(o.PriceUSD)+" an hour as of "+o.AsOf
	}
	if n.offer != nil {
		if k < n.code || k == n.code && cover < n.cover {
			return
		}
		if k == n.code && cover == n.cover && !less(o, n.offer) {
			return
		}
	}
	n.offer, n.code, n.cover = o, k, cover
	n.text = fmt.Sprintf("%s %s in %s came closest: %s", o.Provider, o.Type, o.Region, c.text(k))
	if have != "" {
		n.text += " (" + have + ")"
	}
}

func less(a, b *catalog.Offer) bool {
	if a.PriceUSD != b.PriceUSD {
		return a.PriceUSD < b.PriceUSD
	}
	if a.Provider != b.Provider {
		return a.Provider < b.Provider
	}
	if a.Type != b.Type {
		return a.Type < b.Type
	}
	return a.Region < b.Region
}
