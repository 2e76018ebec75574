package aws

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"skysail/sandbox/world"
)

// instanceView is an instance as DescribeInstances shows it.
func (s *server) instanceView(st *world.State, i *world.Server) x {
	d := detailOf(i)
	groups, devices := xs{}, xs{}
	for _, f := range groupsOf(st, i) {
		groups = append(groups, x{"groupId", f.ID, "groupName", f.Name})
	}
	for _, v := range volumesOf(st, i) {
		vd := volumeOf(v)
		devices = append(devices, x{"deviceName", vd.Device, "ebs", x{
			"volumeId", v.ID, "status", "attached", "attachTime", date(vd.Attached), "deleteOnTermination", !vd.KeepsOn,
		}})
	}
	v := append(common(i, d, stateOf(i), ""),
		"privateIpAddress", privateIP(i), "subnetId", subnetID(i.Zone), "vpcId", vpcID(i.Region), "sourceDestCheck", !d.NoCheck,
		"groupSet", groups, "blockDeviceMapping", devices, "networkInterfaceSet", xs{interfaceView(st, i)},
	)
	if ip := publicIP(i); ip != "" {
		v = append(v, "ipAddress", ip)
	}
	if i.Phase == world.Failed {
		v = append(v, "stateReason", x{"code", "Server.InternalError", "message", "Server.InternalError: " + i.Problem})
	}
	return v
}

// publicIP is the address while the machine has one.
func publicIP(i *world.Server) string {
	if i.Booted && i.Powered && i.Phase != world.Failed {
		return i.Address
	}
	return ""
}

// common is what is shown of an instance however far it is.
func common(i *world.Server, d detail, state, reason string) x {
	monitoring, threads := "disabled", 1
	if d.Monitoring {
		monitoring = "enabled"
	}
	// A vCPU is a core of Graviton, and half a core of most others.
	if d.Arch == "x86_64" && i.VCPU%2 == 0 {
		threads = 2
	}
	v := x{
		"instanceId", i.ID, "imageId", d.Image, "instanceState", stateView(state), "privateDnsName", "", "dnsName", "", "reason", reason,
		"keyName", d.KeyName, "amiLaunchIndex", d.Index, "instanceType", i.Size, "launchTime", date(i.CreatedAt),
		"placement",
		x{"availabilityZone", i.Zone, "tenancy", "default"},
		"monitoring",
		x{"state", monitoring},
		"architecture", d.Arch,
		"rootDeviceType", "ebs", "rootDeviceName", d.Root, "virtualizationType", "hvm", "clientToken", d.Token, "tagSet", tagSet(d.Tags),
		"hypervisor", "xen", "ebsOptimized", d.Optimized, "enaSupport", true, "cpuOptions",
		x{"coreCount", i.VCPU / threads, "threadsPerCore", threads},
		"capacityReservationSpecification",
		x{"capacityReservationPreference", "open"},
		"hibernationOptions",
		x{"configured", false},
		"metadataOptions", metadataView(d.Metadata), "enclaveOptions",
		x{"enabled", false},
		"bootMode", "uefi-preferred",
		"platformDetails", "Linux/UNIX", "usageOperation", "RunInstances", "usageOperationUpdateTime", date(i.CreatedAt),
		"privateDnsNameOptions",
		x{"hostnameType", "ip-name", "enableResourceNameDnsARecord", false, "enableResourceNameDnsAAAARecord", false},
		"maintenanceOptions",
		x{"autoRecovery", "default"},
		"currentInstanceBootMode", "legacy-bios",
	}
	if m := d.Market; m != nil {
		v = append(v, "instanceLifecycle", "spot", "spotInstanceRequestId", m.Request)
	}
	return v
}

func metadataView(m metadata) x {
	return x{
		"state", "applied", "httpTokens", m.Tokens, "httpPutResponseHopLimit", m.HopLimit, "httpEndpoint", m.Endpoint,
		"httpProtocolIpv6", m.IPv6, "instanceMetadataTags", m.Tags,
	}
}

// interfaceID belongs to the instance: it has one interface, always.
func interfaceID(i *world.Server) string { return "eni-" + strings.TrimPrefix(i.ID, "i-") }

func interfaceView(st *world.State, i *world.Server) x {
	groups := xs{}
	for _, f := range groupsOf(st, i) {
		groups = append(groups, x{"groupId", f.ID, "groupName", f.Name})
	}
	v := x{
		"networkInterfaceId", interfaceID(i), "subnetId", subnetID(i.Zone), "vpcId", vpcID(i.Region), "ownerId", Account, "status", "in-use",
		"privateIpAddress", privateIP(i), "sourceDestCheck", !detailOf(i).NoCheck, "groupSet", groups, "interfaceType", "interface",
		"attachment",
		x{
			"attachmentId", "eni-attach-" + strings.TrimPrefix(i.ID, "i-"), "deviceIndex", 0, "networkCardIndex", 0, "status", "attached",
			"attachTime", date(i.CreatedAt), "deleteOnTermination", true,
		},
		"privateIpAddressesSet",
		xs{{"privateIpAddress", privateIP(i), "primary", true}},
	}
	if ip := publicIP(i); ip != "" {
		v = append(v, "association", x{"publicIp", ip, "ipOwnerId", "amazon"})
	}
	return v
}

