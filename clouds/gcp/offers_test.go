package gcp

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/api/cloudbilling/v1"

	"skysail/catalog"
)

// sku is one of the Catalog API's, in the form that it has there.
func sku(description, family, group, usage, unit string, nanos int64, regions ...string) string {
	b, _ := json.Marshal(map[string]any{
		"description":    description,
		"category":       map[string]string{"serviceDisplayName": "Compute Engine", "resourceFamily": family, "resourceGroup": group, "usageType": usage},
		"serviceRegions": regions,
		"pricingInfo": []any{map[string]any{"pricingExpression": map[string]any{
			"usageUnit": unit,
			"tieredRates": []any{map[string]any{"unitPrice": map[string]any{
				"currencyCode": "USD", "units": fmt.Sprint(nanos / 1e9), "nanos": nanos % 1e9,
			}}},
		}}},
	})
	return string(b)
}

const (
	iowa     = "us-central1"
	virginia = "us-east4"
)

// skus are those of a few series. The prices on demand in Iowa are Google's.
func skus() []string {
	cpu := func(text, usage string, nanos int64, regions ...string) string {
		return sku(text, "Compute", "CPU", usage, "h", nanos, regions...)
	}
	ram := func(text, usage string, nanos int64, regions ...string) string {
		return sku(text, "Compute", "RAM", usage, "GiBy.h", nanos, regions...)
	}
	gpu := func(text, usage string, nanos int64, regions ...string) string {
		return sku(text, "Compute", "GPU", usage, "h", nanos, regions...)
	}
	return []string{
		cpu("E2 Instance Core running in Americas", "OnDemand", 21811590, iowa, "us-east1"),
		ram("E2 Instance Ram running in Americas", "OnDemand", 2923530, iowa, "us-east1"),
		cpu("Spot Preemptible E2 Instance Core running in Americas", "Preemptible", 8720000, iowa),
		ram("Spot Preemptible E2 Instance Ram running in Americas", "Preemptible", 1170000, iowa),
		cpu("E2 Custom Instance Core running in Americas", "OnDemand", 99, iowa),
		cpu("Commitment v1: E2 Cpu in Americas for 1 Year", "Commit1Yr", 98, iowa),
		sku("N1 Predefined Instance Core running in Americas", "Compute", "N1Standard", "OnDemand", "h", 31611000, iowa),
		sku("N1 Predefined Instance Ram running in Americas", "Compute", "N1Standard", "OnDemand", "GiBy.h", 4237000, iowa),
		// Counted in GB, as C4D's memory is.
		cpu("C4D Instance Core running in Americas", "OnDemand", 34000000, iowa),
		sku("C4D Instance Ram running in Americas", "Compute", "RAM", "OnDemand", "GBy.h", 3700000, iowa),
		cpu("G2 Instance Core running in Americas", "OnDemand", 24988000, iowa),
		ram("G2 Instance Ram running in Americas", "OnDemand", 2927000, iowa),
		gpu("Nvidia L4 GPU running in Americas", "OnDemand", 560040000, iowa),
		gpu("Nvidia L4 GPU attached to Spot Preemptible VMs running in Americas", "Preemptible", 224000000, iowa),
		// In Virginia there is the machine, but no GPU.
		cpu("G2 Instance Core running in Northern Virginia", "OnDemand", 28000000, virginia),
		ram("G2 Instance Ram running in Northern Virginia", "OnDemand", 3300000, virginia),
		cpu("A2 Instance Core running in Americas", "OnDemand", 31611000, iowa),
		ram("A2 Instance Ram running in Americas", "OnDemand", 4237000, iowa),
		gpu("Nvidia Tesla A100 GPU running in Americas", "OnDemand", 2933908000, iowa),
		gpu("Nvidia Tesla A100 80GB GPU running in Americas", "OnDemand", 3928000000, iowa),
		sku("SSD backed Local Storage", "Storage", "LocalSSD", "OnDemand", "GiBy.mo", 80000000, iowa),
		sku("SSD backed Local Storage attached to Spot Preemptible VMs", "Storage", "LocalSSD", "Preemptible", "GiBy.mo", 48000000, iowa),
		sku("Balanced PD Capacity", "Storage", "SSD", "OnDemand", "GiBy.mo", 100000000, iowa),
		sku("Balanced PD Capacity in Sydney", "Storage", "SSD", "OnDemand", "GiBy.mo", 900000000, "australia-southeast1"),
		sku("Hyperdisk Balanced Capacity in Iowa", "Storage", "SSD", "OnDemand", "GiBy.mo", 80000000, iowa),
		sku("SSD backed PD Capacity", "Storage", "SSD", "OnDemand", "GiBy.mo", 170000000, iowa),
		sku("External IP Charge on a Standard VM", "Network", "IpAddress", "OnDemand", "h", 5000000, "global"),
		sku("Static Ip Charge", "Network", "IpAddress", "OnDemand", "h", 10000000, iowa),
	}
}

