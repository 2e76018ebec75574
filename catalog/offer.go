// Package catalog holds offers: which instance types exist where, what they
// have and what they cost, each price with its source and date.
package catalog

// Offer is one instance type in one region.
type Offer struct {
	Provider string `json:"provider,omitempty"`
	Region   string `json:"region,omitempty"`
	Type     string `json:"type"`
	// Zones of the region in which the type exists; empty where the provider
	// has no zones or places the instance itself.
	Zones    []string `json:"zones,omitempty"`
	Arch     string   `json:"arch"` // GOARCH name: amd64, arm64
	VCPU     float64  `json:"vcpu"`
	MemoryGB float64  `json:"memory_gib"`
	// DiskGB is the boot disk that the price includes. 0 is none: then one of
	// the size that is asked for is made, and paid for at Rates.DiskUSD.
	DiskGB float64 `json:"disk_gib"`
	GPU    *GPU    `json:"gpu,omitempty"`
	// PriceUSD is the on-demand price in US dollars an hour for one instance.
	PriceUSD float64 `json:"price_usd_hour"`
	// SpotUSD is the interruptible price, nil where there is none.
	SpotUSD *float64 `json:"spot_usd_hour"`
	// Source is the public page or API the price is from.
	Source string `json:"source"`
	// AsOf is the day the source stated it, YYYY-MM-DD.
	AsOf string `json:"as_of,omitempty"`
}

// GPU is what an offer has of accelerators.
type GPU struct {
	Model string `json:"model"`
	Count int    `json:"count"`
	// MemoryGB is that of one accelerator, by its maker's nominal figure: 24
	// for an L4, whatever part of it the driver can hand out.
	MemoryGB float64 `json:"memory_gib"`
}