// listed is an instance that a call may ask for: one that is, or was.
type listed struct {
	server *world.Server
	view   func() x
	state  string
}

// instances lists a region's instances that a call asks for, by their IDs and
// filters, oldest first.
func (s *server) instances(c *call, st *world.State) ([]listed, error) {
	var all []listed
	for _, i := range st.ServersOf(provider) {
		if i.Region == c.region {
			all = append(all, listed{i, func() x { return s.instanceView(st, i) }, stateOf(i)})
		}
	}
	for _, g := range s.graves.list(st, c.region, s.World.Now()) {
		all = append(all, listed{g.server, func() x {
			code, _, _ := strings.Cut(g.reason, " ")
			return append(common(g.server, detailOf(g.server), "terminated", g.reason), "stateReason", x{"code", code, "message", code})
		}, "terminated"})
	}
	ids := c.params.list("InstanceId")
	for _, id := range ids {
		if !instanceID.MatchString(id) {
			return nil, badRequest("InvalidInstanceID.Malformed", "Invalid id: \"%s\"", id)
		}
		if !slices.ContainsFunc(all, func(l listed) bool { return l.server.ID == id }) {
			return nil, errInstance(id)
		}
	}
	f, out := c.params.filters(), []listed{}
	for _, l := range all {
		keep, err := f.match(filterable(st, l))
		if err != nil {
			return nil, err
		}
		if keep && (len(ids) == 0 || slices.Contains(ids, l.server.ID)) {
			out = append(out, l)
		}
	}
	slices.SortStableFunc(out, func(a, b listed) int { return int(a.server.Seq - b.server.Seq) })
	return out, nil
}

func filterable(st *world.State, l listed) map[string][]string {
	i, d := l.server, detailOf(l.server)
	have := map[string][]string{
		"instance-id": {i.ID}, "instance-state-name": {l.state}, "instance-state-code": {strconv.Itoa(states()[l.state])},
		"instance-type": {i.Size}, "image-id": {d.Image}, "key-name": {d.KeyName}, "availability-zone": {i.Zone}, "vpc-id": {vpcID(i.Region)},
		"subnet-id": {subnetID(i.Zone)}, "private-ip-address": {privateIP(i)}, "ip-address": {publicIP(i)}, "reservation-id": {d.Reservation},
		"client-token": {d.Token}, "architecture": {d.Arch}, "instance-lifecycle": {}, "instance.group-id": {}, "instance.group-name": {},
	}
	if d.Market != nil {
		have["instance-lifecycle"] = []string{"spot"}
	}
	for _, g := range groupsOf(st, i) {
		have["instance.group-id"] = append(have["instance.group-id"], g.ID)
		have["instance.group-name"] = append(have["instance.group-name"], g.Name)
	}
	return withTags(have, d.Tags)
}

func (s *server) describeInstances(_ context.Context, c *call) (x, error) {
	all, err := s.instances(c, s.World.State())
	if err != nil {
		return nil, err
	}
	part, next, apiErr := page(all, c.params.int("MaxResults"), 1000, c.params.get("NextToken"))
	if apiErr != nil {
		return nil, apiErr
	}
	var order []string
	by := map[string]xs{}
	for _, l := range part {
		r := detailOf(l.server).Reservation
		if by[r] == nil {
			order = append(order, r)
		}
		by[r] = append(by[r], l.view())
	}
	out := xs{}
	for _, r := range order {
		out = append(out, x{"reservationId", r, "ownerId", Account, "groupSet", xs{}, "instancesSet", by[r]})
	}
	return x{"reservationSet", out, "nextToken", next}, nil
}

func (s *server) describeInstanceStatus(_ context.Context, c *call) (x, error) {
	all, err := s.instances(c, s.World.State())
	if err != nil {
		return nil, err
	}
	out := xs{}
	for _, l := range all {
		if l.state != "running" && !c.params.bool("IncludeAllInstances") {
			continue
		}
		health := x{"status", "not-applicable"}
		if l.state == "running" {
			health = x{"status", "ok", "details", xs{{"name", "reachability", "status", "passed"}}}
		}
		out = append(out, x{
			"instanceId", l.server.ID, "availabilityZone", l.server.Zone, "instanceState", stateView(l.state),
			"systemStatus", health, "instanceStatus", health,
		})
	}
	return x{"instanceStatusSet", out}, nil
}

func (s *server) describeNetworkInterfaces(_ context.Context, c *call) (x, error) {
	st := s.World.State()
	ids, f, out := c.params.list("NetworkInterfaceId"), c.params.filters(), xs{}
	for _, i := range st.ServersOf(provider) {
		if i.Region != c.region {
			continue
		}
		have := map[string][]string{
			"network-interface-id": {interfaceID(i)}, "attachment.instance-id": {i.ID}, "group-id": {}, "vpc-id": {vpcID(i.Region)},
			"subnet-id": {subnetID(i.Zone)}, "status": {"in-use"}, "description": {""},
		}
		for _, g := range groupsOf(st, i) {
			have["group-id"] = append(have["group-id"], g.ID)
		}
		keep, err := f.match(withTags(have, nil))
		if err != nil {
			return nil, err
		}
		if keep && (len(ids) == 0 || slices.Contains(ids, interfaceID(i))) {
			out = append(out, interfaceView(st, i))
		}
	}
	return x{"networkInterfaceSet", out}, nil
}