func mt(name string, cpus, memoryMB int, more string) string {
	return fmt.Sprintf(`{"name":%q,"guestCpus":%d,"memoryMb":%d%s}`, name, cpus, memoryMB, more)
}

func sells(t *testing.T, list []string) (*fake, *Cloud) {
	t.Helper()
	const (
		l4   = `,"architecture":"X86_64","accelerators":[{"guestAcceleratorType":"nvidia-l4","guestAcceleratorCount":1}]`
		a100 = `,"accelerators":[{"guestAcceleratorType":"nvidia-tesla-a100","guestAcceleratorCount":1}]`
		a80  = `,"accelerators":[{"guestAcceleratorType":"nvidia-a100-80gb","guestAcceleratorCount":1}]`
		ssd  = `,"bundledLocalSsds":{"defaultInterface":"NVME","partitionCount":1}`
	)
	types := func(items ...string) string { return `{"machineTypes":[` + strings.Join(items, ",") + `]}` }
	f, c := serve(t, map[string][]answer{
		"GET /v1/services/6F81-5844-456A/skus": ok(`{"skus":[` + strings.Join(list, ",") + `],"nextPageToken":""}`),
		"GET " + at + "/aggregated/machineTypes": ok(`{"items":{"zones/us-central1-f":` + types(
			mt("e2-standard-2", 2, 8192, ""),
		) + `,"zones/us-central1-a":` + types(
			mt("e2-standard-2", 2, 8192, ""), mt("e2-micro", 2, 1024, `,"isSharedCpu":true`), mt("f1-micro", 1, 614, `,"isSharedCpu":true`),
			mt("n1-standard-1", 1, 3840, ""), mt("n1-standard-96", 96, 368640, `,"deprecated":{"state":"DEPRECATED"}`),
			mt("c4d-standard-2", 2, 7168, ""), mt("c4d-standard-8-lssd", 8, 31744, ssd),
			mt("g2-standard-4", 4, 16384, l4), mt("g2-standard-8", 8, 32768, ""),
			mt("a2-highgpu-1g", 12, 87040, a100), mt("a2-ultragpu-1g", 12, 174080, a80+ssd), mt("a2-ultragpu-2g", 24, 348160, a80),
			mt("a4-highgpu-8g", 224, 4063232, ""), mt("z3-standard-88", 88, 720896, ssd), mt("t2a-standard-1", 1, 4096, ""),
		) + `,"zones/us-east4-a":` + types(mt("g2-standard-4", 4, 16384, l4)) + `}}`),
	})
	c.now = func() time.Time { return time.Date(2026, 11, 24, 23, 0, 0, 0, time.FixedZone("", -3600)) }
	return f, c
}

