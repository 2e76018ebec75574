package aws

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"skysail/sandbox/api"
)

// product is one entry of the price list. See
// https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html
type product struct {
	family     string
	attributes map[string]string
	unit       string
	usd        float64
}

// hoursOfMonth is AWS's own divisor for prices by the month.
const hoursOfMonth = 730

func (s *server) servePricing(_ context.Context, c *call) (any, error) {
	if c.operation() != "GetProducts" {
		return nil, unsimulated("the Pricing operation " + c.operation())
	}
	var in struct {
		ServiceCode string
		Filters     []struct{ Type, Field, Value string }
		MaxResults  int
		NextToken   string
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	all, err := s.products(in.ServiceCode)
	if err != nil {
		return nil, err
	}
	var kept []string
	for _, p := range all {
		fits := true
		for _, f := range in.Filters {
			if f.Type != "TERM_MATCH" && f.Type != "EQUALS" {
				return nil, unsimulated("the filter type " + f.Type)
			}
			have := p.attributes[f.Field]
			if f.Field == "productFamily" {
				have = p.family
			}
			fits = fits && strings.EqualFold(have, f.Value)
		}
		if fits {
			kept = append(kept, p.document(in.ServiceCode, s.World.Now().UTC().Format("2006-01-02T15:04:05Z")))
		}
	}
	out, next, apiErr := page(kept, in.MaxResults, 100, in.NextToken)
	if apiErr != nil {
		return nil, badRequest("InvalidNextTokenException", "%s", apiErr.message)
	}
	v := map[string]any{"FormatVersion": "aws_v1", "PriceList": append([]string{}, out...)}
	if next != "" {
		v["NextToken"] = next
	}
	return v, nil
}

// products are what the sandbox sells: instances by the hour, disks by the
// GiB and month, addresses by the hour.
func (s *server) products(service string) ([]product, error) {
	sizes, err := s.Sizes()
	if err != nil {
		return nil, err
	}
	regions := api.Regions(sizes)
	slices.Sort(regions)
	var out []product
	switch service {
	case "AmazonEC2":
		for _, z := range sizes {
			for _, r := range z.Regions {
				out = append(out, instanceProduct(z, r))
			}
		}
		for _, r := range regions {
			if s.DiskUSD > 0 {
				out = append(out, product{"Storage", map[string]string{
					"regionCode": r, "locationType": "AWS Region", "volumeApiName": "gp3", "volumeType": "General Purpose",
					"storageMedia": "SSD-backed", "usagetype": "EBS:VolumeUsage.gp3", "servicecode": service,
				}, "GB-Mo", s.DiskUSD * hoursOfMonth})
			}
		}
	case "AmazonVPC":
		for _, r := range regions {
			if s.AddressUSD > 0 {
				out = append(out, product{"IP Address", map[string]string{
					"regionCode": r, "locationType": "AWS Region", "group": "VPCPublicIPv4Address", "groupDescription": "Hourly charge for In-use Public IPv4 Addresses",
					"usagetype": "PublicIPv4:InUseAddress", "servicecode": service,
				}, "Hrs", s.AddressUSD})
			}
		}
	default:
		return nil, badRequest("InvalidParameterException", "Invalid service code: %s", service)
	}
	return out, nil
}

func instanceProduct(z api.Size, region string) product {
	a := map[string]string{
		"instanceType": z.Name, "regionCode": region, "locationType": "AWS Region", "vcpu": strconv.Itoa(z.VCPU),
		"memory": strconv.FormatFloat(float64(z.MemoryMB)/1024, 'f', -1, 64) + " GiB", "operatingSystem": "Linux", "tenancy": "Shared",
		"preInstalledSw": "NA", "capacitystatus": "Used", "licenseModel": "No License required", "marketoption": "OnDemand",
		"operation": "RunInstances", "currentGeneration": "Yes", "usagetype": "BoxUsage:" + z.Name, "servicecode": "AmazonEC2",
	}
	if z.GPU != nil {
		a["gpu"] = strconv.Itoa(z.GPU.Count)
	}
	return product{"Compute Instance", a, "Hrs", z.Price(region).USD}
}

// document is the product with its price on demand, as text.
func (p product) document(service, at string) string {
	sku := strings.ToUpper(strings.TrimPrefix(fixedID("sku", service, p.family, p.attributes["instanceType"], p.attributes["regionCode"]), "sku-"))[:16]
	const onDemand, rate = "JRTCKXETXF", "6YS6EN2CT7" // the same for all products
	raw, _ := json.Marshal(map[string]any{            // strings only: cannot fail
		"product":     map[string]any{"productFamily": p.family, "attributes": p.attributes, "sku": sku},
		"serviceCode": service,
		"terms": map[string]any{"OnDemand": map[string]any{sku + "." + onDemand: map[string]any{
			"sku": sku, "offerTermCode": onDemand, "effectiveDate": at, "termAttributes": map[string]string{},
			"priceDimensions": map[string]any{sku + "." + onDemand + "." + rate: map[string]any{
				"rateCode": sku + "." + onDemand + "." + rate, "unit": p.unit, "beginRange": "0", "endRange": "Inf", "appliesTo": []string{},
				"description":  fmt.Sprintf("$%g per %s of %s", p.usd, p.unit, p.attributes["usagetype"]),
				"pricePerUnit": map[string]string{"USD": strconv.FormatFloat(p.usd, 'f', 10, 64)},
			}},
		}}},
		"version": "skysail-sandbox", "publicationDate": at,
	})
	return string(raw)
}
