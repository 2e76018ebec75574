package plugin

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/api/compute/v1"

	"skysail/internal/tfplugin"
)

// updateGoogleInstance makes one call for each thing that changed, as the API
// wants it.
func updateGoogleInstance(ctx context.Context, c *googleCloud, d *tfplugin.Data) error {
	project, zone, instance := googleAt(d)
	now, err := c.Instances.Get(project, zone, instance).Context(ctx).Do()
	if err != nil {
		return worded(err, "Error when reading or editing Instance %q", instance)
	}
	timeout := d.Timeout("update", googleTimeout)
	done := func(op *compute.Operation, err error, what, activity string) error {
		if err != nil {
			return worded(err, "Error updating %s", what)
		}
		return c.wait(ctx, op, project, activity, timeout)
	}
	if d.Changed("metadata") {
		op, err := c.Instances.SetMetadata(project, zone, instance, &compute.Metadata{
			Items: metadataItems(d.StringMap("metadata")), Fingerprint: now.Metadata.Fingerprint,
		}).Context(ctx).Do()
		if err := done(op, err, "metadata", "metadata to update"); err != nil {
			return err
		}
	}
	if d.Changed("tags") {
		op, err := c.Instances.SetTags(project, zone, instance, &compute.Tags{Items: d.Strings("tags"), Fingerprint: now.Tags.Fingerprint}).Context(ctx).Do()
		if err := done(op, err, "tags", "tags to update"); err != nil {
			return err
		}
	}
	if d.Changed("effective_labels") {
		op, err := c.Instances.SetLabels(project, zone, instance, &compute.InstancesSetLabelsRequest{
			Labels: d.StringMap("effective_labels"), LabelFingerprint: now.LabelFingerprint,
		}).Context(ctx).Do()
		if err := done(op, err, "labels", "labels to update"); err != nil {
			return err
		}
	}
	if d.Changed("scheduling") {
		op, err := c.Instances.SetScheduling(project, zone, instance, googleScheduling(d.Objects("scheduling"))).Context(ctx).Do()
		if err := done(op, err, "scheduling policy", "scheduling policy update"); err != nil {
			return err
		}
	}
	if d.Changed("attached_disk") {
		if err := changeAttached(ctx, c, d, done); err != nil {
			return err
		}
	}
	if d.Changed("deletion_protection") {
		op, err := c.Instances.SetDeletionProtection(project, zone, instance).DeletionProtection(d.Bool("deletion_protection")).Context(ctx).Do()
		if err := done(op, err, "deletion protection flag", "deletion protection to update"); err != nil {
			return err
		}
	}
	if d.Changed("machine_type") {
		if err := changeMachineType(ctx, c, d, done); err != nil {
			return err
		}
	}
	return readGoogleInstance(ctx, c, d)
}

type opDone func(op *compute.Operation, err error, what, activity string) error

// changeAttached detaches what is not wanted any more and attaches what is new.
func changeAttached(ctx context.Context, c *googleCloud, d *tfplugin.Data, done opDone) error {
	project, zone, instance := googleAt(d)
	key := func(a tfplugin.Object) string {
		return linkName(a.String("source")) + " " + a.String("device_name") + " " + a.String("mode")
	}
	wanted := map[string]bool{}
	for _, a := range d.Objects("attached_disk") {
		wanted[key(a)] = true
	}
	had := map[string]bool{}
	for _, a := range d.Prior.Objects("attached_disk") {
		had[key(a)] = true
		if wanted[key(a)] {
			continue
		}
		op, err := c.Instances.DetachDisk(project, zone, instance, a.String("device_name")).Context(ctx).Do()
		if err := done(op, err, "attached disks", "detaching disk"); err != nil {
			return err
		}
	}
	for _, a := range d.Objects("attached_disk") {
		if had[key(a)] {
			continue
		}
		op, err := c.Instances.AttachDisk(project, zone, instance, attachedDisk(a, project, zone)).Context(ctx).Do()
		if err := done(op, err, "attached disks", "disks to attach"); err != nil {
			return err
		}
	}
	return nil
}

// changeMachineType stops the instance, changes it and starts it again, where
// the configuration allows that.
func changeMachineType(ctx context.Context, c *googleCloud, d *tfplugin.Data, done opDone) error {
	project, zone, instance := googleAt(d)
	if !d.Bool("allow_stopping_for_update") {
		return errors.New("Changing the machine_type, min_cpu_platform, service_account, enable_display, shielded_instance_config, scheduling.node_affinities, " + //nolint:staticcheck // the real provider's words
			"scheduling.max_run_duration or network_interface.[#d].(network/subnetwork/subnetwork_project) or advanced_machine_features on a started instance requires stopping it. " +
			"To acknowledge this, please set allow_stopping_for_update = true in your config. You can also stop it by setting desired_status = \"TERMINATED\", but the instance will not be restarted after the update.")
	}
	op, err := c.Instances.Stop(project, zone, instance).Context(ctx).Do()
	if err := done(op, err, "stopping instance", "stopping instance"); err != nil {
		return err
	}
	op, err = c.Instances.SetMachineType(project, zone, instance, &compute.InstancesSetMachineTypeRequest{
		MachineType: fmt.Sprintf("projects/%s/zones/%s/machineTypes/%s", project, zone, linkName(d.String("machine_type"))),
	}).Context(ctx).Do()
	if err := done(op, err, "machinetype", "updating machinetype"); err != nil {
		return err
	}
	op, err = c.Instances.Start(project, zone, instance).Context(ctx).Do()
	return done(op, err, "starting instance", "starting instance")
}
