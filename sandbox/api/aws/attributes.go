package aws

import (
	"context"
	"strings"

	"skysail/sandbox/api"
	"skysail/sandbox/world"
)

// changeInstance changes the detail of the one instance that a call names.
func (s *server) changeInstance(c *call, id string, change func(*world.State, *world.Server, *detail) error) error {
	return s.World.Update(func(st *world.State) error {
		i, err := findInstance(st, c.region, id)
		if err != nil {
			return err
		}
		if i.Deleting {
			return errState(i, "running")
		}
		d := detailOf(i)
		if err := change(st, i, &d); err != nil {
			return err
		}
		setDetail(i, d)
		return nil
	})
}

func (s *server) modifyInstanceAttribute(_ context.Context, c *call) (x, error) {
	sizes, err := s.Sizes()
	if err != nil {
		return nil, err
	}
	p := c.params
	if name := p.get("Attribute"); name != "" && p.has("Value") {
		// The older form names the attribute instead of being named by it.
		p[strings.ToUpper(name[:1])+name[1:]+".Value"] = p["Value"]
	}
	err = s.changeInstance(c, p.get("InstanceId"), func(st *world.State, i *world.Server, d *detail) error {
		d.NoTerminate = p.orBool("DisableApiTermination.Value", d.NoTerminate)
		d.NoStop = p.orBool("DisableApiStop.Value", d.NoStop)
		d.NoCheck = !p.orBool("SourceDestCheck.Value", !d.NoCheck)
		d.Optimized = p.orBool("EbsOptimized.Value", d.Optimized)
		if v := p.get("InstanceInitiatedShutdownBehavior.Value"); v != "" {
			d.Shutdown = v
		}
		for _, m := range p.structs("BlockDeviceMapping") {
			for _, v := range volumesOf(st, i) {
				if vd := volumeOf(v); vd.Device == m.get("DeviceName") {
					vd.KeepsOn = !m.orBool("Ebs.DeleteOnTermination", !vd.KeepsOn)
					setVolume(v, vd)
				}
			}
		}
		if groups := p.list("GroupId"); len(groups) > 0 {
			if err := setGroups(st, i, c.region, groups); err != nil {
				return err
			}
		}
		if p.has("UserData.Value") {
			return changeUserData(i, d, p.get("UserData.Value"))
		}
		if p.has("InstanceType.Value") {
			return changeType(i, d, p.get("InstanceType.Value"), sizes)
		}
		return nil
	})
	return x{"return", true}, err
}

func changeUserData(i *world.Server, d *detail, encoded string) error {
	if stateOf(i) != "stopped" {
		return errState(i, "stopped")
	}
	var in runRequest
	if err := in.data(encoded); err != nil {
		return err
	}
	d.UserData, i.UserData = encoded, in.userData
	return nil
}

func changeType(i *world.Server, d *detail, name string, sizes []api.Size) error {
	z := api.FindSize(sizes, name)
	switch {
	case stateOf(i) != "stopped":
		return errState(i, "stopped")
	case z == nil || archOf(z) != d.Arch:
		return invalidValue("Invalid value '%s' for InstanceType.", name)
	case !z.In(i.Region):
		return badRequest("Unsupported", "The requested configuration is currently not supported. Please check the documentation for supported configurations.")
	}
	i.Size, i.VCPU, i.MemoryMB, i.GPU, i.PriceUSD = z.Name, z.VCPU, z.MemoryMB, z.GPU != nil, z.Price(i.Region).USD
	return nil
}

func (s *server) modifyMetadataOptions(_ context.Context, c *call) (x, error) {
	var m metadata
	err := s.changeInstance(c, c.params.get("InstanceId"), func(_ *world.State, _ *world.Server, d *detail) error {
		m = d.Metadata
		for name, field := range map[string]*string{
			"HttpEndpoint": &m.Endpoint, "HttpTokens": &m.Tokens, "InstanceMetadataTags": &m.Tags, "HttpProtocolIpv6": &m.IPv6,
		} {
			if c.params.has(name) {
				*field = c.params.get(name)
			}
		}
		if c.params.has("HttpPutResponseHopLimit") {
			m.HopLimit = c.params.int("HttpPutResponseHopLimit")
		}
		d.Metadata = m
		return nil
	})
	return x{"instanceId", c.params.get("InstanceId"), "instanceMetadataOptions", metadataView(m)}, err
}

