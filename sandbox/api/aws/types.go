package aws

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"skysail/sandbox/api"
)

// archOf is a type's architecture in EC2's words.
func archOf(z *api.Size) string {
	if z.Arch == "arm64" {
		return "arm64"
	}
	return "x86_64"
}

// burstable says that a type earns CPU credits: the T families.
func burstable(name string) bool {
	family, _, _ := strings.Cut(name, ".")
	return slices.Contains([]string{"t2", "t3", "t3a", "t4g"}, family)
}

// gpuMaker is who makes a GPU, where its name says it.
func gpuMaker(model string) string {
	for _, amd := range []string{"Radeon", "MI"} {
		if strings.HasPrefix(model, amd) {
			return "AMD"
		}
	}
	return "NVIDIA"
}

func (s *server) describeInstanceTypes(_ context.Context, c *call) (x, error) {
	sizes, err := s.Sizes()
	if err != nil {
		return nil, err
	}
	asked, f, all := c.params.list("InstanceType"), c.params.filters(), xs{}
	for _, name := range asked {
		if z := api.FindSize(sizes, name); z == nil || !z.In(c.region) {
			return nil, badRequest("InvalidInstanceType", "The following supplied instance types do not exist: [%s]", name)
		}
	}
	for i := range sizes {
		z := &sizes[i]
		if !z.In(c.region) || (len(asked) > 0 && !slices.Contains(asked, z.Name)) {
			continue
		}
		keep, err := f.match(map[string][]string{
			"instance-type": {z.Name}, "processor-info.supported-architecture": {archOf(z)}, "current-generation": {"true"}, "bare-metal": {"false"},
			"burstable-performance-supported": {boolText(burstable(z.Name))}, "supported-usage-class": usageClasses(z, c.region), "hypervisor": {"nitro"},
			"vcpu-info.default-vcpus": {strconv.Itoa(z.VCPU)}, "memory-info.size-in-mib": {strconv.Itoa(z.MemoryMB)},
			"supported-virtualization-type": {"hvm"}, "supported-root-device-type": {"ebs"}, "free-tier-eligible": {"false"},
		})
		if err != nil {
			return nil, err
		}
		if keep {
			all = append(all, typeView(z, c.region))
		}
	}
	out, next, apiErr := page(all, c.params.int("MaxResults"), 100, c.params.get("NextToken"))
	if apiErr != nil {
		return nil, apiErr
	}
	return x{"instanceTypeSet", out, "nextToken", next}, nil
}

func usageClasses(z *api.Size, region string) []string {
	if z.Price(region).SpotUSD > 0 {
		return []string{"on-demand", "spot"}
	}
	return []string{"on-demand"}
}

func typeView(z *api.Size, region string) x {
	v := x{
		"instanceType", z.Name, "currentGeneration", true, "freeTierEligible", false, "supportedUsageClasses", usageClasses(z, region),
		"supportedRootDeviceTypes",
		[]string{"ebs"},
		"supportedVirtualizationTypes",
		[]string{"hvm"},
		"bareMetal", false, "hypervisor", "nitro",
		"processorInfo",
		x{"supportedArchitectures", []string{archOf(z)}},
		"vCpuInfo",
		x{"defaultVCpus", z.VCPU},
		"memoryInfo",
		x{"sizeInMiB", z.MemoryMB},
		"instanceStorageSupported", z.DiskGB > 0, "burstablePerformanceSupported", burstable(z.Name),
		"ebsInfo",
		x{"ebsOptimizedSupport", "default", "encryptionSupport", "supported", "nvmeSupport", "required"},
		"networkInfo",
		x{"ipv6Supported", true, "enaSupport", "required"},
		"hibernationSupported", false, "dedicatedHostsSupported", false,
	}
	if z.DiskGB > 0 {
		v = append(v, "instanceStorageInfo", x{"totalSizeInGB", z.DiskGB})
	}
	if g := z.GPU; g != nil {
		v = append(v, "gpuInfo", x{
			"gpus",
			xs{{"name", g.Model, "manufacturer", gpuMaker(g.Model), "count", g.Count, "memoryInfo", x{"sizeInMiB", g.MemoryGB * 1024}}},
			"totalGpuMemoryInMiB", g.Count * g.MemoryGB * 1024,
		})
	}
	return v
}

func (s *server) describeInstanceTypeOfferings(_ context.Context, c *call) (x, error) {
	sizes, err := s.Sizes()
	if err != nil {
		return nil, err
	}
	kind := c.params.get("LocationType")
	if kind == "" {
		kind = "region"
	}
	f, all, every := c.params.filters(), xs{}, zones(sizes, c.region)
	for i := range sizes {
		locations := zonesOf(&sizes[i], c.region, every)
		switch {
		case kind == "region" && len(locations) > 0:
			locations = []string{c.region}
		case kind != "region" && kind != "availability-zone":
			return nil, unsimulated("the location type " + kind)
		}
		for _, l := range locations {
			keep, err := f.match(map[string][]string{"location": {l}, "instance-type": {sizes[i].Name}})
			if err != nil {
				return nil, err
			}
			if keep {
				all = append(all, x{"instanceType", sizes[i].Name, "locationType", kind, "location", l})
			}
		}
	}
	out, next, apiErr := page(all, c.params.int("MaxResults"), 1000, c.params.get("NextToken"))
	if apiErr != nil {
		return nil, apiErr
	}
	return x{"instanceTypeOfferingSet", out, "nextToken", next}, nil
}

// describeSpotPriceHistory answers the price of now: the sandbox has no
// other. It is one price for all zones of a region.
func (s *server) describeSpotPriceHistory(_ context.Context, c *call) (x, error) {
	sizes, err := s.Sizes()
	if err != nil {
		return nil, err
	}
	const product = "Linux/UNIX"
	types, products := c.params.list("InstanceType"), c.params.list("ProductDescription")
	zone, f, all := c.params.get("AvailabilityZone"), c.params.filters(), xs{}
	// It changed at the last full hour.
	at := s.World.Now().UTC().Truncate(time.Hour)
	every := zones(sizes, c.region)
	for i := range sizes {
		z := &sizes[i]
		spotUSD := z.Price(c.region).SpotUSD
		if spotUSD == 0 || (len(types) > 0 && !slices.Contains(types, z.Name)) || (len(products) > 0 && !slices.Contains(products, product)) {
			continue
		}
		price := strconv.FormatFloat(spotUSD, 'f', 6, 64)
		for _, l := range zonesOf(z, c.region, every) {
			keep, err := f.match(map[string][]string{
				"instance-type": {z.Name}, "availability-zone": {l}, "product-description": {product}, "spot-price": {price},
			})
			if err != nil {
				return nil, err
			}
			if keep && (zone == "" || zone == l) {
				all = append(all, x{"instanceType", z.Name, "productDescription", product, "spotPrice", price, "timestamp", date(at), "availabilityZone", l})
			}
		}
	}
	out, next, apiErr := page(all, c.params.int("MaxResults"), 1000, c.params.get("NextToken"))
	if apiErr != nil {
		return nil, apiErr
	}
	return x{"spotPriceHistorySet", out, "nextToken", next}, nil
}
