package gcp

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/api/cloudbilling/v1"

	"skysail/sandbox/api"
)

// computeService is Compute Engine in the Cloud Billing Catalog API.
const computeService = "6F81-5844-456A"

func (s *server) listServices(http.ResponseWriter, *http.Request) (any, error) {
	return map[string]any{"services": []any{map[string]string{
		"name": "services/" + computeService, "serviceId": computeService, "displayName": "Compute Engine",
		"businessEntityName": "businessEntities/GCP",
	}}}, nil
}

// skuPage is the most that one call answers with.
const skuPage = 5000

func (s *server) listSKUs(_ http.ResponseWriter, r *http.Request) (any, error) {
	q := r.URL.Query()
	if r.PathValue("service") != computeService {
		return nil, &apiError{status: http.StatusNotFound, reason: "notFound", rpcStatus: "NOT_FOUND", message: "Requested entity was not found."}
	}
	if c := q.Get("currencyCode"); c != "" && c != "USD" {
		return nil, lacking("prices in " + c)
	}
	all, err := s.skus()
	if err != nil {
		return nil, err
	}
	per, from := skuPage, 0
	if n, err := strconv.Atoi(q.Get("pageSize")); err == nil && n > 0 {
		per = min(n, skuPage)
	}
	if token := q.Get("pageToken"); token != "" {
		if from, err = strconv.Atoi(token); err != nil || from < 0 || from > len(all) {
			return nil, &apiError{status: http.StatusBadRequest, reason: "badRequest", rpcStatus: "INVALID_ARGUMENT", message: "Request contains an invalid argument."}
		}
	}
	to := min(from+per, len(all))
	out := map[string]any{"skus": all[from:to], "nextPageToken": ""}
	if to < len(all) {
		out["nextPageToken"] = strconv.Itoa(to)
	}
	return out, nil
}

// skuKind is what SKUs of one kind have in common.
type skuKind struct {
	resourceFamily, group, usage  string
	unit, unitText, base, baseTxt string
	factor                        float64
}

func kinds(spot bool) (core, memory, gpu, ssd skuKind) {
	usage := "OnDemand"
	if spot {
		usage = "Preemptible"
	}
	hour := skuKind{resourceFamily: "Compute", usage: usage, unit: "h", unitText: "hour", base: "s", baseTxt: "second", factor: 3600}
	core, gpu = hour, hour
	core.group, gpu.group = "CPU", "GPU"
	memory = skuKind{"Compute", "RAM", usage, "GiBy.h", "gibibyte hour", "By.s", "byte second", gibibyte * 3600}
	ssd = monthly("LocalSSD", usage)
	return core, memory, gpu, ssd
}

func monthly(group, usage string) skuKind {
	return skuKind{"Storage", group, usage, "GiBy.mo", "gibibyte month", "By.s", "byte second", gibibyte * 31 * 24 * 3600}
}

const gibibyte = 1 << 30

// skus is the price list of everything that the machine types are made of.
func (s *server) skus() ([]*cloudbilling.Sku, error) {
	sizes, err := s.Sizes()
	if err != nil {
		return nil, err
	}
	var out []*cloudbilling.Sku
	for _, region := range api.Regions(sizes) {
		for _, spot := range []bool{false, true} {
			out = append(out, s.regionSKUs(sizes, region, spot)...)
		}
		if s.DiskUSD > 0 {
			for group, text := range map[string]string{"SSD": "Balanced PD Capacity", "HyperdiskBalanced": "Hyperdisk Balanced Capacity"} {
				out = append(out, s.sku(text+" in "+region, region, monthly(group, "OnDemand"), s.DiskUSD*monthHours))
			}
		}
	}
	if s.AddressUSD > 0 {
		k := skuKind{"Network", "IpAddress", "OnDemand", "h", "hour", "s", "second", 3600}
		out = append(out, s.sku("External IP Charge on a Standard VM", "global", k, s.AddressUSD))
	}
	slices.SortFunc(out, func(a, b *cloudbilling.Sku) int { return strings.Compare(a.SkuId, b.SkuId) })
	return out, nil
}

func (s *server) regionSKUs(sizes []api.Size, region string, spot bool) []*cloudbilling.Sku {
	core, memory, gpu, ssd := kinds(spot)
	before, attached := "", ""
	if spot {
		before, attached = "Spot Preemptible ", " attached to Spot Preemptible VMs"
	}
	var out []*cloudbilling.Sku
	gpus := map[string]float64{}
	disks := false
	for _, f := range families {
		p, ok := partsOf(sizes, f, region, spot)
		if !ok {
			continue
		}
		c, m := core, memory
		if f.name == "n1" {
			c.group, m.group = "N1Standard", "N1Standard"
		}
		out = append(out, s.sku(before+f.sku+" Core running in "+region, region, c, p.core), s.sku(before+f.sku+" Ram running in "+region, region, m, p.memory))
		maps.Copy(gpus, p.gpus)
	}
	for i := range sizes {
		disks = disks || (sizes[i].In(region) && localSSDs(&sizes[i]) > 0)
	}
	for _, kind := range slices.Sorted(maps.Keys(gpus)) {
		if text := gpuSKUs[kind]; text != "" {
			out = append(out, s.sku(text+attached+" running in "+region, region, gpu, gpus[kind]))
		}
	}
	if disks {
		out = append(out, s.sku("SSD backed Local Storage"+attached+" in "+region, region, ssd, ssdHour(spot)*monthHours))
	}
	return out
}

// sku is one line of the price list. Google's descriptions name the place; the
// region's name stands here in its stead.
func (s *server) sku(text, region string, k skuKind, usd float64) *cloudbilling.Sku {
	sum := sha256.Sum256([]byte(text))
	id := strings.ToUpper(hex.EncodeToString(sum[:6]))
	id = fmt.Sprintf("%s-%s-%s", id[:4], id[4:8], id[8:])
	nanos := int64(usd*1e9 + 0.5)
	return &cloudbilling.Sku{
		Name: "services/" + computeService + "/skus/" + id, SkuId: id, Description: text, ServiceRegions: []string{region},
		ServiceProviderName: "Google",
		Category:            &cloudbilling.Category{ServiceDisplayName: "Compute Engine", ResourceFamily: k.resourceFamily, ResourceGroup: k.group, UsageType: k.usage},
		PricingInfo: []*cloudbilling.PricingInfo{{
			CurrencyConversionRate: 1, EffectiveTime: s.World.Now().UTC().Format("2006-01-02T15:04:05.000000Z"),
			PricingExpression: &cloudbilling.PricingExpression{
				UsageUnit: k.unit, UsageUnitDescription: k.unitText, BaseUnit: k.base, BaseUnitDescription: k.baseTxt,
				BaseUnitConversionFactor: k.factor, DisplayQuantity: 1,
				TieredRates: []*cloudbilling.TierRate{{
					UnitPrice:       &cloudbilling.Money{CurrencyCode: "USD", Units: nanos / 1e9, Nanos: nanos % 1e9, ForceSendFields: []string{"Units", "Nanos"}},
					ForceSendFields: []string{"StartUsageAmount"},
				}},
			},
		}},
		GeoTaxonomy: &cloudbilling.GeoTaxonomy{Type: "REGIONAL", Regions: []string{region}},
	}
}
