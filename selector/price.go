package selector

import (
	"math"

	"skysail/catalog"
	"skysail/policies"
)

// Price is what one instance costs, in US dollars an hour, part by part.
type Price struct {
	InstanceUSD float64 `json:"instance_usd_hour"`
	// BootDiskGB is the boot disk that is made for the instance, 0 where the
	// type has its own.
	BootDiskGB  int     `json:"boot_disk_gib"`
	BootDiskUSD float64 `json:"boot_disk_usd_hour"`
	DataDiskGB  int     `json:"data_disk_gib"`
	DataDiskUSD float64 `json:"data_disk_usd_hour"`
	AddressUSD  float64 `json:"address_usd_hour"`
	// DisksUnpriced says that disks are needed and the provider's price for
	// them is not known: they are missing in the sum.
	DisksUnpriced bool `json:"disks_unpriced,omitempty"`
}

// Price takes the candidate's price apart.
func (c *Candidate) Price() Price {
	if c.by != nil && c.by.told != nil {
		return c.by.told.Price
	}
	if c.by == nil || c.by.prices == nil || c.Offer.Provider == policies.Kubernetes {
		return Price{InstanceUSD: c.PriceUSD}
	}
	p := *c.by.prices // a copy: it remembers the last rates, and candidates share it
	return p.of(c.Offer, c.Spot)
}

// AsOf is the day of the oldest figure in the price, YYYY-MM-DD; empty where
// there is no price.
func (c *Candidate) AsOf() string {
	if c.by != nil && c.by.told != nil {
		return c.by.told.AsOf
	}
	if c.by == nil || c.by.prices == nil {
		return c.Offer.AsOf
	}
	p := *c.by.prices
	// Without disks and address in the price the rates' date says nothing.
	if r := p.rates(c.Offer.Provider); r.AsOf != "" && p.extra(c.Offer) > 0 && r.AsOf < c.Offer.AsOf {
		return r.AsOf
	}
	return c.Offer.AsOf
}

// prices knows what an offer costs with all that is paid beside it.
type prices struct {
	all       map[string]catalog.Rates
	storageGB float64
	dataGB    int
	// The rates of one provider, which many offers in a row share.
	provider string
	last     catalog.Rates
}

func newPrices(in Input) *prices {
	p := &prices{all: in.Rates, storageGB: in.Service.Resources.StorageGB}
	if d := in.Service.Disk; d != nil {
		p.dataGB = d.SizeGB
	}
	return p
}

func (p *prices) rates(provider string) *catalog.Rates {
	if provider != p.provider {
		p.provider, p.last = provider, p.all[provider]
	}
	return &p.last
}

// needsDisks says whether a disk is made, and paid for, beside the offer.
func (p *prices) needsDisks(o *catalog.Offer) bool { return o.DiskGB == 0 || p.dataGB > 0 }

// unpriced says that disks are needed and nobody knows what they cost.
func (p *prices) unpriced(o *catalog.Offer) bool {
	return p.needsDisks(o) && !(p.rates(o.Provider).DiskUSD > 0)
}

// extra is what is paid an hour beside the instance type.
func (p *prices) extra(o *catalog.Offer) float64 {
	r := p.rates(o.Provider)
	usd := r.AddressUSD
	if gb := o.BootDiskGB(p.storageGB) + p.dataGB; gb > 0 {
		usd += r.DiskUSD * float64(gb)
	}
	return usd
}

func instance(o *catalog.Offer, spot bool) float64 {
	if spot {
		return *o.SpotUSD
	}
	return o.PriceUSD
}

// usd is the price that counts.
func (p *prices) usd(o *catalog.Offer, spot bool) float64 {
	if extra := p.extra(o); extra > 0 {
		return exact(instance(o, spot) + extra)
	}
	return instance(o, spot)
}

func (p *prices) of(o *catalog.Offer, spot bool) Price {
	r, boot := p.rates(o.Provider), o.BootDiskGB(p.storageGB)
	return Price{
		InstanceUSD: instance(o, spot),
		BootDiskGB:  boot, BootDiskUSD: exact(r.DiskUSD * float64(boot)),
		DataDiskGB: p.dataGB, DataDiskUSD: exact(r.DiskUSD * float64(p.dataGB)),
		AddressUSD:    r.AddressUSD,
		DisksUnpriced: p.unpriced(o),
	}
}

// exact frees a price of the noise of binary fractions, which would put three
// times ten cents above a cap of thirty.
func exact(usd float64) float64 { return math.RoundToEven(usd*1e9) / 1e9 }
