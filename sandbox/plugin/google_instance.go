package plugin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	tfjson "github.com/hashicorp/terraform-json"

	"skysail/internal/lazyregexp"
	"skysail/internal/tfplugin"
)

const googleInstance = "google_compute_instance"

// What can be changed in place here.
var googleInstanceChanges = []string{
	"labels", "terraform_labels", "effective_labels", "tags", "metadata", "machine_type", "allow_stopping_for_update",
	"deletion_protection", "deletion_policy", "scheduling", "attached_disk",
}

// googleInstanceBlocks are the rules of an instance's blocks.
func googleInstanceBlocks(s *tfjson.SchemaBlock) *nested {
	return &nested{
		schema: s,
		defaults: map[string]any{
			"boot_disk.auto_delete": true, "boot_disk.mode": "READ_WRITE", "boot_disk.force_attach": false,
			"attached_disk.mode": "READ_WRITE", "attached_disk.force_attach": false,
			"scheduling.automatic_restart": true, "scheduling.preemptible": false,
			"shielded_instance_config.enable_secure_boot": false, "shielded_instance_config.enable_vtpm": true,
			"shielded_instance_config.enable_integrity_monitoring": true,
		},
		same: map[string]func(before, after string) bool{
			"boot_disk.initialize_params.image": sameImage, "boot_disk.source": sameLink, "attached_disk.source": sameLink,
			"network_interface.network": sameLink, "network_interface.subnetwork": sameLink,
			"boot_disk.initialize_params.type": sameName,
		},
		forceNew: []string{
			"boot_disk", "boot_disk.device_name", "boot_disk.mode", "boot_disk.initialize_params", "boot_disk.initialize_params.type",
			"boot_disk.initialize_params.image", "network_interface", "scheduling.preemptible", "scheduling.provisioning_model",
			"scheduling.max_run_duration", "scheduling.max_run_duration.seconds",
		},
		filled: []string{"scheduling", "shielded_instance_config", "guest_accelerator", "boot_disk.initialize_params"},
		served: []string{
			"boot_disk.auto_delete", "boot_disk.device_name", "boot_disk.mode", "boot_disk.initialize_params.image",
			"boot_disk.initialize_params.size", "boot_disk.initialize_params.type", "boot_disk.initialize_params.labels",
			"attached_disk.source", "attached_disk.device_name", "attached_disk.mode",
			"network_interface.network", "network_interface.subnetwork", "network_interface.subnetwork_project",
			"network_interface.access_config.network_tier",
			"scheduling.on_host_maintenance", "scheduling.automatic_restart", "scheduling.preemptible", "scheduling.provisioning_model",
			"scheduling.instance_termination_action", "scheduling.max_run_duration.seconds",
			"shielded_instance_config.enable_secure_boot", "shielded_instance_config.enable_vtpm",
			"shielded_instance_config.enable_integrity_monitoring", "service_account.email", "service_account.scopes",
		},
	}
}

func googleInstanceResource(s *tfjson.SchemaBlock, settings *googleSettings) *tfplugin.Resource[*googleCloud] {
	const none = "The simulated Google Cloud has nothing for it."
	blocks := googleInstanceBlocks(s)
	all := append(slices.Sorted(maps.Keys(s.Attributes)), slices.Sorted(maps.Keys(s.NestedBlocks))...)
	refused := map[string]string{"id": "The API chooses the ID.", "metadata_startup_script": "A simulated machine takes cloud-init's user-data only."}
	for _, a := range []string{
		"desired_status", "enable_display", "hostname", "key_revocation_action_type", "min_cpu_platform", "resource_policies",
		"advanced_machine_features", "confidential_instance_config", "guest_accelerator", "instance_encryption_key",
		"network_performance_config", "params", "reservation_affinity", "scratch_disk", "workload_identity_config",
	} {
		refused[a] = none
	}
	return &tfplugin.Resource[*googleCloud]{
		ForceNew: []string{"name", "zone", "project"},
		Defaults: map[string]any{"deletion_protection": false, "can_ip_forward": false},
		Refused:  refused,
		Same:     map[string]func(a, b string) bool{"machine_type": sameName, "zone": sameName},
		Validate: func(c tfplugin.Object) error {
			return errors.Join(append(blocks.unserved(c), validGoogleName(c))...)
		},
		Plan: func(p *tfplugin.Plan) error {
			settings.planLabels(p)
			settings.planDefaults(p, "project", "zone", "deletion_policy")
			blocks.plan(p)
			return onlyGoogleChanges(p, googleInstance, all, googleInstanceChanges)
		},
		Create: createGoogleInstance,
		Read:   readGoogleInstance,
		Update: updateGoogleInstance,
		Delete: deleteGoogleInstance,
	}
}

