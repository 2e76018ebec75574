package gcp

import (
	"maps"
	"net/http"
	"slices"

	"google.golang.org/api/compute/v1"

	"skysail/sandbox/world"
)

func regionPath(region string) string { return "projects/" + Project + "/regions/" + region }

func zoneView(zone, region string) *compute.Zone {
	return &compute.Zone{
		Kind: "compute#zone", Id: stableID(zone), Name: zone, Description: zone, Status: "UP",
		Region: link(regionPath(region)), SelfLink: link(zonePath(zone)),
	}
}

func (s *server) getZone(_ http.ResponseWriter, r *http.Request) (any, error) {
	zones, err := s.zones()
	if err != nil {
		return nil, err
	}
	zone := r.PathValue("zone")
	region, ok := zones[zone]
	if !ok {
		return nil, notFound(zonePath(zone))
	}
	return zoneView(zone, region), nil
}

func (s *server) listZones(_ http.ResponseWriter, r *http.Request) (any, error) {
	zones, err := s.zones()
	if err != nil {
		return nil, err
	}
	var all []item
	for n, z := range slices.Sorted(maps.Keys(zones)) {
		all = append(all, item{int64(n), zoneView(z, zones[z])})
	}
	return page(r, "compute#zoneList", all)
}

// regionView has the quota that decides how many machines fit, and how much of
// it is used.
func regionView(st *world.State, region string, zones map[string]string) *compute.Region {
	v := &compute.Region{
		Kind: "compute#region", Id: stableID(region), Name: region, Description: region, Status: "UP", SelfLink: link(regionPath(region)),
	}
	for _, z := range slices.Sorted(maps.Keys(zones)) {
		if zones[z] == region {
			v.Zones = append(v.Zones, link(zonePath(z)))
		}
	}
	v.Quotas = regionQuotas(st, region)
	return v
}

func (s *server) getRegion(_ http.ResponseWriter, r *http.Request) (any, error) {
	zones, err := s.zones()
	if err != nil {
		return nil, err
	}
	region := r.PathValue("region")
	v := regionView(s.World.State(), region, zones)
	if len(v.Zones) == 0 {
		return nil, notFound(regionPath(region))
	}
	return v, nil
}

func (s *server) listRegions(_ http.ResponseWriter, r *http.Request) (any, error) {
	zones, err := s.zones()
	if err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Values(zones))
	var all []item
	for n, region := range slices.Compact(names) {
		all = append(all, item{int64(n), regionView(s.World.State(), region, zones)})
	}
	return page(r, "compute#regionList", all)
}

func networkView() *compute.Network {
	path := "projects/" + Project + "/global/networks/" + defaultNetwork
	return &compute.Network{
		Kind: "compute#network", Id: stableID(path), Name: defaultNetwork, Description: "Default network for the project",
		AutoCreateSubnetworks: true, SelfLink: link(path), RoutingConfig: &compute.NetworkRoutingConfig{RoutingMode: "REGIONAL"},
	}
}

func (s *server) getNetwork(_ http.ResponseWriter, r *http.Request) (any, error) {
	if name := r.PathValue("name"); name != defaultNetwork {
		return nil, notFound("projects/" + Project + "/global/networks/" + name)
	}
	return networkView(), nil
}

func (s *server) listNetworks(_ http.ResponseWriter, r *http.Request) (any, error) {
	return page(r, "compute#networkList", []item{{1, networkView()}})
}

func (s *server) getSubnetwork(_ http.ResponseWriter, r *http.Request) (any, error) {
	region, name := r.PathValue("region"), r.PathValue("name")
	path := regionPath(region) + "/subnetworks/" + name
	if _, err := s.getRegion(nil, r); err != nil || name != defaultNetwork {
		return nil, notFound(path)
	}
	return &compute.Subnetwork{
		Kind: "compute#subnetwork", Id: stableID(path), Name: name, Network: networkView().SelfLink, Region: link(regionPath(region)),
		IpCidrRange: "10.128.0.0/16", GatewayAddress: "10.128.0.1", StackType: "IPV4_ONLY", SelfLink: link(path),
	}, nil
}

func (s *server) getProject(_ http.ResponseWriter, _ *http.Request) (any, error) {
	cpus := 0.0
	for _, i := range s.World.State().ServersOf(provider) {
		cpus += float64(i.VCPU)
	}
	return &compute.Project{
		Kind: "compute#project", Id: numeric(projectNumber), Name: Project, DefaultNetworkTier: "PREMIUM",
		DefaultServiceAccount: projectNumber + "-compute@developer.gserviceaccount.com", SelfLink: link("projects/" + Project),
		Quotas: []*compute.Quota{quota("CPUS_ALL_REGIONS", cpuLimit, cpus)},
	}, nil
}

// noAddresses is the list of reserved addresses, of which there are none: what
// an instance has comes and goes with it.
func (s *server) noAddresses(_ http.ResponseWriter, r *http.Request) (any, error) {
	return s.aggregate(r, "compute#addressAggregatedList", "addresses", nil, nil)
}
