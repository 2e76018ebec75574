package gcp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"
	"time"

	"google.golang.org/api/cloudbilling/v1"
	"google.golang.org/api/compute/v1"
	"google.golang.org/api/option"

	"skysail/catalog"
	"skysail/policies"
)

const (
	// computeService is Compute Engine's ID in the Catalog API.
	computeService = "services/6F81-5844-456A"
	catalogURL     = "https://cloudbilling.googleapis.com/v1/" + computeService + "/skus"
	sourceID       = "catalog-api"
)

// Offers puts together what Google sells in each region: the machine types of
// Compute Engine, and what the Catalog API says of their parts. A type of
// which a part has no price is left out; a GPU's machine without its GPU is
// not the price.
func (c *Cloud) Offers(ctx context.Context) (catalog.File, error) {
	api, err := c.connect(ctx)
	if err != nil {
		return catalog.File{}, err
	}
	defer api.close()
	costs, err := api.prices(ctx)
	if err != nil {
		return catalog.File{}, fmt.Errorf("reading prices: %w", api.explain(err))
	}
	types, err := api.machineTypes(ctx)
	if err != nil {
		return catalog.File{}, fmt.Errorf("listing machine types: %w", api.explain(err))
	}
	today := c.now().UTC().Format(time.DateOnly)
	out := catalog.File{
		Version: 1, Provider: policies.GCP,
		Sources: []catalog.Source{{ID: sourceID, URL: catalogURL, AsOf: today, Note: "vCPU, memory, GPU and local SSD of each machine type added up; on demand, without sustained or committed use discounts"}},
	}
	regions := map[string]bool{}
	for _, t := range types {
		if row, ok := costs.row(t); ok {
			out.Offers = append(out.Offers, row)
			regions[t.region] = true
		}
	}
	if len(out.Offers) == 0 {
		return catalog.File{}, errors.New("google cloud: no machine type has a price: the Catalog API's descriptions must have changed")
	}
	if out.Rates, err = costs.rates(regions, today); err != nil {
		return catalog.File{}, err
	}
	return out, nil
}

// prices reads all SKUs of Compute Engine, in US dollars.
func (c *client) prices(ctx context.Context) (prices, error) {
	service, err := cloudbilling.NewService(ctx, option.WithHTTPClient(c.http), option.WithEndpoint(c.api.billing))
	if err != nil {
		return nil, err
	}
	var out prices
	err = call(ctx, func(ctx context.Context) error {
		out = prices{}
		return service.Services.Skus.List(computeService).CurrencyCode("USD").PageSize(5000).Pages(ctx, func(page *cloudbilling.ListSkusResponse) error {
			for _, sku := range page.Skus {
				out.add(sku)
			}
			return nil
		})
	})
	return out, err
}

// machineType is one type in one region.
type machineType struct {
	*compute.MachineType
	region string
	zones  []string
}

// machineTypes lists all types, by name and region.
func (c *client) machineTypes(ctx context.Context) ([]*machineType, error) {
	var found map[[2]string]*machineType
	err := call(ctx, func(ctx context.Context) error {
		found = map[[2]string]*machineType{}
		return c.MachineTypes.AggregatedList(c.project).MaxResults(500).Pages(ctx, func(page *compute.MachineTypeAggregatedList) error {
			for scope, s := range page.Items {
				if s.Warning != nil {
					if err := complete(scope, s.Warning.Code); err != nil {
						return err
					}
				}
				zone := path.Base(scope)
				for _, t := range s.MachineTypes {
					key := [2]string{t.Name, regionOf(zone)}
					if found[key] == nil {
						found[key] = &machineType{MachineType: t, region: key[1]}
					}
					found[key].zones = append(found[key].zones, zone)
				}
			}
			return whole(page.Unreachables)
		})
	})
	if err != nil {
		return nil, err
	}
	out := make([]*machineType, 0, len(found))
	for _, t := range found {
		slices.Sort(t.zones)
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b *machineType) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.region, b.region))
	})
	return out, nil
}