var googleName = lazyregexp.New(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`)

func validGoogleName(c tfplugin.Object) error {
	if n := c.String("name"); n != "" && !googleName.MatchString(n) {
		return &tfplugin.Problem{Summary: fmt.Sprintf(`"name" (%q) doesn't match regexp %q`, n, googleName), Attribute: "name"}
	}
	return nil
}

// imageDate ends the name of an image: families have none.
var imageDate = lazyregexp.New(`-v\d{8}$`)

// sameImage compares an image's link with the image or the family that is
// wanted. Without a call this can only go by the names: an image has the words
// of its family in their order, and more.
func sameImage(have, want string) bool {
	project, _, ok := strings.Cut(strings.TrimPrefix(relativeLink(want), "projects/"), "/")
	if ok && !strings.HasPrefix(relativeLink(have), "projects/"+project+"/") {
		return false
	}
	image, family := linkName(have), linkName(want)
	if image == family {
		return true
	}
	if strings.Contains(image, "arm64") != strings.Contains(family, "arm64") {
		return false
	}
	words := strings.Split(imageDate.ReplaceAllString(image, ""), "-")
	for _, w := range strings.Split(family, "-") {
		if w == "lts" {
			continue
		}
		i := slices.Index(words, w)
		if i < 0 {
			return false
		}
		words = words[i+1:]
	}
	return true
}

func createGoogleInstance(ctx context.Context, c *googleCloud, d *tfplugin.Data) error {
	project, err := c.projectOf(d)
	if err != nil {
		return err
	}
	zone, err := c.zoneOf(d)
	if err != nil {
		return err
	}
	in := googleInstanceRequest(d, project, zone)
	for _, disk := range in.Disks {
		if p := disk.InitializeParams; p != nil && p.SourceImage != "" {
			image, err := c.resolveImage(ctx, p.SourceImage)
			if err != nil {
				return fmt.Errorf("Error resolving image name '%s': %w", p.SourceImage, err)
			}
			p.SourceImage = image
		}
	}
	post, cancel := tfplugin.Grace(ctx, createGrace)
	defer cancel()
	op, err := c.Instances.Insert(project, zone, in).Context(post).Do()
	if err != nil {
		return worded(err, "Error creating instance")
	}
	timeout := d.Timeout("create", googleTimeout)
	// As the real provider, this one forgets what it could not wait for: from
	// here on only a sweep finds it.
	if err := c.wait(ctx, op, project, "instance to create", timeout); err != nil {
		return err
	}
	d.SetID(fmt.Sprintf("projects/%s/zones/%s/instances/%s", project, zone, in.Name))
	d.Set("project", project)
	d.Set("zone", zone)
	if err := c.awaitStatus(ctx, project, zone, in.Name, "RUNNING", timeout); err != nil {
		return worded(err, "Error waiting for status")
	}
	return readGoogleInstance(ctx, c, d)
}

func (c *googleCloud) awaitStatus(ctx context.Context, project, zone, instance, status string, timeout time.Duration) error {
	others := []string{"PROVISIONING", "REPAIRING", "RUNNING", "STAGING", "STOPPED", "STOPPING", "SUSPENDED", "SUSPENDING", "TERMINATED"}
	err := waitFor(ctx, status, others, timeout, func(ctx context.Context) (string, error) {
		i, err := c.Instances.Get(project, zone, instance).Context(ctx).Do()
		if err != nil {
			return "", err
		}
		return i.Status, nil
	})
	if err != nil {
		return worded(err, "Error waiting for instance to reach desired status %s", status)
	}
	return nil
}

// googleAt reads out of the ID where an instance or a disk is.
func googleAt(d *tfplugin.Data) (project, zone, thing string) {
	parts := strings.Split(d.ID(), "/")
	if len(parts) != 6 {
		return d.String("project"), d.String("zone"), d.String("name")
	}
	return parts[1], parts[3], parts[5]
}

func deleteGoogleInstance(ctx context.Context, c *googleCloud, d *tfplugin.Data) error {
	if skip, err := googleDeletion(d, fmt.Sprintf("%q", d.ID())); err != nil || skip {
		return err
	}
	project, zone, instance := googleAt(d)
	if d.Bool("deletion_protection") {
		return fmt.Errorf("Cannot delete instance %s: instance Deletion Protection is enabled. Set deletion_protection to false for this resource and run \"terraform apply\" before attempting to delete it.", instance) //nolint:staticcheck // the real provider's words
	}
	op, err := c.Instances.Delete(project, zone, instance).Context(ctx).Do()
	if err != nil {
		return worded(err, "Error deleting instance")
	}
	err = c.wait(ctx, op, project, "instance to delete", d.Timeout("delete", googleTimeout))
	if err == nil {
		return nil
	}
	// An operation that is done counts as a success, whatever became of it.
	if now, opErr := c.operation(ctx, op, project); opErr == nil && now.Status == "DONE" {
		return nil
	}
	return err
}
