package gcp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/api/compute/v1"

	"skysail/sandbox/api"
	"skysail/sandbox/world"
)

// insertion is a request for an instance, with what it was found to name.
type insertion struct {
	compute.Instance
	zone, region string
	size         *api.Size
	boot         image
}

func (s *server) insertInstance(w http.ResponseWriter, r *http.Request) (any, error) {
	in := &insertion{zone: r.PathValue("zone")}
	raw, err := decode(w, r, &in.Instance)
	if err != nil {
		return nil, err
	}
	in.region = regionOf(in.zone)
	if err := s.check(in); err != nil {
		return nil, err
	}
	t := target{zone: in.zone, path: instancePath(in.zone, in.Name)}
	var op *world.Action
	// A create that hangs is answered here: it is its operation that never
	// ends.
	ctx, cancel := context.WithCancel(r.Context())
	cancel()
	made, err := s.CreateServers(ctx,
		world.Create{Provider: provider, Region: in.region, Request: api.Fingerprint(r, raw)},
		in.checkAccount,
		func(st *world.State) ([]*world.Server, error) {
			i, err := s.add(st, in)
			if err != nil {
				return nil, err
			}
			t.id = i.ID
			op = s.begin(st, opInsert, t, i)
			return []*world.Server{i}, nil
		})
	var fault *api.Refused
	switch {
	case err == nil:
		return s.operationView(&world.State{Servers: made}, op), nil
	case errors.Is(err, api.ErrHalfMade):
		return s.instead(op.ID, func(a *world.Action) { s.fail(a, errInternal()) })
	case errors.Is(err, api.ErrHung):
		return s.instead(op.ID, func(a *world.Action) { a.ServerID = "" })
	case errors.As(err, &fault) && fault.Kind == world.Capacity:
		return s.failed(t, errCapacity(in.zone, in.size.Name))
	case errors.As(err, &fault) && fault.Kind == world.Quota:
		return s.failed(t, errQuota(in.region))
	case errors.As(err, &fault) && fault.Kind == world.Worded && later(fault.Words):
		return s.failed(t, wordedLater(fault.Words))
	case errors.As(err, &fault) && fault.Kind == world.Invalid:
		// An image that was taken back. An unknown machine type would be a
		// matter of the zone.
		return nil, invalid("resource.disks[0].initializeParams.sourceImage", link(in.boot.path()), "The referenced image resource cannot be found.")
	}
	return nil, err
}

