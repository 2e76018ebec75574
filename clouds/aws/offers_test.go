package aws

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skysail/catalog"
)

// priceList is an answer of GetProducts.
func priceList(token string, docs ...string) answer {
	raw, _ := json.Marshal(map[string]any{"FormatVersion": "aws_v1", "PriceList": docs, "NextToken": token})
	return answer{status: 200, body: string(raw), header: "application/x-amz-json-1.1"}
}

// priced is an entry of the price list in the form in which AWS has it.
func priced(attributes, unit string, usd ...string) string {
	dimensions := []string{}
	for i, p := range usd {
		dimensions = append(dimensions, fmt.Sprintf(`"X.%d":{"unit":%q,"pricePerUnit":{"USD":%q},"beginRange":"0","endRange":"Inf"}`, i, unit, p))
	}
	return `{"product":{"productFamily":"x","attributes":{` + attributes + `},"sku":"X"},"serviceCode":"x","terms":{"OnDemand":{"X.JRT":{"priceDimensions":{` + strings.Join(dimensions, ",") + `},"sku":"X"}},"Reserved":{}},"publicationDate":"2026-11-20T00:00:00Z"}`
}

func typeInfo(name, arch string, vcpu, mib int, more string) string {
	return fmt.Sprintf(`<item><instanceType>%s</instanceType><processorInfo><supportedArchitectures><item>%s</item></supportedArchitectures></processorInfo><vCpuInfo><defaultVCpus>%d</defaultVCpus></vCpuInfo><memoryInfo><sizeInMiB>%d</sizeInMiB></memoryInfo>%s</item>`, name, arch, vcpu, mib, more)
}

func gpu(name, maker string, count, mib int) string {
	return fmt.Sprintf(`<gpuInfo><gpus><item><name>%s</name><manufacturer>%s</manufacturer><count>%d</count><memoryInfo><sizeInMiB>%d</sizeInMiB></memoryInfo></item></gpus></gpuInfo>`, name, maker, count, mib)
}

// market is a small AWS: one region, some types.
func market() map[string][]answer {
	page := func(inside, token string) answer {
		return answer{status: 200, body: inside + "<nextToken>" + token + "</nextToken>"}
	}
	zone := func(pairs ...string) string {
		s := ""
		for _, p := range pairs {
			t, z, _ := strings.Cut(p, " ")
			s += "<item><instanceType>" + t + "</instanceType><location>" + z + "</location></item>"
		}
		return "<instanceTypeOfferingSet>" + s + "</instanceTypeOfferingSet>"
	}
	return map[string][]answer{
		"DescribeRegions": regions("us-east-1", "me-south-1"),
		"DescribeInstanceTypes": {
			page("<instanceTypeSet>"+typeInfo("m7i.large", "x86_64", 2, 8192, "")+typeInfo("t4g.nano", "arm64", 2, 512, "")+typeInfo("i4i.large", "x86_64", 2, 16384, "")+typeInfo("m7id.large", "x86_64", 2, 8192, "")+"</instanceTypeSet>", "more"),
			page("<instanceTypeSet>"+typeInfo("t4g.small", "arm64", 2, 2048, "")+typeInfo("g6.xlarge", "x86_64", 4, 16384, gpu("L4", "NVIDIA", 1, 22888))+typeInfo("m7a.large", "x86_64", 2, 8192, "")+
				typeInfo("r7i.large", "x86_64", 2, 16384, "")+typeInfo("g5.xlarge", "x86_64", 4, 16384, gpu("V520", "AMD", 1, 8192))+typeInfo("c8g.large", "arm64", 2, 4096, "")+"</instanceTypeSet>", ""),
		},
		"DescribeInstanceTypeOfferings": {page(zone("m7i.large us-east-1b", "m7i.large us-east-1a", "m7i.large us-east-1-bos-1a", "t4g.small us-east-1a", "g6.xlarge us-east-1d", "m7a.large us-east-1a", "r7i.large us-east-1a"), "")},
		"DescribeSpotPriceHistory": {page(`<spotPriceHistorySet><item><instanceType>m7i.large</instanceType><spotPrice>0.031000</spotPrice><availabilityZone>us-east-1a</availabilityZone></item>`+
			`<item><instanceType>m7i.large</instanceType><spotPrice>0.042000</spotPrice><availabilityZone>us-east-1b</availabilityZone></item>`+
			`<item><instanceType>m7i.large</instanceType><spotPrice>9.000000</spotPrice><availabilityZone>us-east-1-bos-1a</availabilityZone></item>`+
			`<item><instanceType>t4g.small</instanceType><spotPrice>0.016800</spotPrice><availabilityZone>us-east-1a</availabilityZone></item></spotPriceHistorySet>`, "")},
		"GetProducts": {
			priceList("more", priced(`"instanceType":"m7i.large"`, "Hrs", "0.1008000000"), priced(`"instanceType":"t4g.small"`, "Hrs", "0.0168000000"), priced(`"instanceType":"c8g.large"`, "Hrs", "0.0797")),
			priceList("", priced(`"instanceType":"g6.xlarge"`, "Hrs", "0.8048000000"), priced(`"instanceType":"m7a.large"`, "Hrs", "0.0000000000"),
				priced(`"instanceType":"r7i.large"`, "Hrs", "0.1323"), priced(`"instanceType":"r7i.large"`, "Hrs", "0.2")),
			priceList("", priced(`"usagetype":"EBS:VolumeUsage.gp3"`, "GB-Mo", "0.0800000000"), priced(`"usagetype":"EBS:VolumeP-IOPS.gp3"`, "GB-Mo", "5")),
			priceList("", priced(`"usagetype":"USE1-PublicIPv4:InUseAddress"`, "Hrs", "0.0050000000"), priced(`"usagetype":"USE1-PublicIPv4:ContiguousBlock"`, "Hrs", "0.008")),
		},
	}
}

