package aws

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/base64"
	"io"
	"slices"
	"strconv"
	"strings"

	"skysail/sandbox/api"
)

// readRun compares a call with what there is to choose from.
func (s *server) readRun(c *call) (*runRequest, error) {
	sizes, err := s.Sizes()
	if err != nil {
		return nil, err
	}
	p := c.params
	in := &runRequest{region: c.region, imageID: p.get("ImageId"), count: p.int("MaxCount"), key: p.get("KeyName")}
	if p.int("MinCount") < 1 || in.count < p.int("MinCount") {
		return nil, invalidValue("Value (%s) for parameter maxCount is invalid. It must be at least minCount and 1.", p.get("MaxCount"))
	}
	if in.imageID == "" {
		return nil, missing("ImageId")
	}
	found, apiErr := findImage(c.region, in.imageID)
	if apiErr != nil {
		return nil, apiErr
	}
	in.image = found
	if in.size = api.FindSize(sizes, p.get("InstanceType")); in.size == nil {
		return nil, invalidValue("Invalid value '%s' for InstanceType.", p.get("InstanceType"))
	}
	if arch := archOf(in.size); arch != in.image.arch {
		return nil, invalidValue("The architecture '%s' of the specified instance type does not match the architecture '%s' of the specified AMI. Specify an instance type and an AMI that have matching architectures, and try again.", arch, in.image.arch)
	}
	if err := p.refuse(); err != nil {
		return nil, err
	}
	for _, step := range []func() error{
		func() error { return in.place(p, sizes) },
		func() error { return in.market(p) },
		func() error { return in.data(p.get("UserData")) },
		func() error { return in.disks(p) },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	in.groups = append(p.list("SecurityGroupId"), p.list("NetworkInterface.1.SecurityGroupId")...)
	in.options(p)
	in.detail.Token, in.detail.Request = p.get("ClientToken"), api.Fingerprint(c.Request, c.body)
	return in, nil
}

// refuse says which wish a simulated machine cannot fulfil.
func (p params) refuse() error {
	for name, what := range map[string]string{
		"IamInstanceProfile.Arn": "IAM roles", "IamInstanceProfile.Name": "IAM roles",
		"LaunchTemplate.LaunchTemplateId": "launch templates", "LaunchTemplate.LaunchTemplateName": "launch templates",
		"Placement.GroupName": "placement groups", "Placement.HostId": "dedicated hosts",
		"Ipv6AddressCount": "IPv6 addresses", "NetworkInterface.1.Ipv6AddressCount": "IPv6 addresses",
		"NetworkInterface.1.NetworkInterfaceId": "network interfaces of their own", "NetworkInterface.2.DeviceIndex": "second network interfaces",
		"SecurityGroup.1": "EC2-Classic",
	} {
		if p.has(name) {
			return unsimulated(what)
		}
	}
	if p.get("NetworkInterface.1.AssociatePublicIpAddress") == "false" {
		return unsimulated("instances without a public IPv4 address")
	}
	return nil
}

// place finds the zone: the call's, its subnet's, or the first that has the
// type.
func (in *runRequest) place(p params, sizes []api.Size) error {
	all := zones(sizes, in.region)
	offered := zonesOf(in.size, in.region, all)
	if len(offered) == 0 {
		return badRequest("Unsupported", "The requested configuration is currently not supported. Please check the documentation for supported configurations.")
	}
	in.zone = p.get("Placement.AvailabilityZone")
	if in.zone != "" && !slices.Contains(all, in.zone) {
		return invalidValue("Invalid availability zone: [%s]", in.zone)
	}
	if subnet := p.get("SubnetId") + p.get("NetworkInterface.1.SubnetId"); subnet != "" {
		i := slices.IndexFunc(all, func(z string) bool { return subnetID(z) == subnet })
		switch {
		case i < 0:
			return badRequest("InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", subnet)
		case in.zone != "" && in.zone != all[i]:
			return invalidValue("The availability zone '%s' does not match the subnet's '%s'", in.zone, all[i])
		}
		in.zone = all[i]
	}
	if in.zone == "" {
		in.zone = offered[0]
	}
	if !slices.Contains(offered, in.zone) {
		return badRequest("Unsupported", "Your requested instance type (%s) is not supported in your requested Availability Zone (%s). Please retry your request by not specifying an Availability Zone or choosing %s.", in.size.Name, in.zone, strings.Join(offered, ", "))
	}
	return nil
}

func (in *runRequest) market(p params) error {
	if p.get("InstanceMarketOptions.MarketType") == "" {
		return nil
	}
	if t := p.get("InstanceMarketOptions.MarketType"); t != "spot" {
		return unsimulated("the market type " + t)
	}
	in.spot = true
	o := p.sub("InstanceMarketOptions.SpotOptions")
	m := &market{Request: newID("sir"), Type: "one-time", Interruption: "terminate", MaxPrice: o.get("MaxPrice")}
	if t := o.get("SpotInstanceType"); t != "" {
		m.Type = t
	}
	if b := o.get("InstanceInterruptionBehavior"); b != "" {
		m.Interruption = b
	}
	in.detail.Market = m
	least := in.size.Price(in.region).SpotUSD
	if least == 0 {
		return badRequest("Unsupported", "The instance type '%s' is not supported for Spot Instances in this region.", in.size.Name)
	}
	if limit, err := strconv.ParseFloat(m.MaxPrice, 64); m.MaxPrice != "" && (err != nil || limit < least) {
		return badRequest("SpotMaxPriceTooLow", "Your Spot request price of %s is lower than the minimum required Spot request fulfillment price of %g.", m.MaxPrice, least)
	}
	return nil
}

// data decodes user data, and unpacks it as cloud-init does.
func (in *runRequest) data(encoded string) error {
	in.detail.UserData = encoded
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return invalidValue("Invalid BASE64 encoding of user data.")
	}
	if len(raw) > maxUserData {
		return invalidValue("User data is limited to 16384 bytes")
	}
	in.userData, err = unpack(raw)
	return err
}

