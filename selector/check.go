package selector

import (
	"fmt"
	"math"
	"path"
	"strconv"
	"strings"
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

// checker holds an offer against the service and the policy. It remembers
// what it found out about regions and dates, which many offers share.
type checker struct {
	in      Input
	regions map[string]int // region -> index of its glob, or -1
	stale   map[string]bool
	lastDay string
	lastOld bool
}

func newChecker(in Input) *checker {
	return &checker{in: in, regions: map[string]int{}, stale: map[string]bool{}}
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

// price is the price that counts for the offer under the policy.
func (c *checker) price(o *catalog.Offer) (usd float64, spot bool) {
	if o.SpotUSD != nil && c.in.Policy.Limits.Spot != policies.SpotNever {
		return *o.SpotUSD, true
	}
	return o.PriceUSD, false
}

// total is the price of all instances, free of the noise of binary fractions
// that would put three times ten cents above a cap of thirty.
func (c *checker) total(price float64) float64 {
	return math.RoundToEven(price*float64(c.in.Service.Instances)*1e9) / 1e9
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
	case c.otherModel(o):
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
	case limits.MaxHourlyUSD > 0 && !(c.total(price) <= limits.MaxHourlyUSD):
		return overCap
	}
	return fits
}

func (c *checker) otherModel(o *catalog.Offer) bool {
	need := c.in.Service.Resources.GPU
	return need != nil && need.Model != "" && !strings.EqualFold(o.GPU.Model, need.Model)
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
		return fmt.Sprintf("its price is older than limits.max_price_age = %gh, so the cap of $%s an hour can not be kept; raise max_price_age or leave out max_hourly_usd", limits.MaxPriceAge.Hours(), usd(limits.MaxHourlyUSD))
	case overCap:
		return fmt.Sprintf("it costs more than limits.max_hourly_usd = $%s for %d instance(s)", usd(limits.MaxHourlyUSD), c.in.Service.Instances)
	default:
		return ""
	}
}

func num(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// usd writes small prices with four significant digits and large ones with
// cents.
func usd(f float64) string {
	if math.Abs(f) < 1000 {
		return strconv.FormatFloat(f, 'g', 4, 64)
	}
	return strings.TrimSuffix(strconv.FormatFloat(f, 'f', 2, 64), ".00")
}
