package gcp

import (
	"math"
	"slices"
	"strings"
	"testing"

	"google.golang.org/api/cloudbilling/v1"
	"google.golang.org/api/option"
)

// TestPriceList adds up machine types from the price list, as everybody must
// who wants to know what Google's cost.
func TestPriceList(t *testing.T) {
	c := newCloud(t)
	s, err := cloudbilling.NewService(t.Context(), c.as(c.token()), option.WithEndpoint(c.url+"/"))
	check(t, err)
	prices := map[string]float64{}
	check(t, s.Services.Skus.List("services/6F81-5844-456A").CurrencyCode("USD").PageSize(7).Pages(t.Context(), func(p *cloudbilling.ListSkusResponse) error {
		for _, sku := range p.Skus {
			e := sku.PricingInfo[0].PricingExpression
			usd := float64(e.TieredRates[0].UnitPrice.Units) + float64(e.TieredRates[0].UnitPrice.Nanos)/1e9
			if strings.HasSuffix(e.UsageUnit, ".mo") {
				usd /= 730
			}
			for _, region := range sku.ServiceRegions {
				key := strings.Join([]string{sku.Category.UsageType, region, strings.TrimSuffix(sku.Description, " in "+region)}, "|")
				if _, twice := prices[key]; twice {
					t.Errorf("%s is there twice", key)
				}
				prices[key] = usd
			}
		}
		return nil
	}))
	sum := func(usage, region string, parts map[string]float64) float64 {
		usd := 0.0
		for text, n := range parts {
			p, ok := prices[usage+"|"+region+"|"+text]
			if !ok || p <= 0 {
				t.Errorf("no price of %s %s in %s", usage, text, region)
			}
			usd += n * p
		}
		return usd
	}
	e2 := func(vcpu, memory float64) map[string]float64 {
		return map[string]float64{"E2 Instance Core running": vcpu, "E2 Instance Ram running": memory}
	}
	for _, tc := range []struct {
		what, usage, region string
		parts               map[string]float64
		want                float64
	}{
		{"e2-standard-2", "OnDemand", region, e2(2, 8), 0.067011},
		{"e2-standard-2", "OnDemand", "us-east4", e2(2, 8), 0.075471},
		{"e2-highcpu-2", "OnDemand", region, e2(2, 2), 0.04947},
		{"e2-medium, which is sold half", "OnDemand", region, e2(1, 4), 0.033506},
		{"e2-standard-2 spot", "Preemptible", region, map[string]float64{"Spot Preemptible E2 Instance Core running": 2, "Spot Preemptible E2 Instance Ram running": 8}, 0.040212},
		{"t2a-standard-1", "OnDemand", region, map[string]float64{"T2A Arm Instance Core running": 1, "T2A Arm Instance Ram running": 4}, 0.0385},
		{"g2-standard-8", "OnDemand", region, map[string]float64{"G2 Instance Core running": 8, "G2 Instance Ram running": 32, "Nvidia L4 GPU running": 1}, 0.853624},
		{"a2-ultragpu-1g", "OnDemand", region, map[string]float64{"A2 Instance Core running": 12, "A2 Instance Ram running": 170, "Nvidia Tesla A100 80GB GPU running": 1, "SSD backed Local Storage": 375}, 5.068798},
		{"a GiB of disk", "OnDemand", region, map[string]float64{"Balanced PD Capacity": 1}, 0.00015068},
		{"an address", "OnDemand", "global", map[string]float64{"External IP Charge on a Standard VM": 1}, 0.005},
	} {
		if got := sum(tc.usage, tc.region, tc.parts); math.Abs(got-tc.want) > 1e-6 {
			t.Errorf("%s: $%f, want $%f", tc.what, got, tc.want)
		}
	}
	types, err := c.MachineTypes.AggregatedList(Project).Do()
	check(t, err)
	list := types.Items["zones/"+zone].MachineTypes
	var names []string
	for _, m := range list {
		names = append(names, m.Name)
		if m.Name == "a2-ultragpu-1g" && (m.Accelerators[0].GuestAcceleratorType != "nvidia-a100-80gb" || m.BundledLocalSsds.PartitionCount != 1) {
			t.Errorf("machine type %+v", m)
		}
		if m.IsSharedCpu != (m.Name == "e2-medium") || (m.Architecture == "ARM64") != (m.Name == "t2a-standard-1") {
			t.Errorf("machine type %+v", m)
		}
	}
	if !slices.Contains(names, "e2-standard-2") || len(names) != 8 || len(types.Items["zones/us-east4-b"].MachineTypes) != 1 {
		t.Errorf("machine types %v", names)
	}
}
