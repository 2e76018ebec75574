package vultr

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"skysail/catalog"
	"skysail/policies"
)

// plansSource is the ID of the one source that Offers has.
const plansSource = "plans"

// families are the plan types that instances are made of. Not among them:
// bare metal, and vx1, whose plans have no disk of their own.
var families = []string{"vc2", "vhf", "vhp", "voc", "vcg"}

// soldPlan is what the API says of a plan. The SDK's struct lacks the hourly
// price and the number of GPUs.
type soldPlan struct {
	ID          string   `json:"id"`
	VCPU        int      `json:"vcpu_count"`
	RAM         int      `json:"ram"` // MB
	Disk        int      `json:"disk"`
	Type        string   `json:"type"`
	HourlyCost  float64  `json:"hourly_cost"`
	Locations   []string `json:"locations"` // none: sold out
	OnDemand    *bool    `json:"deploy_ondemand"`
	GPUType     string   `json:"gpu_type"`
	GPUMemoryGB float64  `json:"gpu_vram_gb"` // of all GPUs
	GPUCount    gpuCount `json:"gpu_count"`
}

// gpuCount is a number or a text with one, and "1/8" for a slice.
type gpuCount string

// UnmarshalJSON takes the number with or without quotes.
func (c *gpuCount) UnmarshalJSON(b []byte) error {
	*c = gpuCount(strings.Trim(string(b), `"`))
	return nil
}

// PublicOffers says that Offers needs no credentials.
func (c *Cloud) PublicOffers() bool { return true }

// Offers asks for every plan that can be had now and where. Vultr tells that
// to anybody. Plans with a slice of a GPU are left out: who asks for a GPU
// asks for a whole one. So are those without an IPv4 address. May be retried.
func (c *Cloud) Offers(ctx context.Context) (catalog.File, error) {
	shop, err := c.shop()
	if err != nil {
		return catalog.File{}, err
	}
	defer shop.http.CloseIdleConnections()
	plans, err := shop.plans(ctx)
	if err != nil {
		return catalog.File{}, fmt.Errorf("reading the plans: %w", err)
	}
	stock, err := shop.stock(ctx)
	if err != nil {
		return catalog.File{}, fmt.Errorf("reading what is available: %w", err)
	}
	out := catalog.File{
		Version: 1, Provider: policies.Vultr,
		Sources: []catalog.Source{{
			ID: plansSource, URL: shop.api.JoinPath("v2/plans").String(), AsOf: time.Now().UTC().Format(time.DateOnly),
		}},
	}
	for i := range plans {
		if row, ok := plans[i].offer(stock); ok {
			out.Offers = append(out.Offers, row)
		}
	}
	return out, nil
}

// offer is false for a plan that can not be had or is not for us.
func (p *soldPlan) offer(stock map[string][]string) (catalog.Row, bool) {
	var regions []string
	for _, l := range p.Locations {
		if slices.Contains(stock[l], p.ID) {
			regions = append(regions, l)
		}
	}
	slices.Sort(regions)
	if len(regions) == 0 || !slices.Contains(families, p.Type) || p.OnDemand != nil && !*p.OnDemand ||
		p.HourlyCost <= 0 || p.VCPU <= 0 || p.RAM <= 0 || p.Disk <= 0 || strings.HasSuffix(p.ID, "-v6") {
		return catalog.Row{}, false
	}
	row := catalog.Row{Regions: regions, Offer: catalog.Offer{
		Type: p.ID, Arch: "amd64", VCPU: float64(p.VCPU), MemoryGB: float64(p.RAM) / 1024,
		DiskGB: float64(p.Disk), PriceUSD: p.HourlyCost, Source: plansSource,
	}}
	if p.Type != "vcg" {
		return row, true
	}
	row.GPU = p.gpu()
	return row, row.GPU != nil
}

// gpu is nil for a slice of one, and when the API does not say enough.
func (p *soldPlan) gpu() *catalog.GPU {
	count, err := strconv.Atoi(string(p.GPUCount))
	_, model, ok := strings.Cut(p.GPUType, "_") // NVIDIA_A40
	if err != nil || count < 1 || !ok || p.GPUMemoryGB <= 0 {
		return nil
	}
	return &catalog.GPU{Model: model, Count: count, MemoryGB: p.GPUMemoryGB / float64(count)}
}
