package aws

import (
	"encoding/json"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/pricing"
	pricingtypes "github.com/aws/aws-sdk-go-v2/service/pricing/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/google/go-cmp/cmp"
)

func TestPlaces(t *testing.T) {
	c := newCloud(t)
	regions, err := c.DescribeRegions(t.Context(), nil)
	check(t, err)
	if len(regions.Regions) != 2 || *regions.Regions[0].RegionName != "eu-central-1" {
		t.Errorf("regions %+v", regions.Regions)
	}
	zones, err := c.DescribeAvailabilityZones(t.Context(), nil)
	check(t, err)
	if len(zones.AvailabilityZones) != 2 || *zones.AvailabilityZones[1].ZoneName != "us-east-1b" {
		t.Errorf("zones %+v", zones.AvailabilityZones)
	}
	vpcs, err := c.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{Filters: []types.Filter{{Name: awssdk.String("is-default"), Values: []string{"true"}}}})
	check(t, err)
	other, err := c.in("eu-central-1").DescribeVpcs(t.Context(), nil)
	check(t, err)
	if len(vpcs.Vpcs) != 1 || *vpcs.Vpcs[0].VpcId == *other.Vpcs[0].VpcId {
		t.Errorf("VPCs %+v", vpcs.Vpcs)
	}
	subnets, err := c.DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{Filters: []types.Filter{{Name: awssdk.String("availability-zone"), Values: []string{"us-east-1b"}}}})
	check(t, err)
	if s := subnets.Subnets; len(s) != 1 || *s[0].VpcId != *vpcs.Vpcs[0].VpcId || !*s[0].MapPublicIpOnLaunch {
		t.Errorf("subnets %+v", s)
	}
	i := c.instance(c.group("web"), func(in *ec2.RunInstancesInput) { in.SubnetId = subnets.Subnets[0].SubnetId })
	if *i.Placement.AvailabilityZone != "us-east-1b" {
		t.Errorf("by subnet: %+v", i.Placement)
	}
}

func TestParametersNameImages(t *testing.T) {
	c := newCloud(t)
	const name = "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id"
	out, err := ssm.NewFromConfig(c.config).GetParameters(t.Context(), &ssm.GetParametersInput{Names: []string{name, "/ghost"}})
	check(t, err)
	if len(out.Parameters) != 1 || len(out.InvalidParameters) != 1 || out.InvalidParameters[0] != "/ghost" {
		t.Fatalf("%+v %v", out.Parameters, out.InvalidParameters)
	}
	_, err = ssm.NewFromConfig(c.config).GetParameter(t.Context(), &ssm.GetParameterInput{Name: awssdk.String("/ghost")})
	wantError(t, err, "ParameterNotFound", "")
	found, err := c.DescribeImages(t.Context(), &ec2.DescribeImagesInput{ImageIds: []string{*out.Parameters[0].Value}})
	check(t, err)
	if i := found.Images[0]; i.Architecture != "x86_64" || *i.RootDeviceName != "/dev/sda1" || *i.BlockDeviceMappings[0].Ebs.VolumeSize != 75 {
		t.Errorf("image %+v", i)
	}
	cfg := c.config.Copy()
	cfg.Region = "eu-central-1"
	other, err := ssm.NewFromConfig(cfg).GetParameter(t.Context(), &ssm.GetParameterInput{Name: awssdk.String(name)})
	check(t, err)
	if *other.Parameter.Value == *out.Parameters[0].Value {
		t.Error("an image has the same ID in two regions")
	}
}