func TestOffers(t *testing.T) {
	f, c := serve(t, market())
	c.now = func() time.Time { return time.Date(2026, 11, 24, 23, 0, 0, 0, time.UTC) }
	got, err := c.Offers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	spot := 0.042
	row := func(o catalog.Offer) catalog.Row {
		o.Source = "pricing"
		return catalog.Row{Offer: o, Regions: []string{"us-east-1"}}
	}
	want := catalog.File{
		Version: 1, Provider: "aws",
		Sources: []catalog.Source{{ID: "pricing", URL: "https://api.pricing.us-east-1.amazonaws.com", AsOf: "2026-11-24", Note: noteSpot}},
		Rates:   &catalog.Rates{Provider: "aws", DiskUSD: 0.08 / 730, AddressUSD: 0.005, Source: "https://api.pricing.us-east-1.amazonaws.com", AsOf: "2026-11-24"},
		Offers: []catalog.Row{
			row(catalog.Offer{Type: "g6.xlarge", Zones: []string{"us-east-1d"}, Arch: "amd64", VCPU: 4, MemoryGB: 16, PriceUSD: 0.8048, GPU: &catalog.GPU{Model: "L4", Count: 1, MemoryGB: 24}}),
			row(catalog.Offer{Type: "m7i.large", Zones: []string{"us-east-1a", "us-east-1b"}, Arch: "amd64", VCPU: 2, MemoryGB: 8, PriceUSD: 0.1008, SpotUSD: &spot}),
			row(catalog.Offer{Type: "t4g.small", Zones: []string{"us-east-1a"}, Arch: "arm64", VCPU: 2, MemoryGB: 2, PriceUSD: 0.0168}),
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, filter := range []string{`"Linux"`, `"Shared"`, `"NA"`, `"Used"`, `"us-east-1"`, `"No License required"`, `"RunInstances"`} {
		if !strings.Contains(f.bodies["GetProducts"][0], filter) {
			t.Errorf("the price of instances was asked for without %s", filter)
		}
	}
}

// A short list would look like fewer offers: any failed call is an error.
func TestOffersRefused(t *testing.T) {
	throttled := answer{status: 400, body: `{"__type":"ThrottlingException","message":"Rate exceeded"}`, header: "application/x-amz-json-1.1"}
	for name, c := range map[string]struct {
		action, fails string
		say           []answer
	}{
		"types":         {"DescribeInstanceTypes", "offers in us-east-1: aws: 500 InternalError", []answer{no(500, "InternalError", "x")}},
		"zones":         {"DescribeInstanceTypeOfferings", "may not do this", []answer{no(403, "UnauthorizedOperation", "x")}},
		"spot":          {"DescribeSpotPriceHistory", "may not do this", []answer{no(403, "UnauthorizedOperation", "x")}},
		"prices":        {"GetProducts", "400 ThrottlingException: Rate exceeded", []answer{throttled}},
		"no disk price": {"GetProducts", "has no price of gp3", []answer{priceList("", priced(`"instanceType":"m7i.large"`, "Hrs", "0.1"))}},
		"no region":     {"DescribeRegions", "none of the regions", regions("me-south-1")},
		"for a moment":  {"GetProducts", "", append([]answer{throttled, throttled}, market()["GetProducts"]...)},
	} {
		t.Run(name, func(t *testing.T) {
			m := market()
			m[c.action] = c.say
			_, cloud := serve(t, m)
			_, err := cloud.Offers(t.Context())
			if c.fails == "" && err != nil || c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)) {
				t.Errorf("%v does not say %q", err, c.fails)
			}
		})
	}
}

