package plugin

import (
	"context"
	"fmt"

	"google.golang.org/api/compute/v1"

	"skysail/internal/tfplugin"
)

func googleDiskResource(settings *googleSettings) *tfplugin.Resource[*googleCloud] {
	const none = "The simulated Google Cloud has nothing for it."
	refused := map[string]string{"id": "The API chooses the ID."}
	for _, a := range []string{
		"access_mode", "architecture", "create_snapshot_before_destroy", "create_snapshot_before_destroy_prefix",
		"enable_confidential_compute", "image", "licenses", "physical_block_size_bytes", "provisioned_iops", "provisioned_throughput",
		"snapshot", "source_disk", "source_instant_snapshot", "source_storage_object", "storage_pool", "async_primary_disk",
		"disk_encryption_key", "guest_os_features", "params", "source_image_encryption_key", "source_snapshot_encryption_key",
	} {
		refused[a] = none
	}
	return &tfplugin.Resource[*googleCloud]{
		ForceNew: []string{"name", "project", "zone", "type", "description"},
		Defaults: map[string]any{"type": "pd-standard", "create_snapshot_before_destroy": false},
		Refused:  refused,
		Same:     map[string]func(a, b string) bool{"type": sameName, "zone": sameName},
		Validate: validGoogleName,
		Plan: func(p *tfplugin.Plan) error {
			settings.planLabels(p)
			settings.planDefaults(p, "project", "zone", "deletion_policy")
			if !p.Creates() && p.IsKnown("size") && p.Int("size") < p.Prior.Int("size") {
				p.Replace("size") // a disk only grows
			}
			return nil
		},
		Create: createGoogleDisk,
		Read:   readGoogleDisk,
		Update: updateGoogleDisk,
		Delete: deleteGoogleDisk,
	}
}

func createGoogleDisk(ctx context.Context, c *googleCloud, d *tfplugin.Data) error {
	project, err := c.projectOf(d)
	if err != nil {
		return err
	}
	zone, err := c.zoneOf(d)
	if err != nil {
		return err
	}
	in := &compute.Disk{
		Name: d.String("name"), Description: d.String("description"), SizeGb: int64(d.Int("size")), Labels: d.StringMap("effective_labels"),
		Type: fmt.Sprintf("projects/%s/zones/%s/diskTypes/%s", project, zone, linkName(d.String("type"))),
	}
	post, cancel := tfplugin.Grace(ctx, createGrace)
	defer cancel()
	op, err := c.Disks.Insert(project, zone, in).Context(post).Do()
	if err != nil {
		return worded(err, "Error creating Disk")
	}
	if err := c.wait(ctx, op, project, "Creating Disk", d.Timeout("create", googleTimeout)); err != nil {
		return worded(err, "Error waiting to create Disk")
	}
	d.SetID(fmt.Sprintf("projects/%s/zones/%s/disks/%s", project, zone, in.Name))
	d.Set("project", project)
	d.Set("zone", zone)
	return readGoogleDisk(ctx, c, d)
}

func readGoogleDisk(ctx context.Context, c *googleCloud, d *tfplugin.Data) error {
	project, zone, disk := googleAt(d)
	v, err := c.Disks.Get(project, zone, disk).Context(ctx).Do()
	if googleMissing(err) {
		d.Gone()
		return nil
	}
	if err != nil {
		return worded(err, "Error when reading or editing ComputeDisk %q", d.ID())
	}
	for attr, value := range map[string]any{
		"name": v.Name, "zone": linkName(v.Zone), "project": project, "description": v.Description, "size": int(v.SizeGb), "type": linkName(v.Type),
		"self_link": v.SelfLink, "disk_id": fmt.Sprint(v.Id), "creation_timestamp": v.CreationTimestamp, "label_fingerprint": v.LabelFingerprint,
		"last_attach_timestamp": v.LastAttachTimestamp, "last_detach_timestamp": v.LastDetachTimestamp,
		"physical_block_size_bytes": int(v.PhysicalBlockSizeBytes), "access_mode": v.AccessMode, "users": append([]string{}, v.Users...),
		"licenses": append([]string{}, v.Licenses...), "provisioned_iops": int(v.ProvisionedIops),
		"provisioned_throughput": int(v.ProvisionedThroughput), "enable_confidential_compute": v.EnableConfidentialCompute,
		"source_disk_id": v.SourceDiskId, "source_image_id": v.SourceImageId, "source_snapshot_id": v.SourceSnapshotId,
		"source_instant_snapshot_id": v.SourceInstantSnapshotId,
	} {
		d.Set(attr, value)
	}
	if !d.IsSet("deletion_policy") {
		d.Set("deletion_policy", c.deletion)
	}
	setGoogleLabels(d, v.Labels)
	return nil
}

