package selector

import (
	"fmt"
	"path"
	"time"

	"skysail/catalog"
	"skysail/policies"
)

// code is a reason to refuse an offer, in the order of the checks: what the
// policy forbids first, then what the offer lacks.
type code uint8

const (
	fits code = iota
	ranged
	badRegion
	badArch
	spotMissing
	noGPU
	gpuModel
	gpuCount
	gpuMemory
	gpuUnneeded
	lowCPU
	lowMemory
	lowDisk
	noRates
	stalePrice
	staleRates
	overCap
	codes // how many there are
)

const (
	// defaultArch is what a service runs on that does not say: every cloud
	// has it.
	defaultArch = "amd64"
	// maxDiskGB is 64 TiB, the most that a cloud makes of one disk.
	maxDiskGB = 65536
)

// checker holds an offer against the service and the policy. It remembers
// what it found out about regions and dates, which many offers share.
type checker struct {
	in      Input
	arch    string
	prices  *prices
	models  *models
	regions map[string]int // region -> index of its glob, or -1
	stale   map[string]bool
	lastDay string
	lastOld bool
}

func newChecker(in Input) *checker {
	c := &checker{in: in, arch: in.Service.Resources.Arch, prices: newPrices(in), regions: map[string]int{}, stale: map[string]bool{}}
	if c.arch == "" {
		c.arch = defaultArch
	}
	if g := in.Service.Resources.GPU; g != nil {
		c.models = newModels(g.Model)
	}
	return c
}

// regionRank is the index of the first of the policy's globs that matches, 0
// when the policy has none, and -1 when none matches.
func (c *checker) regionRank(region string) int {
	globs := c.in.Policy.Limits.Regions
	if len(globs) == 0 {
		return 0
	}
	if r, ok := c.regions[region]; ok {
		return r
	}
	rank := -1
	for i, g := range globs {
		// A malformed glob was refused when the policy was read.
		if ok, err := path.Match(g, region); err == nil && ok {
			rank = i
			break
		}
	}
	c.regions[region] = rank
	return rank
}

var (
	onDemandOnly = []bool{false}
	spotOnly     = []bool{true}
	spotAndNot   = []bool{true, false}
)

// kinds are the ways in which the policy lets the offer be taken: spot (true)
// and on demand. A spot price that is preferred leaves the other as what to
// fall back on.
func (c *checker) kinds(o *catalog.Offer) []bool {
	switch spot := c.in.Policy.Limits.Spot; {
	case o.SpotUSD == nil || spot == policies.SpotNever:
		return onDemandOnly
	case spot == policies.SpotRequire:
		return spotOnly
	default:
		return spotAndNot
	}
}

// total is the price of all instances.
func (c *checker) total(price float64) float64 {
	return exact(price * float64(c.in.Service.Instances))
}

// check holds all but the price against the offer.
func (c *checker) check(o *catalog.Offer) code {
	need := &c.in.Service.Resources
	switch {
	case c.in.Service.Ranged():
		return ranged
	case c.regionRank(o.Region) < 0:
		return badRegion
	case o.Arch != c.arch:
		return badArch
	case o.SpotUSD == nil && c.in.Policy.Limits.Spot == policies.SpotRequire:
		return spotMissing
	case need.GPU != nil && o.GPU == nil:
		return noGPU
	case need.GPU != nil && !c.models.fits(o.GPU):
		return gpuModel
	case need.GPU != nil && o.GPU.Count < need.GPU.Count:
		return gpuCount
	case need.GPU != nil && o.GPU.MemoryGB < need.GPU.MemoryGB:
		return gpuMemory
	case need.GPU == nil && o.GPU != nil:
		return gpuUnneeded
	case o.VCPU < need.CPU:
		return lowCPU
	case o.MemoryGB < need.MemoryGB:
		return lowMemory
	case diskOf(o) < need.StorageGB:
		return lowDisk
	}
	return fits
}

