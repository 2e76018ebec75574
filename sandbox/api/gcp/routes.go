package gcp

import "strconv"

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }

// computeRoutes are the calls of Compute Engine's API v1.
func (s *server) computeRoutes() routes {
	const (
		project = "/compute/v1/projects/{project}"
		zone    = project + "/zones/{zone}"
		region  = project + "/regions/{region}"
		global  = project + "/global"
		one     = "/{name}"
	)
	const instance = zone + "/instances" + one
	const disk = zone + "/disks" + one
	rs := routes{
		"GET " + project:              s.getProject,
		"GET " + project + "/zones":   s.listZones,
		"GET " + zone:                 s.getZone,
		"GET " + project + "/regions": s.listRegions,
		"GET " + region:               s.getRegion,

		"GET " + zone + "/instances":                  s.listInstances,
		"POST " + zone + "/instances":                 s.insertInstance,
		"GET " + project + "/aggregated/instances":    s.aggregatedInstances,
		"GET " + instance:                             s.getInstance,
		"DELETE " + instance:                          s.deleteInstance,
		"POST " + instance + "/stop":                  s.stopInstance,
		"POST " + instance + "/start":                 s.startInstance,
		"POST " + instance + "/reset":                 s.resetInstance,
		"POST " + instance + "/setLabels":             s.setLabels,
		"POST " + instance + "/setTags":               s.setTags,
		"POST " + instance + "/setMetadata":           s.setMetadata,
		"POST " + instance + "/setScheduling":         s.setScheduling,
		"POST " + instance + "/setMachineType":        s.setMachineType,
		"POST " + instance + "/setDeletionProtection": s.setDeletionProtection,
		"POST " + instance + "/attachDisk":            s.attachDisk,
		"POST " + instance + "/detachDisk":            s.detachDisk,

		"GET " + zone + "/disks":               s.listDisks,
		"POST " + zone + "/disks":              s.insertDisk,
		"GET " + project + "/aggregated/disks": s.aggregatedDisks,
		"GET " + disk:                          s.getDisk,
		"DELETE " + disk:                       s.deleteDisk,
		"POST " + disk + "/setLabels":          s.setDiskLabels,
		"POST " + disk + "/resize":             s.resizeDisk,

		"GET " + global + "/firewalls":          s.listFirewalls,
		"POST " + global + "/firewalls":         s.insertFirewall,
		"GET " + global + "/firewalls" + one:    s.getFirewall,
		"PATCH " + global + "/firewalls" + one:  s.patchFirewall,
		"PUT " + global + "/firewalls" + one:    s.patchFirewall,
		"DELETE " + global + "/firewalls" + one: s.deleteFirewall,

		"GET " + zone + "/machineTypes":                   s.listMachineTypes,
		"GET " + zone + "/machineTypes" + one:             s.getMachineType,
		"GET " + project + "/aggregated/machineTypes":     s.aggregatedMachineTypes,
		"GET " + zone + "/acceleratorTypes":               s.listAccelerators,
		"GET " + project + "/aggregated/acceleratorTypes": s.aggregatedAccelerators,

		"GET " + global + "/images":              s.listImages,
		"GET " + global + "/images" + one:        s.getImage,
		"GET " + global + "/images/family" + one: s.getImageFromFamily,
		"GET " + global + "/networks":            s.listNetworks,
		"GET " + global + "/networks" + one:      s.getNetwork,
		"GET " + region + "/subnetworks" + one:   s.getSubnetwork,
	}
	for _, scope := range []string{zone, region, global} {
		rs["GET "+scope+"/operations"] = s.listOperations
		rs["GET "+scope+"/operations"+one] = s.getOperation
		rs["POST "+scope+"/operations"+one+"/wait"] = s.waitOperation
	}
	return rs
}
