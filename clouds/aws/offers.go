package aws

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"skysail/catalog"
	"skysail/policies"
)

// sellingRegions are those whose offers are listed: all would be some tens of
// thousands of offers. Only those that the account has enabled are asked.
var sellingRegions = []string{
	"us-east-1", "us-east-2", "us-west-2", "ca-central-1",
	"eu-west-1", "eu-west-2", "eu-central-1", "eu-north-1",
	"ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "ap-south-1",
}

// offerRegions bounds how many regions are asked at once. The price list is
// one API for all of them, and slow to forgive.
const offerRegions = 4

// The sources of what Offers tells.
const (
	srcPrices = "pricing"
	noteSpot  = "GetProducts: Linux, shared tenancy, on demand. Spot is of DescribeSpotPriceHistory at the same time, the dearest of the region's zones; a GPU's memory is its maker's nominal figure."
)

// Offers asks for the types, zones, and prices of today in the regions that
// are enabled for the account. It makes some tens of calls in each region and
// takes about a minute. A type without one clear price is left out; a failed
// call is an error. It may be repeated, and costs nothing.
func (c *Cloud) Offers(ctx context.Context) (catalog.File, error) {
	api, err := c.connect(ctx)
	if err != nil {
		return catalog.File{}, err
	}
	defer api.close()
	enabled, err := api.regions(ctx)
	if err != nil {
		return catalog.File{}, fmt.Errorf("listing regions: %w", api.explain(err))
	}
	regions := slices.DeleteFunc(slices.Clone(sellingRegions), func(r string) bool { return !slices.Contains(enabled, r) })
	sold := make([]regional, len(regions))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(offerRegions)
	for i, r := range regions {
		g.Go(func() error {
			var err error
			if sold[i], err = api.sold(gctx, r); err != nil && !closedRegion(err) {
				return fmt.Errorf("offers in %s: %w", r, api.explain(err))
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return catalog.File{}, err
	}
	today := c.now().UTC().Format(time.DateOnly)
	out := catalog.File{
		Version: 1, Provider: policies.AWS,
		Sources: []catalog.Source{{ID: srcPrices, URL: pricingURL, AsOf: today, Note: noteSpot}},
		Rates:   &catalog.Rates{Provider: policies.AWS, Source: pricingURL, AsOf: today},
	}
	for _, s := range sold {
		out.Offers = append(out.Offers, s.rows...)
		// One rate is for all regions: the dearest never tells too little.
		out.Rates.DiskUSD, out.Rates.AddressUSD = max(out.Rates.DiskUSD, s.disk), max(out.Rates.AddressUSD, s.address)
	}
	if len(out.Offers) == 0 {
		return catalog.File{}, errors.New("aws: none of the regions that are looked at is enabled for the account")
	}
	return out, nil
}

// regional is what one region sells.
type regional struct {
	rows          []catalog.Row
	disk, address float64
}

func (a *client) sold(ctx context.Context, region string) (regional, error) {
	kinds, err := a.types(ctx, region)
	if err != nil {
		return regional{}, err
	}
	zones, err := a.zones(ctx, region)
	if err != nil {
		return regional{}, err
	}
	prices, err := a.onDemand(ctx, region, nil)
	if err != nil {
		return regional{}, err
	}
	spot, err := a.spot(ctx, region)
	if err != nil {
		return regional{}, err
	}
	var out regional
	if out.disk, out.address, err = a.beside(ctx, region); err != nil {
		return regional{}, err
	}
	slices.SortFunc(kinds, func(a, b catalog.Offer) int { return catalog.Compare(&a, &b) })
	for _, o := range kinds {
		usd, priced := prices[o.Type]
		if o.Zones = zones[o.Type]; !priced || len(o.Zones) == 0 {
			continue
		}
		o.PriceUSD, o.Source = usd, srcPrices
		// At the price of one that stays, nobody wants one that may go.
		if s, ok := spot[o.Type]; ok && s > 0 && s < usd {
			o.SpotUSD = &s
		}
		out.rows = append(out.rows, catalog.Row{Offer: o, Regions: []string{region}})
	}
	return out, nil
}
