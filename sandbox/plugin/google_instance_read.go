package plugin

import (
	"context"
	"fmt"

	"github.com/zclconf/go-cty/cty"
	"google.golang.org/api/compute/v1"

	"skysail/internal/tfplugin"
)

func readGoogleInstance(ctx context.Context, c *googleCloud, d *tfplugin.Data) error {
	project, zone, instance := googleAt(d)
	i, err := c.Instances.Get(project, zone, instance).Context(ctx).Do()
	if googleMissing(err) {
		d.Gone()
		return nil
	}
	if err != nil {
		return worded(err, "Error when reading or editing Instance %q", instance)
	}
	metadata := map[string]string{}
	if i.Metadata != nil {
		for _, m := range i.Metadata.Items {
			if m.Value != nil {
				metadata[m.Key] = *m.Value
			}
		}
		d.Set("metadata_fingerprint", i.Metadata.Fingerprint)
	}
	if i.Tags != nil {
		d.Set("tags", append([]string{}, i.Tags.Items...))
		d.Set("tags_fingerprint", i.Tags.Fingerprint)
	}
	for name, v := range map[string]any{
		"metadata": metadata, "machine_type": linkName(i.MachineType), "label_fingerprint": i.LabelFingerprint,
		"cpu_platform": i.CpuPlatform, "min_cpu_platform": i.MinCpuPlatform, "deletion_protection": i.DeletionProtection,
		"can_ip_forward": i.CanIpForward, "self_link": i.SelfLink, "instance_id": fmt.Sprint(i.Id),
		"creation_timestamp": i.CreationTimestamp, "current_status": i.Status, "description": i.Description,
		"project": project, "zone": linkName(i.Zone), "name": i.Name,
	} {
		d.Set(name, v)
	}
	if !d.IsSet("deletion_policy") {
		d.Set("deletion_policy", c.deletion)
	}
	setGoogleLabels(d, i.Labels)
	setNetworkInterfaces(d, i)
	setScheduling(d, i.Scheduling)
	if s := i.ShieldedInstanceConfig; s != nil {
		d.Set("shielded_instance_config", cty.ListVal([]cty.Value{overlay(blockElement(d.Value("shielded_instance_config"), 0), map[string]any{
			"enable_secure_boot": s.EnableSecureBoot, "enable_vtpm": s.EnableVtpm, "enable_integrity_monitoring": s.EnableIntegrityMonitoring,
		})}))
	}
	return setDisks(ctx, c, d, i, project, zone)
}

func setNetworkInterfaces(d *tfplugin.Data, i *compute.Instance) {
	list := d.Value("network_interface")
	var out []cty.Value
	for n, nic := range i.NetworkInterfaces {
		base := blockElement(list, n)
		configs := base.GetAttr("access_config")
		accesses := cty.ListValEmpty(configs.Type().ElementType())
		var as []cty.Value
		for m, a := range nic.AccessConfigs {
			as = append(as, overlay(blockElement(configs, m), map[string]any{"nat_ip": a.NatIP, "network_tier": a.NetworkTier}))
		}
		if len(as) > 0 {
			accesses = cty.ListVal(as)
		}
		out = append(out, overlay(base, map[string]any{
			"name": nic.Name, "network": nic.Network, "subnetwork": nic.Subnetwork, "subnetwork_project": projectOfLink(nic.Subnetwork),
			"network_ip": nic.NetworkIP, "stack_type": nic.StackType, "nic_type": nic.NicType, "access_config": accesses,
			"ipv6_access_type": "", "ipv6_address": "", "parent_nic_name": "", "network_attachment": "", "igmp_query": "",
			"queue_count": nic.QueueCount, "internal_ipv6_prefix_length": 0,
		}))
	}
	d.Set("network_interface", cty.ListVal(out))
}

func projectOfLink(link string) string {
	var project string
	_, _ = fmt.Sscanf(relativeLink(link), "projects/%s", &project)
	for n, r := range project {
		if r == '/' {
			return project[:n]
		}
	}
	return project
}

func setScheduling(d *tfplugin.Data, s *compute.Scheduling) {
	if s == nil {
		return
	}
	base := blockElement(d.Value("scheduling"), 0)
	durations := base.GetAttr("max_run_duration")
	duration := cty.ListValEmpty(durations.Type().ElementType())
	if s.MaxRunDuration != nil {
		duration = cty.ListVal([]cty.Value{overlay(blockElement(durations, 0), map[string]any{"seconds": s.MaxRunDuration.Seconds, "nanos": s.MaxRunDuration.Nanos})})
	}
	d.Set("scheduling", cty.ListVal([]cty.Value{overlay(base, map[string]any{
		"on_host_maintenance": s.OnHostMaintenance, "automatic_restart": s.AutomaticRestart == nil || *s.AutomaticRestart,
		"preemptible": s.Preemptible, "provisioning_model": s.ProvisioningModel,
		"instance_termination_action": s.InstanceTerminationAction, "max_run_duration": duration,
	})}))
}

// setDisks reads the disk that the instance boots from and those beside it, in
// the order of the configuration.
func setDisks(ctx context.Context, c *googleCloud, d *tfplugin.Data, i *compute.Instance, project, zone string) error {
	planned := d.Value("attached_disk")
	attached := map[string]*compute.AttachedDisk{}
	var order []string
	for _, a := range i.Disks {
		if a.Boot {
			if err := setBootDisk(ctx, c, d, a, project, zone); err != nil {
				return err
			}
			continue
		}
		attached[linkName(a.Source)] = a
		order = append(order, linkName(a.Source))
	}
	var out []cty.Value
	put := func(base cty.Value, a *compute.AttachedDisk) {
		out = append(out, overlay(base, map[string]any{"source": a.Source, "device_name": a.DeviceName, "mode": a.Mode}))
		delete(attached, linkName(a.Source))
	}
	for _, e := range blockElements(planned) {
		if source := e.GetAttr("source"); source.IsKnown() && !source.IsNull() {
			if a := attached[linkName(source.AsString())]; a != nil {
				put(e, a)
			}
		}
	}
	for _, n := range order {
		if a := attached[n]; a != nil {
			put(blankBlock(planned.Type()), a)
		}
	}
	if len(out) == 0 {
		d.Set("attached_disk", cty.ListValEmpty(planned.Type().ElementType()))
		return nil
	}
	d.Set("attached_disk", cty.ListVal(out))
	return nil
}

func setBootDisk(ctx context.Context, c *googleCloud, d *tfplugin.Data, a *compute.AttachedDisk, project, zone string) error {
	base := blockElement(d.Value("boot_disk"), 0)
	disk, err := c.Disks.Get(project, zone, linkName(a.Source)).Context(ctx).Do()
	if err != nil {
		return worded(err, "Error when reading or editing Disk %q", linkName(a.Source))
	}
	params := base.GetAttr("initialize_params")
	d.Set("boot_disk", cty.ListVal([]cty.Value{overlay(base, map[string]any{
		"auto_delete": a.AutoDelete, "device_name": a.DeviceName, "mode": a.Mode, "source": a.Source,
		"guest_os_features": cty.ListValEmpty(cty.String),
		"initialize_params": cty.ListVal([]cty.Value{overlay(blockElement(params, 0), map[string]any{
			"image": disk.SourceImage, "size": disk.SizeGb, "type": linkName(disk.Type), "labels": disk.Labels,
			"architecture": disk.Architecture, "provisioned_iops": disk.ProvisionedIops, "provisioned_throughput": disk.ProvisionedThroughput,
			"resource_policies": cty.ListValEmpty(cty.String), "snapshot": "",
		})}),
	})}))
	return nil
}
