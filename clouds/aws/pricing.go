package aws

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/pricing"
	"github.com/aws/aws-sdk-go-v2/service/pricing/types"
)

const (
	// pricingRegion answers for all regions; the API is in three only:
	// https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html
	pricingRegion = "us-east-1"
	pricingURL    = "https://api.pricing.us-east-1.amazonaws.com"
	// hoursAMonth is how AWS gets from the price of a month to that of an hour.
	hoursAMonth = 730
)

// product is one entry of the price list, with what it costs on demand.
type product struct {
	attributes map[string]string
	usd        float64
}

// products lists what a service sells on demand at one price for the unit:
// free amounts, reservations and prices by the quantity are left out.
func (a *client) products(ctx context.Context, service, unit string, filters map[string]string) ([]product, error) {
	in := &pricing.GetProductsInput{ServiceCode: sdk.String(service), FormatVersion: sdk.String("aws_v1"), MaxResults: sdk.Int32(100)}
	for _, field := range sorted(filters) {
		in.Filters = append(in.Filters, types.Filter{Type: types.FilterTypeTermMatch, Field: sdk.String(field), Value: sdk.String(filters[field])})
	}
	var out []product
	pages := pricing.NewGetProductsPaginator(getProducts(a.pricing().GetProducts), in)
	for pages.HasMorePages() {
		var page *pricing.GetProductsOutput
		if err := call(ctx, func(ctx context.Context) (err error) {
			page, err = pages.NextPage(ctx)
			return err
		}); err != nil {
			return nil, err
		}
		for _, raw := range page.PriceList {
			p, ok, err := parseProduct(raw, unit)
			if err != nil {
				return nil, fmt.Errorf("the price list of %s: %w", service, err)
			}
			if ok {
				out = append(out, p)
			}
		}
	}
	return out, nil
}

// parseProduct reads an entry; ok says that it has one price for the unit.
func parseProduct(raw, unit string) (p product, ok bool, err error) {
	var doc struct {
		Product struct {
			Attributes map[string]string `json:"attributes"`
		} `json:"product"`
		Terms struct {
			OnDemand map[string]struct {
				PriceDimensions map[string]struct {
					Unit         string            `json:"unit"`
					PricePerUnit map[string]string `json:"pricePerUnit"`
				} `json:"priceDimensions"`
			} `json:"OnDemand"`
		} `json:"terms"`
	}
	if err := json.Unmarshal([]byte(raw), &doc); err != nil {
		return product{}, false, err
	}
	var found []float64
	for _, term := range doc.Terms.OnDemand {
		for _, d := range term.PriceDimensions {
			text, dollars := d.PricePerUnit["USD"]
			if !dollars || !strings.EqualFold(d.Unit, unit) {
				continue
			}
			usd, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return product{}, false, fmt.Errorf("a price is %q", text)
			}
			if usd > 0 && !slices.Contains(found, usd) {
				found = append(found, usd)
			}
		}
	}
	if len(found) != 1 {
		return product{}, false, nil
	}
	return product{doc.Product.Attributes, found[0]}, true, nil
}

// onDemand are the prices an hour of Linux instances that are shared with
// others' on the same machine, by type. A type with two prices is left out.
func (a *client) onDemand(ctx context.Context, region string, more map[string]string) (map[string]float64, error) {
	filters := map[string]string{
		"regionCode": region, "operatingSystem": "Linux", "preInstalledSw": "NA", "tenancy": "Shared",
		"capacitystatus": "Used", "licenseModel": "No License required", "operation": "RunInstances",
	}
	for k, v := range more {
		filters[k] = v
	}
	list, err := a.products(ctx, "AmazonEC2", "Hrs", filters)
	if err != nil {
		return nil, err
	}
	out, twice := map[string]float64{}, map[string]bool{}
	for _, p := range list {
		t := p.attributes["instanceType"]
		if usd, ok := out[t]; ok && usd != p.usd {
			twice[t] = true
		}
		out[t] = p.usd
	}
	for t := range twice {
		delete(out, t)
	}
	delete(out, "")
	return out, nil
}

// beside is what a region takes beside the instance: US dollars an hour for a
// GiB of gp3, and for a public IPv4 address.
func (a *client) beside(ctx context.Context, region string) (disk, address float64, err error) {
	disks, err := a.products(ctx, "AmazonEC2", "GB-Mo", map[string]string{"regionCode": region, "productFamily": "Storage", "volumeApiName": "gp3"})
	if err != nil {
		return 0, 0, err
	}
	for _, p := range disks {
		if strings.HasSuffix(p.attributes["usagetype"], "EBS:VolumeUsage.gp3") {
			disk = max(disk, p.usd/hoursAMonth)
		}
	}
	addresses, err := a.products(ctx, "AmazonVPC", "Hrs", map[string]string{"regionCode": region, "group": "VPCPublicIPv4Address"})
	if err != nil {
		return 0, 0, err
	}
	for _, p := range addresses {
		if strings.HasSuffix(p.attributes["usagetype"], "PublicIPv4:InUseAddress") {
			address = max(address, p.usd)
		}
	}
	if disk == 0 || address == 0 {
		return 0, 0, fmt.Errorf("the price list has no price of gp3 volumes (%v) or public IPv4 addresses (%v)", disk, address)
	}
	return disk, address, nil
}

// sorted are the keys of a map.
func sorted[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
