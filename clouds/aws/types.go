package aws

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"skysail/catalog"
)

// families are those offered: general, compute, memory and burstable ones of
// generation 5 and later, and NVIDIA's GPUs that the module has an image for.
// The variants with disks or networks of their own are dearer, and a service
// can not ask for either.
var families = regexp.MustCompile(`^(t3a?|t4g|[cmr](5a?|[6-9][agi])(-flex)?|g4dn|g5g?|gr?6e?|g7e?|p4de?|p5(en?)?|p6-b[23]00)\.`)

// minMemoryMiB is less than what Ubuntu with a container engine runs in.
const minMemoryMiB = 1024

func filter(name string, values ...string) types.Filter {
	return types.Filter{Name: sdk.String(name), Values: values}
}

// types lists what a region has of the families, without prices and zones.
func (a *client) types(ctx context.Context, region string) ([]catalog.Offer, error) {
	var out []catalog.Offer
	pages := ec2.NewDescribeInstanceTypesPaginator(describeInstanceTypes(a.ec2(region).DescribeInstanceTypes), &ec2.DescribeInstanceTypesInput{
		Filters: []types.Filter{filter("current-generation", "true"), filter("bare-metal", "false"), filter("supported-usage-class", "on-demand")},
	})
	for pages.HasMorePages() {
		var page *ec2.DescribeInstanceTypesOutput
		if err := call(ctx, func(ctx context.Context) (err error) {
			page, err = pages.NextPage(ctx)
			return err
		}); err != nil {
			return nil, err
		}
		for i := range page.InstanceTypes {
			if o, ok := offer(&page.InstanceTypes[i]); ok {
				out = append(out, o)
			}
		}
	}
	return out, nil
}

// offer is what AWS says of a type, if it is one that is offered.
func offer(t *types.InstanceTypeInfo) (catalog.Offer, bool) {
	name := string(t.InstanceType)
	if !families.MatchString(name) || t.VCpuInfo == nil || t.MemoryInfo == nil || t.ProcessorInfo == nil || sdk.ToInt64(t.MemoryInfo.SizeInMiB) < minMemoryMiB {
		return catalog.Offer{}, false
	}
	o := catalog.Offer{
		Type: name, VCPU: float64(sdk.ToInt32(t.VCpuInfo.DefaultVCpus)), MemoryGB: float64(sdk.ToInt64(t.MemoryInfo.SizeInMiB)) / 1024,
	}
	switch {
	case slices.Contains(t.ProcessorInfo.SupportedArchitectures, types.ArchitectureTypeX8664):
		o.Arch = "amd64"
	case slices.Contains(t.ProcessorInfo.SupportedArchitectures, types.ArchitectureTypeArm64):
		o.Arch = "arm64"
	default:
		return catalog.Offer{}, false
	}
	if t.GpuInfo == nil {
		return o, true
	}
	// A part of a GPU, or two kinds of them, can not be told as an offer.
	if len(t.GpuInfo.Gpus) != 1 || sdk.ToInt32(t.GpuInfo.Gpus[0].Count) < 1 || !strings.EqualFold(sdk.ToString(t.GpuInfo.Gpus[0].Manufacturer), "NVIDIA") || t.GpuInfo.Gpus[0].MemoryInfo == nil {
		return catalog.Offer{}, false
	}
	g := t.GpuInfo.Gpus[0]
	o.GPU = &catalog.GPU{Model: sdk.ToString(g.Name), Count: int(*g.Count), MemoryGB: nominal(sdk.ToInt32(g.MemoryInfo.SizeInMiB))}
	return o, true
}

// gpuSizes are the sizes in GiB under which GPUs are sold.
var gpuSizes = []float64{16, 24, 32, 40, 48, 80, 96, 141, 180, 192, 288}

// nominal is the size under which a GPU is sold. AWS tells what of it can be
// used, 22888 MiB of an L4's 24 GiB, and a service asks for what is sold.
func nominal(mib int32) float64 {
	gib := float64(mib) / 1024
	for _, s := range gpuSizes {
		if gib <= s && gib > s*0.92 {
			return s
		}
	}
	return gib
}

// zones are the region's own zones in which each type exists.
func (a *client) zones(ctx context.Context, region string) (map[string][]string, error) {
	out := map[string][]string{}
	pages := ec2.NewDescribeInstanceTypeOfferingsPaginator(describeInstanceTypeOfferings(a.ec2(region).DescribeInstanceTypeOfferings), &ec2.DescribeInstanceTypeOfferingsInput{LocationType: types.LocationTypeAvailabilityZone})
	for pages.HasMorePages() {
		var page *ec2.DescribeInstanceTypeOfferingsOutput
		if err := call(ctx, func(ctx context.Context) (err error) {
			page, err = pages.NextPage(ctx)
			return err
		}); err != nil {
			return nil, err
		}
		for _, o := range page.InstanceTypeOfferings {
			if z := sdk.ToString(o.Location); own(region, z) {
				out[string(o.InstanceType)] = append(out[string(o.InstanceType)], z)
			}
		}
	}
	for t := range out {
		slices.Sort(out[t])
	}
	return out, nil
}

// own says whether a zone is one of the region, and no Local Zone in another
// city: those have no default subnet.
func own(region, zone string) bool {
	rest, ok := strings.CutPrefix(zone, region)
	return ok && len(rest) == 1
}

// spot are the prices of now by type. Where zones differ it is the dearest:
// AWS chooses the zone.
func (a *client) spot(ctx context.Context, region string) (map[string]float64, error) {
	out := map[string]float64{}
	now := a.cloud.now()
	pages := ec2.NewDescribeSpotPriceHistoryPaginator(describeSpotPriceHistory(a.ec2(region).DescribeSpotPriceHistory), &ec2.DescribeSpotPriceHistoryInput{
		StartTime: &now, EndTime: &now, ProductDescriptions: []string{string(types.RIProductDescriptionLinuxUnix)},
	})
	for pages.HasMorePages() {
		var page *ec2.DescribeSpotPriceHistoryOutput
		if err := call(ctx, func(ctx context.Context) (err error) {
			page, err = pages.NextPage(ctx)
			return err
		}); err != nil {
			return nil, err
		}
		for _, p := range page.SpotPriceHistory {
			usd, err := strconv.ParseFloat(sdk.ToString(p.SpotPrice), 64)
			if err == nil && own(region, sdk.ToString(p.AvailabilityZone)) {
				out[string(p.InstanceType)] = max(out[string(p.InstanceType)], usd)
			}
		}
	}
	return out, nil
}