func TestTypes(t *testing.T) {
	c := newCloud(t)
	got := map[string]types.InstanceTypeInfo{}
	pages := ec2.NewDescribeInstanceTypesPaginator(c, &ec2.DescribeInstanceTypesInput{MaxResults: awssdk.Int32(2)})
	n := 0
	for pages.HasMorePages() {
		p, err := pages.NextPage(t.Context())
		check(t, err)
		for _, i := range p.InstanceTypes {
			got[string(i.InstanceType)] = i
		}
		n++
	}
	if n != 2 || len(got) != 3 {
		t.Fatalf("%d pages, types %v", n, got)
	}
	g := got["g6.xlarge"]
	if *g.VCpuInfo.DefaultVCpus != 4 || *g.MemoryInfo.SizeInMiB != 16384 || *g.GpuInfo.Gpus[0].Name != "L4" || *g.GpuInfo.Gpus[0].MemoryInfo.SizeInMiB != 24576 || *g.InstanceStorageInfo.TotalSizeInGB != 250 {
		t.Errorf("GPU: %+v", g)
	}
	if a := got["m7g.large"]; a.ProcessorInfo.SupportedArchitectures[0] != "arm64" || len(a.SupportedUsageClasses) != 1 || *a.BurstablePerformanceSupported {
		t.Errorf("ARM: %+v", a)
	}
	_, err := c.in("eu-central-1").DescribeInstanceTypes(t.Context(), &ec2.DescribeInstanceTypesInput{InstanceTypes: []types.InstanceType{"g6.xlarge"}})
	wantError(t, err, "InvalidInstanceType", "do not exist: [g6.xlarge]")

	offered, err := c.DescribeInstanceTypeOfferings(t.Context(), &ec2.DescribeInstanceTypeOfferingsInput{LocationType: "availability-zone"})
	check(t, err)
	at := map[string]int{}
	for _, o := range offered.InstanceTypeOfferings {
		at[string(o.InstanceType)]++
	}
	if diff := cmp.Diff(map[string]int{"t3.micro": 2, "g6.xlarge": 2, "m7g.large": 1}, at); diff != "" {
		t.Errorf("zones of types (-want +got):\n%s", diff)
	}
	spot, err := c.DescribeSpotPriceHistory(t.Context(), &ec2.DescribeSpotPriceHistoryInput{InstanceTypes: []types.InstanceType{"t3.micro", "m7g.large"}, ProductDescriptions: []string{"Linux/UNIX"}})
	check(t, err)
	if s := spot.SpotPriceHistory; len(s) != 2 || *s[0].SpotPrice != "0.003100" || s[0].InstanceType != "t3.micro" {
		t.Errorf("spot prices %+v", s)
	}
	spot, err = c.in("eu-central-1").DescribeSpotPriceHistory(t.Context(), nil)
	check(t, err)
	if len(spot.SpotPriceHistory) != 0 {
		t.Error("there are spot prices where nothing is sold so")
	}
}

func TestPrices(t *testing.T) {
	c := newCloud(t)
	api := pricing.NewFromConfig(c.config)
	match := func(kv ...string) []pricingtypes.Filter {
		var out []pricingtypes.Filter
		for i := 0; i < len(kv); i += 2 {
			out = append(out, pricingtypes.Filter{Type: "TERM_MATCH", Field: &kv[i], Value: &kv[i+1]})
		}
		return out
	}
	usd := func(service string, filters []pricingtypes.Filter) map[string]string {
		t.Helper()
		out := map[string]string{}
		pages := pricing.NewGetProductsPaginator(api, &pricing.GetProductsInput{ServiceCode: &service, Filters: filters, MaxResults: awssdk.Int32(1)})
		for pages.HasMorePages() {
			p, err := pages.NextPage(t.Context())
			check(t, err)
			for _, text := range p.PriceList {
				var d struct {
					Product struct {
						Attributes map[string]string
					}
					Terms struct {
						OnDemand map[string]struct {
							PriceDimensions map[string]struct {
								Unit         string
								PricePerUnit map[string]string
							}
						}
					}
				}
				check(t, json.Unmarshal([]byte(text), &d))
				for _, term := range d.Terms.OnDemand {
					for _, dim := range term.PriceDimensions {
						out[d.Product.Attributes["instanceType"]+d.Product.Attributes["usagetype"]] = dim.PricePerUnit["USD"] + " " + dim.Unit
					}
				}
			}
		}
		return out
	}
	got := usd("AmazonEC2", match("regionCode", "us-east-1", "operatingSystem", "Linux", "tenancy", "Shared", "preInstalledSw", "NA", "capacitystatus", "Used", "productFamily", "Compute Instance"))
	want := map[string]string{
		"t3.microBoxUsage:t3.micro": "0.0104000000 Hrs", "m7g.largeBoxUsage:m7g.large": "0.0816000000 Hrs", "g6.xlargeBoxUsage:g6.xlarge": "0.8048000000 Hrs",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("instances (-want +got):\n%s", diff)
	}
	got = usd("AmazonEC2", match("regionCode", "eu-central-1", "instanceType", "t3.micro"))
	if diff := cmp.Diff(map[string]string{"t3.microBoxUsage:t3.micro": "0.0120000000 Hrs"}, got); diff != "" {
		t.Errorf("elsewhere (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"EBS:VolumeUsage.gp3": "0.0730000000 GB-Mo"}, usd("AmazonEC2", match("volumeApiName", "gp3", "regionCode", "us-east-1"))); diff != "" {
		t.Errorf("disks (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"PublicIPv4:InUseAddress": "0.0050000000 Hrs"}, usd("AmazonVPC", match("regionCode", "eu-central-1"))); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}
}
