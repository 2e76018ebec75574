package digitalocean

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/digitalocean/godo"

	"skysail/catalog"
	"skysail/policies"
)

// sizesSource is the ID of the one source that Offers has.
const sizesSource = "sizes"

// Offers asks for every size that can be had now. It needs a token that may
// read sizes and regions. May be retried.
//
// A size says what it costs the same in all its regions; DigitalOcean has no
// spot price, and all its droplets are amd64
// (https://docs.digitalocean.com/reference/api/reference/sizes).
func (c *Cloud) Offers(ctx context.Context) (catalog.File, error) {
	conn, err := c.connect()
	if err != nil {
		return catalog.File{}, err
	}
	defer conn.close()
	open, err := conn.openRegions(ctx)
	if err != nil {
		return catalog.File{}, fmt.Errorf("reading the regions: %w", conn.explain(err, "regions:read"))
	}
	sizes, err := all(ctx, conn.Sizes.List)
	if err != nil {
		return catalog.File{}, fmt.Errorf("reading the sizes: %w", conn.explain(err, "sizes:read"))
	}
	address, err := c.api()
	if err != nil {
		return catalog.File{}, err
	}
	out := catalog.File{
		Version: 1, Provider: policies.DigitalOcean,
		Sources: []catalog.Source{{
			ID: sizesSource, URL: address.JoinPath("v2/sizes").String(), AsOf: time.Now().UTC().Format(time.DateOnly),
		}},
	}
	for i := range sizes {
		if row, ok := offer(&sizes[i], open); ok {
			out.Offers = append(out.Offers, row)
		}
	}
	return out, nil
}

// openRegions are the regions that take new droplets.
func (c *client) openRegions(ctx context.Context) (map[string]bool, error) {
	regions, err := all(ctx, c.Regions.List)
	if err != nil {
		return nil, err
	}
	open := map[string]bool{}
	for _, r := range regions {
		open[r.Slug] = r.Available
	}
	return open, nil
}

// offer is false for a size that can not be had, or whose price is not told.
func offer(s *godo.Size, open map[string]bool) (catalog.Row, bool) {
	regions := slices.DeleteFunc(slices.Clone(s.Regions), func(r string) bool { return !open[r] })
	if !s.Available || len(regions) == 0 || s.PriceHourly <= 0 || s.Vcpus <= 0 || s.Memory <= 0 || s.Disk <= 0 {
		return catalog.Row{}, false
	}
	slices.Sort(regions)
	row := catalog.Row{Regions: regions, Offer: catalog.Offer{
		Type: s.Slug, Arch: "amd64", VCPU: float64(s.Vcpus), MemoryGB: float64(s.Memory) / 1024,
		DiskGB: float64(s.Disk), PriceUSD: s.PriceHourly, Source: sizesSource,
	}}
	if s.GPUInfo == nil {
		return row, true
	}
	row.GPU = gpu(s.GPUInfo)
	return row, row.GPU != nil
}

// gpu is nil when the API does not say enough. Its memory is that of all
// accelerators together, its model is as in nvidia_h100.
func gpu(info *godo.GPUInfo) *catalog.GPU {
	if info.Count < 1 || info.Model == "" || info.VRAM == nil || info.VRAM.Unit != "gib" {
		return nil
	}
	model := info.Model
	for _, maker := range []string{"nvidia_", "amd_"} {
		model = strings.TrimPrefix(model, maker)
	}
	return &catalog.GPU{
		Model: strings.ToUpper(model), Count: info.Count, MemoryGB: float64(info.VRAM.Amount) / float64(info.Count),
	}
}