func updateGoogleDisk(ctx context.Context, c *googleCloud, d *tfplugin.Data) error {
	project, zone, disk := googleAt(d)
	timeout := d.Timeout("update", googleTimeout)
	if d.Changed("effective_labels") {
		op, err := c.Disks.SetLabels(project, zone, disk, &compute.ZoneSetLabelsRequest{
			Labels: d.StringMap("effective_labels"), LabelFingerprint: d.Prior.String("label_fingerprint"),
		}).Context(ctx).Do()
		if err != nil {
			return worded(err, "Error updating Disk %q labels", d.ID())
		}
		if err := c.wait(ctx, op, project, "Updating Disk", timeout); err != nil {
			return err
		}
	}
	if d.Changed("size") {
		op, err := c.Disks.Resize(project, zone, disk, &compute.DisksResizeRequest{SizeGb: int64(d.Int("size"))}).Context(ctx).Do()
		if err != nil {
			return worded(err, "Error resizing Disk %q", d.ID())
		}
		if err := c.wait(ctx, op, project, "Updating Disk", timeout); err != nil {
			return err
		}
	}
	return readGoogleDisk(ctx, c, d)
}

// deleteGoogleDisk detaches the disk first, as the real provider does.
func deleteGoogleDisk(ctx context.Context, c *googleCloud, d *tfplugin.Data) error {
	if skip, err := googleDeletion(d, "ComputeDisk"); err != nil || skip {
		return err
	}
	project, zone, disk := googleAt(d)
	timeout := d.Timeout("delete", googleTimeout)
	v, err := c.Disks.Get(project, zone, disk).Context(ctx).Do()
	if googleMissing(err) {
		return nil
	}
	if err != nil {
		return worded(err, "Error when reading or editing ComputeDisk %q", d.ID())
	}
	for _, user := range v.Users {
		if err := detachGoogleDisk(ctx, c, d, project, zone, linkName(user), v.SelfLink); err != nil {
			return err
		}
	}
	op, err := c.Disks.Delete(project, zone, disk).Context(ctx).Do()
	if googleMissing(err) {
		return nil
	}
	if err != nil {
		return worded(err, "Error when reading or editing Disk")
	}
	return c.wait(ctx, op, project, "Deleting Disk", timeout)
}

func detachGoogleDisk(ctx context.Context, c *googleCloud, d *tfplugin.Data, project, zone, instance, self string) error {
	i, err := c.Instances.Get(project, zone, instance).Context(ctx).Do()
	if googleMissing(err) {
		return nil
	}
	if err != nil {
		return worded(err, "Error retrieving instance %s", instance)
	}
	for _, a := range i.Disks {
		if !sameLink(a.Source, self) {
			continue
		}
		op, err := c.Instances.DetachDisk(project, zone, instance, a.DeviceName).Context(ctx).Do()
		if err != nil {
			return worded(err, "Error detaching disk %s from instance %s/%s/%s", a.DeviceName, project, zone, instance)
		}
		if err := c.wait(ctx, op, project, fmt.Sprintf("Detaching disk from %s/%s/%s", project, zone, instance), d.Timeout("delete", googleTimeout)); err != nil {
			return err
		}
	}
	return nil
}
