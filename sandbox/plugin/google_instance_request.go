package plugin

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/api/compute/v1"

	"skysail/internal/tfplugin"
)

// googleInstanceRequest is the instance as the API takes it.
func googleInstanceRequest(d *tfplugin.Data, project, zone string) *compute.Instance {
	in := &compute.Instance{
		Name: d.String("name"), Description: d.String("description"), CanIpForward: d.Bool("can_ip_forward"),
		MachineType:        fmt.Sprintf("projects/%s/zones/%s/machineTypes/%s", project, zone, linkName(d.String("machine_type"))),
		Labels:             d.StringMap("effective_labels"),
		Tags:               &compute.Tags{Items: d.Strings("tags")},
		Metadata:           &compute.Metadata{Items: metadataItems(d.StringMap("metadata"))},
		DeletionProtection: d.Bool("deletion_protection"),
		Scheduling:         googleScheduling(d.Objects("scheduling")),
		ForceSendFields:    []string{"CanIpForward", "DeletionProtection"},
	}
	for _, b := range d.Objects("boot_disk") {
		in.Disks = append(in.Disks, bootDisk(b, project, zone))
	}
	for _, a := range d.Objects("attached_disk") {
		in.Disks = append(in.Disks, attachedDisk(a, project, zone))
	}
	for _, n := range d.Objects("network_interface") {
		nic := &compute.NetworkInterface{Network: n.String("network"), Subnetwork: n.String("subnetwork")}
		if nic.Network != "" && !strings.Contains(nic.Network, "/") {
			nic.Network = fmt.Sprintf("projects/%s/global/networks/%s", project, nic.Network)
		}
		if nic.Subnetwork != "" && !strings.Contains(nic.Subnetwork, "/") {
			nic.Subnetwork = fmt.Sprintf("projects/%s/regions/%s/subnetworks/%s", project, zone[:strings.LastIndex(zone, "-")], nic.Subnetwork)
		}
		for _, a := range n.Objects("access_config") {
			nic.AccessConfigs = append(nic.AccessConfigs, &compute.AccessConfig{Type: "ONE_TO_ONE_NAT", NetworkTier: a.String("network_tier")})
		}
		in.NetworkInterfaces = append(in.NetworkInterfaces, nic)
	}
	for _, s := range d.Objects("shielded_instance_config") {
		in.ShieldedInstanceConfig = &compute.ShieldedInstanceConfig{
			EnableSecureBoot: s.Bool("enable_secure_boot"), EnableVtpm: s.Bool("enable_vtpm"),
			EnableIntegrityMonitoring: s.Bool("enable_integrity_monitoring"),
			ForceSendFields:           []string{"EnableSecureBoot", "EnableVtpm", "EnableIntegrityMonitoring"},
		}
	}
	for _, s := range d.Objects("service_account") {
		in.ServiceAccounts = append(in.ServiceAccounts, &compute.ServiceAccount{Email: s.String("email"), Scopes: s.Strings("scopes")})
	}
	return in
}

func metadataItems(m map[string]string) []*compute.MetadataItems {
	var out []*compute.MetadataItems
	for _, k := range slices.Sorted(maps.Keys(m)) {
		v := m[k]
		out = append(out, &compute.MetadataItems{Key: k, Value: &v})
	}
	return out
}

func bootDisk(b tfplugin.Object, project, zone string) *compute.AttachedDisk {
	out := &compute.AttachedDisk{Boot: true, AutoDelete: b.Bool("auto_delete"), DeviceName: b.String("device_name"), Mode: b.String("mode")}
	for _, p := range b.Objects("initialize_params") {
		out.InitializeParams = &compute.AttachedDiskInitializeParams{
			SourceImage: p.String("image"), DiskSizeGb: int64(p.Int("size")), Labels: p.StringMap("labels"),
		}
		if kind := p.String("type"); kind != "" {
			out.InitializeParams.DiskType = fmt.Sprintf("projects/%s/zones/%s/diskTypes/%s", project, zone, linkName(kind))
		}
	}
	return out
}

func attachedDisk(a tfplugin.Object, project, zone string) *compute.AttachedDisk {
	source := relativeLink(a.String("source"))
	if !strings.Contains(source, "/") {
		source = fmt.Sprintf("projects/%s/zones/%s/disks/%s", project, zone, source)
	}
	return &compute.AttachedDisk{Source: source, DeviceName: a.String("device_name"), Mode: a.String("mode")}
}

func googleScheduling(blocks []tfplugin.Object) *compute.Scheduling {
	on := true
	if len(blocks) == 0 {
		return &compute.Scheduling{AutomaticRestart: &on}
	}
	s := blocks[0]
	on = s.Bool("automatic_restart")
	out := &compute.Scheduling{
		AutomaticRestart: &on, Preemptible: s.Bool("preemptible"), OnHostMaintenance: s.String("on_host_maintenance"),
		ProvisioningModel: s.String("provisioning_model"), InstanceTerminationAction: s.String("instance_termination_action"),
	}
	for _, m := range s.Objects("max_run_duration") {
		out.MaxRunDuration = &compute.Duration{Seconds: int64(m.Int("seconds"))}
	}
	return out
}
