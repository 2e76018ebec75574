package gcp

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/api/compute/v1"

	"skysail/sandbox/world"
)

// detailOf is an instance as its owner described it. What the world knows is
// put over it by instanceView.
func detailOf(i *world.Server) *compute.Instance {
	var d compute.Instance
	_ = json.Unmarshal(i.Detail, &d) // written by setDetail
	return &d
}

func setDetail(i *world.Server, d *compute.Instance) {
	i.Detail, _ = json.Marshal(d) // strings, numbers and lists: cannot fail
	i.Tags = tagsOf(d)
}

// tagsOf are the labels, as key:value, and the network tags, by which
// firewalls find their servers. No network tag has a colon.
func tagsOf(d *compute.Instance) []string {
	tags := []string{}
	for k, v := range d.Labels {
		tags = append(tags, k+":"+v)
	}
	slices.Sort(tags)
	if d.Tags != nil {
		tags = append(tags, d.Tags.Items...)
	}
	return tags
}

func zonePath(zone string) string { return "projects/" + Project + "/zones/" + zone }

func instancePath(zone, name string) string { return zonePath(zone) + "/instances/" + name }

// findInstance returns the instance with that name or ID in a zone, or nil.
func findInstance(st *world.State, zone, name string) *world.Server {
	for _, i := range st.ServersOf(provider) {
		if i.Zone == zone && (i.Name == name || i.ID == name) {
			return i
		}
	}
	return nil
}

func instanceTarget(i *world.Server) target {
	return target{zone: i.Zone, path: instancePath(i.Zone, i.Name), id: i.ID}
}

// state is an instance's status.
func state(i *world.Server) string {
	switch {
	case i.Deleting, !i.Powered && i.Phase == world.Running:
		return "STOPPING"
	case i.Phase == world.Failed, i.Phase == world.Off && !i.Powered:
		return "TERMINATED"
	case i.Phase == world.Running:
		return "RUNNING"
	case !i.Powered:
		return "STOPPING"
	default:
		return "STAGING"
	}
}

func instanceView(st *world.State, i *world.Server) *compute.Instance {
	v := detailOf(i)
	v.Kind, v.Id, v.Name = "compute#instance", numeric(i.ID), i.Name
	v.Zone, v.SelfLink = link(zonePath(i.Zone)), link(instancePath(i.Zone, i.Name))
	v.MachineType = link(zonePath(i.Zone) + "/machineTypes/" + i.Size)
	v.CreationTimestamp, v.Status, v.StatusMessage = stamp(i.CreatedAt), state(i), i.Problem
	v.LastStartTimestamp = v.CreationTimestamp
	v.CpuPlatform = "Unknown CPU Platform"
	v.Fingerprint = fingerprint(i.Detail)
	v.LabelFingerprint = fingerprint(v.Labels)
	if v.Tags == nil {
		v.Tags = &compute.Tags{}
	}
	v.Tags.Fingerprint = fingerprint(v.Tags.Items)
	if v.Metadata == nil {
		v.Metadata = &compute.Metadata{}
	}
	v.Metadata.Kind, v.Metadata.Fingerprint = "compute#metadata", fingerprint(v.Metadata.Items)
	for n, nic := range v.NetworkInterfaces {
		nic.Kind, nic.Name, nic.NetworkIP = "compute#networkInterface", fmt.Sprintf("nic%d", n), inside(i)
		nic.Network = link("projects/" + Project + "/global/networks/" + defaultNetwork)
		nic.Subnetwork = link("projects/" + Project + "/regions/" + i.Region + "/subnetworks/" + defaultNetwork)
		nic.StackType, nic.Fingerprint = "IPV4_ONLY", fingerprint(nic.NetworkIP)
		for _, ac := range nic.AccessConfigs {
			ac.Kind, ac.Type, ac.NetworkTier = "compute#accessConfig", "ONE_TO_ONE_NAT", "PREMIUM"
			if ac.Name == "" {
				ac.Name = "external-nat"
			}
			// An ephemeral address is there only while the instance is.
			if i.Booted && i.Powered {
				ac.NatIP = i.Address
			}
		}
	}
	v.Disks = attachments(st, i)
	if !i.ExpiresAt.IsZero() {
		v.ResourceStatus = &compute.ResourceStatus{Scheduling: &compute.ResourceStatusScheduling{TerminationTimestamp: stamp(i.ExpiresAt)}}
	}
	v.ForceSendFields = []string{"CanIpForward", "DeletionProtection", "StartRestricted"}
	return v
}

