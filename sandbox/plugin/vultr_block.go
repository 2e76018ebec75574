package plugin

import (
	"context"
	"fmt"
	"time"

	"github.com/vultr/govultr/v3"

	"skysail/internal/tfplugin"
)

// blockWait is how long the real provider waits for block storage before it
// attaches it.
const blockWait = 30 * time.Second

func vultrBlockResource() *tfplugin.Resource[*vultrCloud] {
	const bootable = "The simulated Vultr has no bootable block storage."
	return &tfplugin.Resource[*vultrCloud]{
		ForceNew: []string{"region", "block_type"},
		Defaults: map[string]any{"label": "", "live": false},
		Refused: map[string]string{
			"bootable": bootable, "os_id": bootable, "snapshot_id": bootable, "id": "The API chooses the ID.",
		},
		Create: createVultrBlock,
		Read:   readVultrBlock,
		Update: updateVultrBlock,
		Delete: func(ctx context.Context, client *vultrCloud, d *tfplugin.Data) error {
			if err := client.BlockStorage.Delete(ctx, d.ID()); err != nil {
				return fmt.Errorf("error deleting block storage (%s): %w", d.ID(), client.words(err))
			}
			return nil
		},
	}
}

func createVultrBlock(ctx context.Context, client *vultrCloud, d *tfplugin.Data) error {
	post, cancel := tfplugin.Grace(ctx, createGrace)
	defer cancel()
	b, _, err := client.BlockStorage.Create(post, &govultr.BlockStorageCreate{ //nolint:bodyclose // govultr has read and closed it
		Region: d.String("region"), SizeGB: d.Int("size_gb"), Label: d.String("label"), BlockType: d.Config.String("block_type"),
	})
	if err != nil {
		return fmt.Errorf("error creating block storage: %w", client.words(err))
	}
	d.SetID(b.ID)
	if instance := d.Config.String("attached_to_instance"); instance != "" {
		err := waitFor(ctx, "active", []string{"pending"}, blockWait, func(ctx context.Context) (string, error) {
			b, _, err := client.BlockStorage.Get(ctx, d.ID()) //nolint:bodyclose // govultr has read and closed it
			if err != nil {
				return "", fmt.Errorf("error attaching: %w", client.words(err))
			}
			return b.Status, nil
		})
		if err != nil {
			return err
		}
		if err := attachVultrBlock(ctx, client, d, instance); err != nil {
			return err
		}
	}
	return readVultrBlock(ctx, client, d)
}

func attachVultrBlock(ctx context.Context, client *vultrCloud, d *tfplugin.Data, instance string) error {
	live := d.Bool("live")
	if err := client.BlockStorage.Attach(ctx, d.ID(), &govultr.BlockStorageAttach{InstanceID: instance, Live: &live}); err != nil {
		return fmt.Errorf("error attaching block storage (%s): %w", d.ID(), client.words(err))
	}
	return nil
}

func readVultrBlock(ctx context.Context, client *vultrCloud, d *tfplugin.Data) error {
	b, _, err := client.BlockStorage.Get(ctx, d.ID()) //nolint:bodyclose // govultr has read and closed it
	if client.missing(err, "Invalid block storage ID") {
		d.Gone()
		return nil
	}
	if err != nil {
		return fmt.Errorf("error getting block storage: %w", client.words(err))
	}
	d.Set("date_created", b.DateCreated)
	d.Set("cost", b.Cost)
	d.Set("pending_charges", b.PendingCharges)
	d.Set("status", b.Status)
	d.Set("size_gb", b.SizeGB)
	d.Set("region", b.Region)
	d.Set("attached_to_instance", b.AttachedToInstance)
	d.Set("attached_to_instance_ip", b.AttachedToInstanceIP)
	d.Set("attached_to_instance_label", b.AttachedToInstanceLabel)
	d.Set("label", b.Label)
	d.Set("mount_id", b.MountID)
	d.Set("block_type", b.BlockType)
	return nil
}

func updateVultrBlock(ctx context.Context, client *vultrCloud, d *tfplugin.Data) error {
	req := &govultr.BlockStorageUpdate{}
	if d.Changed("label") {
		req.Label = d.String("label")
	}
	if d.Changed("size_gb") {
		req.SizeGB = d.Int("size_gb")
	}
	if *req != (govultr.BlockStorageUpdate{}) {
		if err := client.BlockStorage.Update(ctx, d.ID(), req); err != nil {
			return fmt.Errorf("error getting block storage: %w", client.words(err))
		}
	}
	if d.Changed("attached_to_instance") {
		if err := moveVultrBlock(ctx, client, d); err != nil {
			return err
		}
	}
	return readVultrBlock(ctx, client, d)
}

// moveVultrBlock detaches it from one instance, unless that is gone already,
// and attaches it to another.
func moveVultrBlock(ctx context.Context, client *vultrCloud, d *tfplugin.Data) error {
	b, _, err := client.BlockStorage.Get(ctx, d.ID()) //nolint:bodyclose // govultr has read and closed it
	if err != nil {
		return fmt.Errorf("error getting block storage: %w", client.words(err))
	}
	if b.AttachedToInstance != "" {
		live := d.Bool("live")
		if err := client.BlockStorage.Detach(ctx, d.ID(), &govultr.BlockStorageDetach{Live: &live}); err != nil {
			return fmt.Errorf("error detaching block storage (%s): %w", d.ID(), client.words(err))
		}
	}
	instance := d.Config.String("attached_to_instance")
	if instance == "" {
		return nil
	}
	return attachVultrBlock(ctx, client, d, instance)
}