// row is the offer of one type in one region, if all of it has a price.
func (p prices) row(t *machineType) (catalog.Row, bool) {
	series, _, _ := strings.Cut(t.Name, "-")
	f, known := families[series]
	if !known || t.Deprecated != nil || strings.HasSuffix(t.Name, "-metal") {
		return catalog.Row{}, false
	}
	vcpu := float64(t.GuestCpus)
	if part, ok := shared[t.Name]; ok {
		vcpu = part
	} else if t.IsSharedCpu {
		return catalog.Row{}, false
	}
	o := catalog.Offer{Type: t.Name, Zones: t.zones, Arch: "amd64", VCPU: vcpu, MemoryGB: float64(t.MemoryMb) / 1024, Source: sourceID}
	if t.Architecture == "ARM64" || t.Architecture == "" && f.arm {
		o.Arch = "arm64"
	}
	var gpu accelerator
	if f.gpu {
		if len(t.Accelerators) != 1 {
			return catalog.Row{}, false
		}
		gpu = accelerators[t.Accelerators[0].GuestAcceleratorType]
		o.GPU = &catalog.GPU{Model: gpu.model, Count: int(t.Accelerators[0].GuestAcceleratorCount), MemoryGB: gpu.memoryGB}
	}
	usd, ok := p.total(f, gpu, &o, t, false)
	if !ok {
		return catalog.Row{}, false
	}
	o.PriceUSD = usd
	if spot, ok := p.total(f, gpu, &o, t, true); ok && spot < usd {
		o.SpotUSD = &spot
	}
	return catalog.Row{Offer: o, Regions: []string{t.region}}, true
}

// total adds up what a type is made of.
func (p prices) total(f family, gpu accelerator, o *catalog.Offer, t *machineType, spot bool) (float64, bool) {
	core, ok1 := p.of(partCore, f.sku, spot, t.region)
	memory, ok2 := p.of(partMemory, f.sku, spot, t.region)
	if !ok1 || !ok2 {
		return 0, false
	}
	usd := core*o.VCPU + memory*o.MemoryGB
	if o.GPU != nil {
		one, ok := p.of(partGPU, gpu.sku, spot, t.region)
		if !ok || o.GPU.Count < 1 {
			return 0, false
		}
		usd += one * float64(o.GPU.Count)
	}
	partitions := int64(0)
	if t.BundledLocalSsds != nil {
		partitions = t.BundledLocalSsds.PartitionCount
	}
	series, _, _ := strings.Cut(t.Name, "-")
	// These always come with local disks, whatever the API says of them.
	must := series == "a3" || strings.HasPrefix(t.Name, "a2-ultragpu-") || strings.HasSuffix(t.Name, "-lssd")
	if must && partitions == 0 || partitions > 0 && !localSSD[series] {
		return 0, false
	}
	if partitions > 0 {
		one, ok := p.of(partSSD, "", spot, t.region)
		if !ok {
			return 0, false
		}
		usd += one * partitionGB * float64(partitions)
	}
	return rounded(usd), true
}

// rates are the dearest of all regions that have offers, and of both kinds of
// disk that the module makes: one figure must hold for all.
func (p prices) rates(regions map[string]bool, today string) (*catalog.Rates, error) {
	r := &catalog.Rates{Provider: policies.GCP, Source: catalogURL, AsOf: today}
	for region, usd := range p[part{kind: partDisk}] {
		if regions[region] {
			r.DiskUSD = max(r.DiskUSD, usd)
		}
	}
	for region, usd := range p[part{kind: partAddress}] {
		if region == global || regions[region] {
			r.AddressUSD = max(r.AddressUSD, usd)
		}
	}
	if r.DiskUSD == 0 || r.AddressUSD == 0 {
		return nil, errors.New("google cloud: the Catalog API names no price of disks or of external addresses: its descriptions must have changed")
	}
	r.DiskUSD, r.AddressUSD = math.Round(r.DiskUSD*1e9)/1e9, rounded(r.AddressUSD)
	return r, nil
}
