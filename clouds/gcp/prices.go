package gcp

import (
	"math"
	"strings"

	"google.golang.org/api/cloudbilling/v1"
)

// part is what a SKU is the price of.
type part struct {
	kind string // one of the constants below
	name string // how its description begins
	spot bool
}

// Kinds of parts. Prices are US dollars an hour for one vCPU, GiB of memory,
// GPU, GiB of disk, or address.
const (
	partCore    = "core"
	partMemory  = "memory"
	partGPU     = "gpu"
	partSSD     = "local ssd"
	partDisk    = "disk"
	partAddress = "address"
)

// hoursAMonth is how Google gets from the price of a month to that of an hour.
const hoursAMonth = 730

// global stands for every region.
const global = "global"

// prices are by part and region.
type prices map[part]map[string]float64

// add takes a SKU in, if it is one of those that offers are made of. Of two
// prices for the same thing the higher one counts: a cap must hold.
func (p prices) add(sku *cloudbilling.Sku) {
	what, ok := partOf(sku)
	if !ok {
		return
	}
	usd, ok := hourly(sku)
	if !ok {
		return
	}
	if p[what] == nil {
		p[what] = map[string]float64{}
	}
	for _, region := range sku.ServiceRegions {
		p[what][region] = max(p[what][region], usd)
	}
}

// of is the price of a part in a region; there may be none.
func (p prices) of(kind, name string, spot bool, region string) (float64, bool) {
	usd, ok := p[part{kind, name, spot}][region]
	return usd, ok
}

// partOf reads a SKU's description. Commitments, sole tenancy, custom types,
// reservations and the like begin otherwise, and are no parts of offers.
// https://docs.cloud.google.com/billing/docs/reference/rest/v1/services.skus/list
func partOf(sku *cloudbilling.Sku) (part, bool) {
	if sku.Category == nil || sku.Category.UsageType != "OnDemand" && sku.Category.UsageType != "Preemptible" {
		return part{}, false
	}
	spot := sku.Category.UsageType == "Preemptible"
	text := sku.Description
	switch group := sku.Category.ResourceGroup; {
	case group == "CPU" || group == "RAM" || group == "N1Standard":
		if spot {
			var ok bool
			if text, ok = strings.CutPrefix(text, "Spot Preemptible "); !ok {
				return part{}, false
			}
		}
		if name, _, ok := strings.Cut(text, " Core running in "); ok && group != "RAM" {
			return part{partCore, name, spot}, true
		}
		if name, _, ok := strings.Cut(text, " Ram running in "); ok && group != "CPU" {
			return part{partMemory, name, spot}, true
		}
	case group == "GPU":
		between := " running in "
		if spot {
			between = " attached to Spot Preemptible VMs running in "
		}
		if name, _, ok := strings.Cut(text, between); ok {
			return part{partGPU, name, spot}, true
		}
	case group == "LocalSSD":
		if strings.HasPrefix(text, "SSD backed Local Storage") && strings.Contains(text, "attached to Spot") == spot {
			return part{kind: partSSD, spot: spot}, true
		}
	case group == "IpAddress" && text == "External IP Charge on a Standard VM":
		return part{kind: partAddress}, true
	case sku.Category.ResourceFamily == "Storage" && !spot:
		if strings.HasPrefix(text, "Balanced PD Capacity") || strings.HasPrefix(text, "Hyperdisk Balanced Capacity") {
			return part{kind: partDisk}, true
		}
	}
	return part{}, false
}

// gibibyte is how many GB are one GiB: some SKUs count in GB.
const gibibyte = 1 << 30 / 1e9

// hourly is a SKU's price for one hour. What lies above a free tier is the
// price.
func hourly(sku *cloudbilling.Sku) (float64, bool) {
	if len(sku.PricingInfo) == 0 {
		return 0, false
	}
	p := sku.PricingInfo[len(sku.PricingInfo)-1].PricingExpression
	if p == nil || len(p.TieredRates) == 0 {
		return 0, false
	}
	rate := p.TieredRates[len(p.TieredRates)-1].UnitPrice
	if rate == nil || rate.CurrencyCode != "" && rate.CurrencyCode != "USD" {
		return 0, false
	}
	usd := float64(rate.Units) + float64(rate.Nanos)/1e9
	switch p.UsageUnit {
	case "h", "GiBy.h":
	case "GBy.h":
		usd *= gibibyte
	case "GiBy.mo":
		usd /= hoursAMonth
	case "GBy.mo":
		usd *= gibibyte / hoursAMonth
	default:
		return 0, false
	}
	return usd, usd > 0
}

// rounded keeps a millionth of a dollar.
func rounded(usd float64) float64 { return math.Round(usd*1e6) / 1e6 }