func unpack(raw []byte) (string, error) {
	if !bytes.HasPrefix(raw, []byte{0x1f, 0x8b}) {
		return string(raw), nil
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return "", invalidValue("the skysail sandbox can not unpack the user data: %v", err)
	}
	out, err := io.ReadAll(io.LimitReader(z, api.MaxBody))
	if err != nil {
		return "", invalidValue("the skysail sandbox can not unpack the user data: %v", err)
	}
	return string(out), nil
}

func (in *runRequest) options(p params) {
	d := &in.detail
	d.tagged = tagged{p.tagsFor("instance")}
	d.Image, d.Arch, d.Root, d.KeyName = in.imageID, in.image.arch, in.image.root, in.key
	d.Shutdown = cmp.Or(p.get("InstanceInitiatedShutdownBehavior"), "stop")
	d.Monitoring, d.Optimized = p.bool("Monitoring.Enabled"), p.bool("EbsOptimized")
	d.NoStop, d.NoTerminate = p.bool("DisableApiStop"), p.bool("DisableApiTermination")
	m := p.sub("MetadataOptions")
	d.Metadata = metadata{
		Endpoint: cmp.Or(m.get("HttpEndpoint"), "enabled"), Tokens: cmp.Or(m.get("HttpTokens"), "optional"), HopLimit: max(m.int("HttpPutResponseHopLimit"), 1),
		Tags: cmp.Or(m.get("InstanceMetadataTags"), "disabled"), IPv6: cmp.Or(m.get("HttpProtocolIpv6"), "disabled"),
	}
	if burstable(in.size.Name) {
		// T2 begins as standard, what came after as unlimited.
		d.Credits = cmp.Or(p.get("CreditSpecification.CpuCredits"), map[bool]string{true: "standard", false: "unlimited"}[in.size.Name[:2] == "t2"])
	}
}