// inside is the address in the network, which nothing outside can reach.
func inside(i *world.Server) string {
	n := i.Seq % (254 * 254)
	return fmt.Sprintf("10.128.%d.%d", n/254, n%254+2)
}

func (s *server) getInstance(_ http.ResponseWriter, r *http.Request) (any, error) {
	st := s.World.State()
	i := findInstance(st, r.PathValue("zone"), r.PathValue("name"))
	if i == nil {
		return nil, s.noInstance(r)
	}
	return instanceView(st, i), nil
}

// noInstance says what of a path is not there: the zone or the instance.
func (s *server) noInstance(r *http.Request) error {
	zone := r.PathValue("zone")
	if err := s.checkZone(zone); err != nil {
		return err
	}
	return notFound(instancePath(zone, r.PathValue("name")))
}

func (s *server) listInstances(_ http.ResponseWriter, r *http.Request) (any, error) {
	zone := r.PathValue("zone")
	if err := s.checkZone(zone); err != nil {
		return nil, err
	}
	return page(r, "compute#instanceList", instanceItems(s.World.State(), zone))
}

func (s *server) aggregatedInstances(_ http.ResponseWriter, r *http.Request) (any, error) {
	return s.aggregate(r, "compute#instanceAggregatedList", "instances", instanceItems(s.World.State(), ""),
		func(v any) string { return lastPart(v.(*compute.Instance).Zone) })
}

func instanceItems(st *world.State, zone string) []item {
	var all []item
	for _, i := range st.ServersOf(provider) {
		if zone == "" || i.Zone == zone {
			all = append(all, item{i.Seq, instanceView(st, i)})
		}
	}
	return all
}

// change changes an instance and answers with the operation. What follows the
// machine is done when the machine is as it is wanted.
func (s *server) change(r *http.Request, kind string, follows bool, f func(*world.State, *world.Server) error) (any, error) {
	var op *world.Action
	var state *world.State
	err := s.World.Update(func(st *world.State) error {
		i := findInstance(st, r.PathValue("zone"), r.PathValue("name"))
		if i == nil {
			return s.noInstance(r)
		}
		if i.Deleting && kind != opDelete {
			return &apiError{status: http.StatusBadRequest, reason: "resourceNotReady", message: fmt.Sprintf("The resource '%s' is not ready", instancePath(i.Zone, i.Name))}
		}
		if err := f(st, i); err != nil {
			return err
		}
		var whom *world.Server
		if follows && !i.Settled() {
			whom = i
		}
		op, state = s.begin(st, kind, instanceTarget(i), whom), st
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.operationView(state, op), nil
}

// The names of operations whose course depends on them.
const (
	opInsert = "insert"
	opDelete = "delete"
)

func (s *server) deleteInstance(_ http.ResponseWriter, r *http.Request) (any, error) {
	return s.change(r, opDelete, true, func(_ *world.State, i *world.Server) error {
		if detailOf(i).DeletionProtection {
			return &apiError{
				status: http.StatusPreconditionFailed, reason: "conditionNotMet",
				message: fmt.Sprintf("Resource cannot be deleted if it's protected against deletion. '%s' has deletionProtection set.", instancePath(i.Zone, i.Name)),
			}
		}
		i.Deleting = true
		return nil
	})
}

func (s *server) stopInstance(_ http.ResponseWriter, r *http.Request) (any, error) {
	return s.change(r, "stop", true, func(_ *world.State, i *world.Server) error {
		i.Powered, i.Reboot = false, false
		return nil
	})
}

func (s *server) startInstance(_ http.ResponseWriter, r *http.Request) (any, error) {
	return s.change(r, "start", true, func(_ *world.State, i *world.Server) error {
		if !i.Powered {
			i.Powered, i.Phase = true, world.Booting
			i.ExpiresAt, i.ExpiryStops = expiry(detailOf(i).Scheduling, s.World.Now())
		}
		return nil
	})
}

func (s *server) resetInstance(_ http.ResponseWriter, r *http.Request) (any, error) {
	return s.change(r, "reset", true, func(_ *world.State, i *world.Server) error {
		if i.Phase != world.Running {
			return badRequest("Instance '%s' is not running.", i.Name)
		}
		i.Reboot, i.Phase = true, world.Booting
		return nil
	})
}

func lastPart(path string) string { return path[strings.LastIndex(path, "/")+1:] }
