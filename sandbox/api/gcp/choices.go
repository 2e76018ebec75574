package gcp

import (
	"fmt"
	"hash/fnv"
	"maps"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/api/compute/v1"

	"skysail/sandbox/api"
)

// defaultNetwork is the network of a new project, and the only one here.
const defaultNetwork = "default"

// regionOf is the region of a zone: us-central1-a is in us-central1.
func regionOf(zone string) string {
	region, _, _ := cutLast(zone, "-")
	return region
}

// zones are the regions by zone.
func (s *server) zones() (map[string]string, error) {
	sizes, err := s.Sizes()
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, z := range sizes {
		for region, zones := range z.Zones {
			for _, zone := range zones {
				out[zone] = region
			}
		}
	}
	return out, nil
}

func (s *server) checkZone(zone string) error {
	zones, err := s.zones()
	if err != nil {
		return err
	}
	if _, ok := zones[zone]; !ok {
		return invalid("zone", zone, "Unknown zone.")
	}
	return nil
}

// machineType finds a machine type, named or linked to, in a zone.
func (s *server) machineType(zone, name string) (*api.Size, error) {
	sizes, err := s.Sizes()
	if err != nil {
		return nil, err
	}
	z := api.FindSize(sizes, lastPart(name))
	if z == nil || !slices.Contains(z.Zones[regionOf(zone)], zone) {
		return nil, unknownMachineType(zone, lastPart(name))
	}
	return z, nil
}

func unknownMachineType(zone, name string) *apiError {
	return invalid("resource.machineType", link(zonePath(zone)+"/machineTypes/"+name),
		fmt.Sprintf("Machine type with name '%s' does not exist in zone '%s'.", name, zone))
}

// architecture is the API's word for one.
func architecture(z *api.Size) string {
	if z.Arch == "arm64" {
		return "ARM64"
	}
	return "X86_64"
}

// stableID is an ID for what was never made: it depends on the name only.
func stableID(name string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // never fails, by its documentation
	return h.Sum64() >> 2
}

// acceleratorType is the API's name of a GPU.
// https://cloud.google.com/compute/docs/gpus
func acceleratorType(g *api.GPU) string {
	name := strings.ToLower(strings.ReplaceAll(g.Model, " ", "-"))
	switch {
	case name == "a100" && g.MemoryGB < 80:
		name = "tesla-a100"
	case name == "a100" || name == "h100":
		name += "-80gb"
	case name == "h200":
		name += "-141gb"
	case name == "t4" || name == "v100" || name == "p100" || name == "p4":
		name = "tesla-" + name
	}
	return "nvidia-" + name
}

func machineTypeView(zone string, z *api.Size) *compute.MachineType {
	v := &compute.MachineType{
		Kind: "compute#machineType", Id: stableID(zone + z.Name), Name: z.Name, Architecture: architecture(z),
		Description: fmt.Sprintf("%d vCPU, %g GB RAM", z.VCPU, float64(z.MemoryMB)/1024),
		GuestCpus:   int64(z.VCPU), MemoryMb: int64(z.MemoryMB), Zone: zone,
		SelfLink:               link(zonePath(zone) + "/machineTypes/" + z.Name),
		IsSharedCpu:            slices.Contains([]string{"e2-micro", "e2-small", "e2-medium", "f1-micro", "g1-small"}, z.Name),
		MaximumPersistentDisks: 128, MaximumPersistentDisksSizeGb: 257 << 10,
		ForceSendFields: []string{"IsSharedCpu"},
	}
	if z.GPU != nil {
		v.Accelerators = []*compute.MachineTypeAccelerators{{GuestAcceleratorCount: int64(z.GPU.Count), GuestAcceleratorType: acceleratorType(z.GPU)}}
	}
	return v
}

func (s *server) machineTypeItems(zone string) ([]item, error) {
	zones, err := s.zones()
	if err != nil {
		return nil, err
	}
	sizes, err := s.Sizes()
	if err != nil {
		return nil, err
	}
	var all []item
	for _, at := range slices.Sorted(maps.Keys(zones)) {
		for n := range sizes {
			if z := &sizes[n]; (zone == "" || zone == at) && slices.Contains(z.Zones[zones[at]], at) {
				all = append(all, item{int64(len(all)), machineTypeView(at, z)})
			}
		}
	}
	return all, nil
}

func (s *server) getMachineType(_ http.ResponseWriter, r *http.Request) (any, error) {
	zone, name := r.PathValue("zone"), r.PathValue("name")
	if err := s.checkZone(zone); err != nil {
		return nil, err
	}
	z, err := s.machineType(zone, name)
	if err != nil {
		return nil, notFound(zonePath(zone) + "/machineTypes/" + name)
	}
	return machineTypeView(zone, z), nil
}

func (s *server) listMachineTypes(_ http.ResponseWriter, r *http.Request) (any, error) {
	if err := s.checkZone(r.PathValue("zone")); err != nil {
		return nil, err
	}
	all, err := s.machineTypeItems(r.PathValue("zone"))
	if err != nil {
		return nil, err
	}
	return page(r, "compute#machineTypeList", all)
}

func (s *server) aggregatedMachineTypes(_ http.ResponseWriter, r *http.Request) (any, error) {
	all, err := s.machineTypeItems("")
	if err != nil {
		return nil, err
	}
	return s.aggregate(r, "compute#machineTypeAggregatedList", "machineTypes", all,
		func(v any) string { return v.(*compute.MachineType).Zone })
}

func (s *server) acceleratorItems(zone string) ([]item, error) {
	types, err := s.machineTypeItems(zone)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var all []item
	for _, t := range types {
		m := t.view.(*compute.MachineType)
		for _, a := range m.Accelerators {
			path := zonePath(m.Zone) + "/acceleratorTypes/" + a.GuestAcceleratorType
			if !seen[path] {
				seen[path] = true
				all = append(all, item{int64(len(all)), &compute.AcceleratorType{
					Kind: "compute#acceleratorType", Id: stableID(path), Name: a.GuestAcceleratorType, Zone: link(zonePath(m.Zone)), SelfLink: link(path),
				}})
			}
		}
	}
	return all, nil
}

func (s *server) listAccelerators(_ http.ResponseWriter, r *http.Request) (any, error) {
	if err := s.checkZone(r.PathValue("zone")); err != nil {
		return nil, err
	}
	all, err := s.acceleratorItems(r.PathValue("zone"))
	if err != nil {
		return nil, err
	}
	return page(r, "compute#acceleratorTypeList", all)
}

func (s *server) aggregatedAccelerators(_ http.ResponseWriter, r *http.Request) (any, error) {
	all, err := s.acceleratorItems("")
	if err != nil {
		return nil, err
	}
	return s.aggregate(r, "compute#acceleratorTypeAggregatedList", "acceleratorTypes", all,
		func(v any) string { return lastPart(v.(*compute.AcceleratorType).Zone) })
}