func TestOffers(t *testing.T) {
	_, c := sells(t, skus())
	got, err := c.Offers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	spot := func(usd float64) *float64 { return &usd }
	a, both := []string{"us-central1-a"}, []string{"us-central1-a", "us-central1-f"}
	row := func(o catalog.Offer) catalog.Row {
		o.Source = "catalog-api"
		if o.Zones == nil {
			o.Zones = a
		}
		if o.Arch == "" {
			o.Arch = "amd64"
		}
		return catalog.Row{Offer: o, Regions: []string{iowa}}
	}
	want := catalog.File{
		Version: 1, Provider: "gcp",
		Sources: []catalog.Source{{ID: "catalog-api", URL: "https://cloudbilling.googleapis.com/v1/services/6F81-5844-456A/skus", AsOf: "2026-11-25"}},
		Rates: &catalog.Rates{
			Provider: "gcp", DiskUSD: 0.1 / 730, AddressUSD: 0.005,
			Source: "https://cloudbilling.googleapis.com/v1/services/6F81-5844-456A/skus", AsOf: "2026-11-25",
		},
		Offers: []catalog.Row{
			row(catalog.Offer{Type: "a2-highgpu-1g", VCPU: 12, MemoryGB: 85, GPU: &catalog.GPU{Model: "A100", Count: 1, MemoryGB: 40}, PriceUSD: 3.673385}),
			row(catalog.Offer{Type: "a2-ultragpu-1g", VCPU: 12, MemoryGB: 170, GPU: &catalog.GPU{Model: "A100", Count: 1, MemoryGB: 80}, PriceUSD: 5.068718}),
			row(catalog.Offer{Type: "c4d-standard-2", VCPU: 2, MemoryGB: 7, PriceUSD: 0.09581}),
			row(catalog.Offer{Type: "e2-micro", VCPU: 0.25, MemoryGB: 1, PriceUSD: 0.008376, SpotUSD: spot(0.00335)}),
			row(catalog.Offer{Type: "e2-standard-2", Zones: both, VCPU: 2, MemoryGB: 8, PriceUSD: 0.067011, SpotUSD: spot(0.0268)}),
			// Its GPU has a spot price, the machine has none.
			row(catalog.Offer{Type: "g2-standard-4", VCPU: 4, MemoryGB: 16, GPU: &catalog.GPU{Model: "L4", Count: 1, MemoryGB: 24}, PriceUSD: 0.706824}),
			row(catalog.Offer{Type: "n1-standard-1", VCPU: 1, MemoryGB: 3.75, PriceUSD: 0.0475}),
		},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-6), cmpopts.IgnoreFields(catalog.Source{}, "Note")); diff != "" {
		t.Error(diff)
	}
}

// A figure that is not there is an error or no offer, never 0.
func TestOffersWithoutPrices(t *testing.T) {
	without := func(part string) []string {
		var out []string
		for _, s := range skus() {
			if !strings.Contains(s, part) {
				out = append(out, s)
			}
		}
		return out
	}
	for name, c := range map[string]struct {
		skus  []string
		fails string
	}{
		"nothing":            {nil, "no machine type has a price"},
		"no memory":          {without(" Ram "), "no machine type has a price"},
		"no disks":           {without("Balanced"), "no price of disks"},
		"no addresses":       {without("External IP"), "external addresses"},
		"no GPUs, no matter": {without("GPU"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, cloud := sells(t, c.skus)
			got, err := cloud.Offers(t.Context())
			if (c.fails == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%v, want %q", err, c.fails)
			}
			for _, o := range got.Offers {
				if o.GPU != nil {
					t.Errorf("%s has a price without its GPU", o.Type)
				}
			}
		})
	}
}

func TestOffersRefused(t *testing.T) {
	f, c := sells(t, skus())
	f.answers["GET /v1/services/6F81-5844-456A/skus"] = []answer{{status: 403, body: `{"error":{"code":403,"message":"Cloud Billing API has not been used in project 1 before or it is disabled.","status":"PERMISSION_DENIED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"SERVICE_DISABLED"}]}}`}}
	if _, err := c.Offers(t.Context()); err == nil || !strings.Contains(err.Error(), "reading prices: an API is not enabled") {
		t.Errorf("the error does not say what to do: %v", err)
	}
	f, c = sells(t, skus())
	f.answers["GET "+at+"/aggregated/machineTypes"] = ok(`{"items":{"zones/us-east1-b":{"warning":{"code":"UNREACHABLE"}}}}`)
	if _, err := c.Offers(t.Context()); err == nil || !strings.Contains(err.Error(), "not complete") {
		t.Errorf("a short list was taken for a whole one: %v", err)
	}
}