// instead makes an operation take another course than its machine does.
func (s *server) instead(id string, f func(*world.Action)) (any, error) {
	var state *world.State
	err := s.World.Update(func(st *world.State) error {
		f(st.Action(provider, id))
		state = st
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.operationView(state, state.Action(provider, id)), nil
}

// failed answers with an operation that makes nothing and ends with an error.
func (s *server) failed(t target, e opError) (any, error) {
	var op *world.Action
	var state *world.State
	err := s.World.Update(func(st *world.State) error {
		op, state = s.begin(st, opInsert, t, nil), st
		s.fail(op, e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.operationView(state, op), nil
}

// check compares a request with what there is to choose from.
func (s *server) check(in *insertion) (err error) {
	if err := s.checkZone(in.zone); err != nil {
		return err
	}
	if err := checkName("resource.name", in.Name); err != nil {
		return err
	}
	if in.size, err = s.machineType(in.zone, in.MachineType); err != nil {
		return err
	}
	gpu := in.size.GPU != nil
	for _, err := range []error{
		checkLabels(in.Labels), checkTags(in.Tags), checkMetadata(in.Metadata), checkScheduling(in.Scheduling, gpu),
		in.unsimulated(), in.checkNetwork(), in.checkDisks(),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// unsimulated says which wish the sandbox cannot fulfil, rather than leaving
// it out.
func (in *insertion) unsimulated() error {
	for _, w := range []struct {
		wanted bool
		what   string
	}{
		{len(in.GuestAccelerators) > 0, "GPUs beside those that are part of a machine type"},
		{in.Hostname != "", "custom host names"},
		{len(in.ResourcePolicies) > 0, "resource policies"},
		{in.InstanceEncryptionKey != nil, "encryption keys of its customers"},
		{in.ConfidentialInstanceConfig != nil && in.ConfidentialInstanceConfig.EnableConfidentialCompute, "confidential computing"},
		{in.ReservationAffinity != nil && in.ReservationAffinity.ConsumeReservationType == "SPECIFIC_RESERVATION", "reservations"},
		{in.SourceMachineImage != "", "machine images"},
	} {
		if w.wanted {
			return lacking(w.what)
		}
	}
	return nil
}

func (in *insertion) checkNetwork() error {
	switch n := in.NetworkInterfaces; {
	case len(n) == 0:
		return invalid("resource.networkInterfaces", "", "At least one network interface is required.")
	case len(n) > 1:
		return lacking("instances with several network interfaces")
	case n[0].Network != "" && lastPart(n[0].Network) != defaultNetwork:
		return invalid("resource.networkInterfaces[0].network", n[0].Network, "The referenced network resource cannot be found.")
	case n[0].Subnetwork != "" && lastPart(n[0].Subnetwork) != defaultNetwork:
		return invalid("resource.networkInterfaces[0].subnetwork", n[0].Subnetwork, "The referenced subnetwork resource cannot be found.")
	case len(n[0].AccessConfigs) > 1:
		return badRequest("At most one access config currently supported.")
	case len(n[0].Ipv6AccessConfigs) > 0 || (n[0].StackType != "" && n[0].StackType != "IPV4_ONLY"):
		return lacking("IPv6 addresses")
	case len(n[0].AccessConfigs) == 1 && n[0].AccessConfigs[0].NatIP != "":
		return lacking("reserved IP addresses")
	}
	return nil
}

// checkAccount compares a request with what the account has.
func (in *insertion) checkAccount(st *world.State) error {
	if len(st.ServersOf(provider)) >= api.ServerLimit {
		return &apiError{
			status: http.StatusForbidden, reason: "quotaExceeded", domain: "usageLimits",
			message: fmt.Sprintf("Quota 'INSTANCES' exceeded.  Limit: %.1f in region %s.", float64(api.ServerLimit), in.region),
		}
	}
	if err := in.checkCPUs(st); err != nil {
		return err
	}
	if findInstance(st, in.zone, in.Name) != nil {
		return alreadyExists(instancePath(in.zone, in.Name))
	}
	for _, d := range in.Disks {
		if d.Source == "" {
			if name := in.diskName(d); findDisk(st, in.zone, name) != nil {
				return alreadyExists(diskPath(in.zone, name))
			}
			continue
		}
		have := findDisk(st, in.zone, lastPart(d.Source))
		if have == nil || !strings.Contains(d.Source, "zones/"+in.zone+"/disks/") {
			return notFound(d.Source)
		}
		if by := st.Server(provider, have.ServerID); by != nil {
			return inUse("disk", diskPath(have.Zone, have.Name), instancePath(by.Zone, by.Name))
		}
	}
	return nil
}

func (s *server) add(st *world.State, in *insertion) (*world.Server, error) {
	address, err := st.NextAddress()
	if err != nil {
		return nil, err
	}
	id, seq := st.NextNumericID()
	now := s.World.Now()
	d := in.Instance
	d.Scheduling = withDefaults(d.Scheduling, in.size.GPU != nil)
	if d.ShieldedInstanceConfig == nil {
		d.ShieldedInstanceConfig = &compute.ShieldedInstanceConfig{EnableVtpm: true, EnableIntegrityMonitoring: true}
	}
	d.ShieldedInstanceConfig.ForceSendFields = []string{"EnableSecureBoot", "EnableVtpm", "EnableIntegrityMonitoring"}
	i := &world.Server{
		Provider: provider, ID: id, Seq: seq, Name: in.Name, Region: in.region, Zone: in.zone, Address: address,
		UserData: metadataValue(in.Metadata, "user-data"), CreatedAt: now, Powered: true, Phase: world.Booting,
	}
	resize(i, in.size, d.Scheduling)
	i.ExpiresAt, i.ExpiryStops = expiry(d.Scheduling, now)
	for n, a := range d.Disks {
		disk := s.diskFor(st, in, i, n, a)
		disk.ServerID, disk.WithServer = i.ID, a.AutoDelete
		if a.Boot {
			i.DiskGB = disk.SizeGB
		}
	}
	d.Disks, d.Params = nil, nil // the disks' own records have them
	setDetail(i, &d)
	st.Servers = append(st.Servers, i)
	return i, nil
}