func (s *server) modifyNetworkInterface(_ context.Context, c *call) (x, error) {
	id := "i-" + strings.TrimPrefix(c.params.get("NetworkInterfaceId"), "eni-")
	err := s.changeInstance(c, id, func(st *world.State, i *world.Server, d *detail) error {
		d.NoCheck = !c.params.orBool("SourceDestCheck.Value", !d.NoCheck)
		if groups := c.params.list("SecurityGroupId"); len(groups) > 0 {
			return setGroups(st, i, c.region, groups)
		}
		return nil
	})
	return x{"return", true}, err
}

func (s *server) monitorInstances(on bool) ec2Action {
	state := map[bool]string{true: "enabled", false: "disabled"}[on]
	return func(_ context.Context, c *call) (x, error) {
		out := xs{}
		for _, id := range c.params.list("InstanceId") {
			if err := s.changeInstance(c, id, func(_ *world.State, _ *world.Server, d *detail) error { d.Monitoring = on; return nil }); err != nil {
				return nil, err
			}
			out = append(out, x{"instanceId", id, "monitoring", x{"state", state}})
		}
		return x{"instancesSet", out}, nil
	}
}

func (s *server) modifyCredits(_ context.Context, c *call) (x, error) {
	done, failed := xs{}, xs{}
	for _, in := range c.params.structs("InstanceCreditSpecification") {
		id := in.get("InstanceId")
		err := s.changeInstance(c, id, func(_ *world.State, i *world.Server, d *detail) error {
			if !burstable(i.Size) {
				return badRequest("InstanceCreditSpecification.NotSupported", "The instance %s is not burstable", id)
			}
			d.Credits = in.get("CpuCredits")
			return nil
		})
		if err != nil {
			failed = append(failed, x{"instanceId", id, "error", x{"code", "InstanceCreditSpecification.NotSupported", "message", err.Error()}})
			continue
		}
		done = append(done, x{"instanceId", id})
	}
	return x{"successfulInstanceCreditSpecificationSet", done, "unsuccessfulInstanceCreditSpecificationSet", failed}, nil
}

func (s *server) describeCredits(_ context.Context, c *call) (x, error) {
	out, st := xs{}, s.World.State()
	for _, id := range c.params.list("InstanceId") {
		i, err := findInstance(st, c.region, id)
		if err != nil {
			return nil, err
		}
		if !burstable(i.Size) {
			return nil, badRequest("InstanceCreditSpecification.NotSupported", "The instance %s is not burstable", id)
		}
		out = append(out, x{"instanceId", id, "cpuCredits", detailOf(i).Credits})
	}
	return x{"instanceCreditSpecificationSet", out}, nil
}

func (s *server) describeInstanceAttribute(_ context.Context, c *call) (x, error) {
	i, err := findInstance(s.World.State(), c.region, c.params.get("InstanceId"))
	if err != nil {
		return nil, err
	}
	d, name := detailOf(i), c.params.get("Attribute")
	var value any
	switch name {
	case "disableApiStop":
		value = d.NoStop
	case "disableApiTermination":
		value = d.NoTerminate
	case "instanceInitiatedShutdownBehavior":
		value = d.Shutdown
	case "userData":
		value = d.UserData
	case "instanceType":
		value = i.Size
	case "sourceDestCheck":
		value = !d.NoCheck
	case "ebsOptimized":
		value = d.Optimized
	default:
		return nil, unsimulated("the instance attribute " + name)
	}
	return x{"instanceId", i.ID, name, x{"value", value}}, nil
}
