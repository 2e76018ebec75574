package aws

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"skysail/sandbox/api"
)

// What an account has without having made it: regions with their zones, and
// in each the default VPC with a subnet a zone.

func (s *server) describeRegions(_ context.Context, c *call) (x, error) {
	sizes, err := s.Sizes()
	if err != nil {
		return nil, err
	}
	regions := api.Regions(sizes)
	slices.Sort(regions)
	out, f, asked := xs{}, c.params.filters(), c.params.list("RegionName")
	for _, r := range regions {
		keep, err := f.match(map[string][]string{
			"region-name": {r}, "endpoint": {"ec2." + r + ".amazonaws.com"}, "opt-in-status": {"opt-in-not-required"},
		})
		if err != nil {
			return nil, err
		}
		if keep && (len(asked) == 0 || slices.Contains(asked, r)) {
			out = append(out, x{"regionName", r, "regionEndpoint", "ec2." + r + ".amazonaws.com", "optInStatus", "opt-in-not-required"})
		}
	}
	return x{"regionInfo", out}, nil
}

func (s *server) describeZones(_ context.Context, c *call) (x, error) {
	sizes, err := s.Sizes()
	if err != nil {
		return nil, err
	}
	out, f, asked := xs{}, c.params.filters(), c.params.list("ZoneName")
	for i, z := range zones(sizes, c.region) {
		id := zoneID(c.region, i)
		keep, err := f.match(map[string][]string{
			"zone-name": {z}, "zone-id": {id}, "region-name": {c.region}, "state": {"available"},
			"opt-in-status": {"opt-in-not-required"}, "zone-type": {"availability-zone"}, "group-name": {c.region},
		})
		if err != nil {
			return nil, err
		}
		if keep && (len(asked) == 0 || slices.Contains(asked, z)) {
			out = append(out, x{
				"zoneName", z, "zoneId", id, "zoneState", "available", "regionName", c.region, "groupName", c.region,
				"networkBorderGroup", c.region, "optInStatus", "opt-in-not-required", "zoneType", "availability-zone",
			})
		}
	}
	return x{"availabilityZoneInfo", out}, nil
}

func zoneID(region string, i int) string { return fmt.Sprintf("%s-az%d", region, i+1) }

func (s *server) describeVpcs(_ context.Context, c *call) (x, error) {
	id := vpcID(c.region)
	keep, err := c.params.filters().match(map[string][]string{
		"vpc-id": {id}, "isDefault": {"true"}, "is-default": {"true"}, "state": {"available"}, "cidr": {"172.31.0.0/16"}, "owner-id": {Account},
	})
	if err != nil {
		return nil, err
	}
	out := xs{}
	for _, asked := range c.params.list("VpcId") {
		if asked != id {
			return nil, notFound("InvalidVpcID.NotFound", "vpc ID", asked)
		}
	}
	if keep {
		out = append(out, x{
			"vpcId", id, "ownerId", Account, "state", "available", "cidrBlock", "172.31.0.0/16",
			"cidrBlockAssociationSet",
			xs{{"cidrBlock", "172.31.0.0/16", "associationId", fixedID("vpc-cidr-assoc", id), "cidrBlockState", x{"state", "associated"}}},
			"dhcpOptionsId", fixedID("dopt", id), "instanceTenancy", "default", "isDefault", true, "tagSet",
			xs{},
		})
	}
	return x{"vpcSet", out}, nil
}

func (s *server) describeSubnets(_ context.Context, c *call) (x, error) {
	sizes, err := s.Sizes()
	if err != nil {
		return nil, err
	}
	out, f, asked := xs{}, c.params.filters(), c.params.list("SubnetId")
	for i, z := range zones(sizes, c.region) {
		id := subnetID(z)
		keep, err := f.match(map[string][]string{
			"subnet-id": {id}, "availability-zone": {z}, "availabilityZone": {z}, "vpc-id": {vpcID(c.region)},
			"default-for-az": {"true"}, "defaultForAz": {"true"}, "state": {"available"}, "map-public-ip-on-launch": {"true"},
		})
		if err != nil {
			return nil, err
		}
		if keep && (len(asked) == 0 || slices.Contains(asked, id)) {
			out = append(out, x{
				"subnetId", id, "subnetArn", arn(c.region, "subnet/"+id), "state", "available", "vpcId", vpcID(c.region), "ownerId", Account,
				"cidrBlock", "172.31." + strconv.Itoa(16*i) + ".0/20", "availableIpAddressCount", 4091,
				"availabilityZone", z, "availabilityZoneId", zoneID(c.region, i), "defaultForAz", true,
				"mapPublicIpOnLaunch", true, "assignIpv6AddressOnCreation", false, "tagSet",
				xs{},
			})
		}
	}
	if len(out) == 0 && len(asked) > 0 {
		return nil, badRequest("InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", asked[0])
	}
	return x{"subnetSet", out}, nil
}

// describeAccountAttributes is asked by the Terraform provider for the
// platforms of an account and for its default VPC.
func (s *server) describeAccountAttributes(_ context.Context, c *call) (x, error) {
	value := func(v string) xs { return xs{{"attributeValue", v}} }
	out := xs{}
	asked := c.params.list("AttributeName")
	for _, a := range []struct{ name, value string }{
		{"supported-platforms", "VPC"}, {"default-vpc", vpcID(c.region)}, {"max-instances", strconv.Itoa(api.ServerLimit)},
	} {
		if len(asked) == 0 || slices.Contains(asked, a.name) {
			out = append(out, x{"attributeName", a.name, "attributeValueSet", value(a.value)})
		}
	}
	return x{"accountAttributeSet", out}, nil
}

func arn(region, resource string) string {
	return "arn:aws:ec2:" + region + ":" + Account + ":" + resource
}
