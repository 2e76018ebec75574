package selector

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"skysail/policies"
)

// Reasons says why the candidate stands where it does, and what is in its
// price.
func (c *Candidate) Reasons() []string {
	if c.by != nil && c.by.told != nil {
		return c.by.told.Reasons
	}
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
	kubernetes := o.Provider == policies.Kubernetes
	if kubernetes {
		out = append(out, fmt.Sprintf("namespace %s of the cluster behind context %s", o.Type, o.Region), "the cluster's own capacity, which has no price here")
	}
	if c.weight > 0 {
		recall := *c.by.recall
		out = append(out, recall.text(o, c.Spot)+", so "+c.consequence())
	}
	if kubernetes {
		return out
	}
	return append(out, c.size(), c.priceText())
}

// consequence says what a shortage does to the candidate's place.
func (c *Candidate) consequence() string {
	switch {
	case c.by.cheapest && c.Offer.Provider == policies.Kubernetes:
		return "after the other clusters"
	case c.by.cheapest:
		return fmt.Sprintf("placed as if it cost $%s", usd(c.by.handicap(c.PriceUSD, c.weight)))
	case c.weight >= fresh:
		return "after all others"
	default:
		return "after the others of " + c.Offer.Provider
	}
}

func (c *Candidate) size() string {
	o, p := c.Offer, c.Price()
	disk := o.DiskGB
	if p.BootDiskGB > 0 {
		disk = float64(p.BootDiskGB)
	}
	out := fmt.Sprintf("%s vCPU, %s GiB memory, %s GiB disk", num(o.VCPU), num(o.MemoryGB), num(disk))
	if o.GPU != nil {
		out += fmt.Sprintf(", %d× %s", o.GPU.Count, o.GPU.Model)
		if o.GPU.MemoryGB > 0 {
			out += fmt.Sprintf(" of %s GiB", num(o.GPU.MemoryGB))
		}
	}
	return out
}

func (c *Candidate) priceText() string {
	p := c.Price()
	kind := "on demand"
	if c.Spot {
		kind = "spot"
	}
	out := fmt.Sprintf("$%s an hour %s", usd(c.PriceUSD), kind)
	var parts []string
	part := func(usdHour float64, what string) {
		if usdHour > 0 {
			parts = append(parts, fmt.Sprintf("$%s %s", usd(usdHour), what))
		}
	}
	part(p.InstanceUSD, "instance")
	part(p.BootDiskUSD, fmt.Sprintf("%d GiB disk", p.BootDiskGB))
	part(p.DataDiskUSD, fmt.Sprintf("%d GiB data disk", p.DataDiskGB))
	part(p.AddressUSD, "address")
	if len(parts) > 1 {
		out += ": " + strings.Join(parts, ", ")
	}
	if p.DisksUnpriced {
		out += " without its disks, whose price is not known"
	}
	return out + "; as of " + c.AsOf()
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