// diskOf is how large the offer's boot disk can be.
func diskOf(o *catalog.Offer) float64 {
	if o.DiskGB > 0 {
		return o.DiskGB
	}
	return maxDiskGB
}

// checkPrice holds the cap against the price. One that can not be checked is
// no cap, so it refuses.
func (c *checker) checkPrice(o *catalog.Offer, price float64) code {
	most := c.in.Policy.Limits.MaxHourlyUSD
	switch {
	case !(most > 0):
		return fits
	case c.prices.unpriced(o):
		return noRates
	case c.isStale(o.AsOf):
		return stalePrice
	case c.staleRates(o):
		return staleRates
	case !(c.total(price) <= most):
		return overCap
	}
	return fits
}

func (c *checker) staleRates(o *catalog.Offer) bool {
	return c.prices.extra(o) > 0 && c.isStale(c.prices.rates(o.Provider).AsOf)
}

// isStale says whether a price of that day is too old for a cap to mean
// anything. A date that can not be read counts as too old.
func (c *checker) isStale(asOf string) bool {
	if asOf == c.lastDay {
		return c.lastOld
	}
	s, ok := c.stale[asOf]
	if !ok {
		day, err := time.Parse(time.DateOnly, asOf)
		s = err != nil || c.in.Now.Sub(day) > c.in.Policy.Limits.MaxPriceAge
		c.stale[asOf] = s
	}
	c.lastDay, c.lastOld = asOf, s
	return s
}

func (c *checker) text(k code) string {
	need, limits := &c.in.Service.Resources, &c.in.Policy.Limits
	switch k {
	case ranged:
		return fmt.Sprintf("only a cluster keeps a range of instances, and the service asks for %d to %d", c.in.Service.Instances, c.in.Service.MaxInstances)
	case badRegion:
		return fmt.Sprintf("its region is not in limits.regions %v", limits.Regions)
	case badArch:
		return "its architecture is not " + c.arch
	case spotMissing:
		return `it has no spot price and the policy says spot = "require"`
	case noGPU:
		return "it has no GPU"
	case gpuModel:
		return fmt.Sprintf("its GPU is not %q", need.GPU.Model)
	case gpuCount:
		return fmt.Sprintf("it has fewer than %d GPUs", need.GPU.Count)
	case gpuMemory:
		return fmt.Sprintf("its GPUs have less than %s GiB of memory each", num(need.GPU.MemoryGB))
	case gpuUnneeded:
		return "it has a GPU that the service does not need"
	case lowCPU:
		return fmt.Sprintf("it has less than %s vCPU", num(need.CPU))
	case lowMemory:
		return fmt.Sprintf("it has less than %s GiB of memory", num(need.MemoryGB))
	case lowDisk:
		return fmt.Sprintf("it has less than %s GiB of disk", num(need.StorageGB))
	case noRates:
		return fmt.Sprintf("the price of the disks that it needs is not known, so the cap of $%s an hour can not be kept; renew the prices with `skysail catalog refresh` or leave out max_hourly_usd", usd(limits.MaxHourlyUSD))
	case stalePrice, staleRates:
		what, renew := "its price is", "renew it with `skysail catalog refresh`"
		if k == staleRates {
			what, renew = "the prices of its disks and address are", "renew them with `skysail catalog refresh` (the APIs of digitalocean and vultr do not tell them)"
		}
		return fmt.Sprintf("%s older than limits.max_price_age = %gh, so the cap of $%s an hour can not be kept; %s, raise max_price_age or leave out max_hourly_usd",
			what, limits.MaxPriceAge.Hours(), usd(limits.MaxHourlyUSD), renew)
	case overCap:
		return fmt.Sprintf("it costs more than limits.max_hourly_usd = $%s for %d instance(s)", usd(limits.MaxHourlyUSD), c.in.Service.Instances)
	default:
		return ""
	}
}