func TestPartOf(t *testing.T) {
	for _, c := range []struct {
		text, family, group, usage string
		want                       part
	}{
		{"N2D AMD Instance Core running in Milan", "Compute", "CPU", "OnDemand", part{partCore, "N2D AMD Instance", false}},
		{"Spot Preemptible C4A Arm Instance Ram running in Americas", "Compute", "RAM", "Preemptible", part{partMemory, "C4A Arm Instance", true}},
		{"Compute optimized Core running in Americas", "Compute", "CPU", "OnDemand", part{partCore, "Compute optimized", false}},
		{"Nvidia H100 80GB Mega GPU running in Iowa", "Compute", "GPU", "OnDemand", part{partGPU, "Nvidia H100 80GB Mega GPU", false}},
		{"Hyperdisk Balanced Capacity in Iowa", "Storage", "SSD", "OnDemand", part{kind: partDisk}},
		// None of these is a part of an offer.
		{"Preemptible E2 Instance Core running in Americas", "Compute", "CPU", "Preemptible", part{}},
		{"Commitment v1: E2 Cpu in Americas for 1 Year", "Compute", "CPU", "Commit1Yr", part{}},
		{"Hyperdisk Balanced High Availability Capacity in Iowa", "Storage", "SSD", "OnDemand", part{}},
		{"Hyperdisk Balanced IOPS in Iowa", "Storage", "SSD", "OnDemand", part{}},
		{"External IP Charge on a Spot Preemptible VM", "Network", "IpAddress", "Preemptible", part{}},
		{"Network Internet Data Transfer Out", "Network", "PremiumInternetEgress", "OnDemand", part{}},
	} {
		var s cloudbilling.Sku
		if err := json.Unmarshal([]byte(sku(c.text, c.family, c.group, c.usage, "h", 1)), &s); err != nil {
			t.Fatal(err)
		}
		if got, ok := partOf(&s); got != c.want || ok != (c.want != part{}) {
			t.Errorf("%s is %+v, want %+v", c.text, got, c.want)
		}
	}
	if got := partsNamed("N2 Sole Tenancy Instance Core running in Americas"); got == families["n2"].sku {
		t.Errorf("sole tenancy is taken for %q", got)
	}
}

func partsNamed(text string) string {
	name, _, _ := strings.Cut(text, " Core running in ")
	return name
}

func TestHourly(t *testing.T) {
	for name, c := range map[string]struct {
		expression string
		want       float64
	}{
		"an hour":       {`{"usageUnit":"h","tieredRates":[{"unitPrice":{"units":"2","nanos":933908000}}]}`, 2.933908},
		"a month":       {`{"usageUnit":"GiBy.mo","tieredRates":[{"unitPrice":{"nanos":73000000}}]}`, 0.0001},
		"GB":            {`{"usageUnit":"GBy.h","tieredRates":[{"unitPrice":{"nanos":1000000000}}]}`, 1.073741824},
		"a free tier":   {`{"usageUnit":"h","tieredRates":[{"startUsageAmount":0,"unitPrice":{}},{"startUsageAmount":1,"unitPrice":{"nanos":5000000}}]}`, 0.005},
		"free":          {`{"usageUnit":"h","tieredRates":[{"unitPrice":{}}]}`, 0},
		"another unit":  {`{"usageUnit":"count","tieredRates":[{"unitPrice":{"nanos":1}}]}`, 0},
		"another money": {`{"usageUnit":"h","tieredRates":[{"unitPrice":{"currencyCode":"EUR","nanos":1}}]}`, 0},
		"no rate":       {`{"usageUnit":"h"}`, 0},
	} {
		var s cloudbilling.Sku
		if err := json.Unmarshal([]byte(`{"pricingInfo":[{"pricingExpression":`+c.expression+`}]}`), &s); err != nil {
			t.Fatal(err)
		}
		got, ok := hourly(&s)
		if d := got - c.want; d > 1e-12 || d < -1e-12 || ok != (c.want > 0) {
			t.Errorf("%s: %v, %v, want %v", name, got, ok, c.want)
		}
	}
}