func TestNominal(t *testing.T) {
	for mib, want := range map[int32]float64{22888: 24, 45776: 48, 16384: 16, 40960: 40, 81920: 80, 144384: 141, 183359: 180, 3072: 3} {
		if got := nominal(mib); got != want {
			t.Errorf("%d MiB are sold as %v GiB, want %v", mib, got, want)
		}
	}
}

// Prices are told of what is found, and nobody is kept waiting for them.
func TestFindWithPrices(t *testing.T) {
	typed := func(id, lifecycle string) string {
		return `<item><instancesSet><item><instanceId>` + id + `</instanceId><instanceType>m7i.large</instanceType>` + lifecycle + `<instanceState><name>running</name></instanceState><tagSet>` + tags("x") + `</tagSet></item></instancesSet></item>`
	}
	a := map[string][]answer{
		"DescribeRegions":   regions("us-east-1"),
		"DescribeInstances": ok("<reservationSet>" + typed("i-1", "") + typed("i-2", "<instanceLifecycle>spot</instanceLifecycle>") + "</reservationSet>"),
		"DescribeVolumes":   ok("<volumeSet><item><volumeId>vol-1</volumeId><size>73</size><volumeType>gp3</volumeType><tagSet>" + tags("x") + "</tagSet></item></volumeSet>"),
		"GetProducts":       {priceList("", priced(`"instanceType":"m7i.large"`, "Hrs", "0.1008")), market()["GetProducts"][2], market()["GetProducts"][3]},
	}
	_, c := serve(t, a)
	got, err := c.Find(t.Context(), ours)
	if err != nil || len(got) != 3 {
		t.Fatal(got, err)
	}
	if got[0].PriceUSD != 0.1008 || got[1].PriceUSD != 0 || got[2].PriceUSD < 0.00799 || got[2].PriceUSD > 0.00801 {
		t.Errorf("prices are %v, %v and %v", got[0].PriceUSD, got[1].PriceUSD, got[2].PriceUSD)
	}
	a["GetProducts"] = []answer{{status: 400, body: `{"__type":"AccessDeniedException"}`, header: "application/x-amz-json-1.1"}}
	_, c = serve(t, a)
	if got, err := c.Find(t.Context(), ours); err != nil || len(got) != 3 || got[0].PriceUSD != 0 {
		t.Errorf("%v, %v", got, err)
	}
}
