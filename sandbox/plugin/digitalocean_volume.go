package plugin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/digitalocean/godo"

	"skysail/internal/tfplugin"
)

func doVolumeResource() *tfplugin.Resource[*godo.Client] {
	return &tfplugin.Resource[*godo.Client]{
		ForceNew:   []string{"region", "name", "description", "snapshot_id", "initial_filesystem_type", "initial_filesystem_label"},
		StateFuncs: map[string]func(string) string{"region": strings.ToLower},
		Refused: map[string]string{
			"filesystem_type": "It is deprecated; the real provider has initial_filesystem_type in its place.",
			"id":              "The API chooses the ID.",
		},
		Validate: func(c tfplugin.Object) error {
			var size error
			if c.IsKnown("size") && c.Int("size") < 1 {
				size = &tfplugin.Problem{Summary: fmt.Sprintf("expected size to be at least (1), got %d", c.Int("size")), Attribute: "size"}
			}
			return errors.Join(notEmpty(c, "name", "description", "snapshot_id", "initial_filesystem_label"), validTags(c, "tags"), size)
		},
		Plan: func(p *tfplugin.Plan) error {
			if !p.Creates() && p.IsKnown("size") && p.Int("size") < p.Prior.Int("size") {
				return errors.New("volumes `size` can only be expanded and not shrunk")
			}
			return nil
		},
		Create: createDOVolume,
		Read:   readDOVolume,
		Update: updateDOVolume,
		Delete: func(ctx context.Context, client *godo.Client, d *tfplugin.Data) error {
			if _, err := client.Storage.DeleteVolume(ctx, d.ID()); err != nil {
				return worded(err, "Error deleting volume")
			}
			return nil
		},
	}
}

func createDOVolume(ctx context.Context, client *godo.Client, d *tfplugin.Data) error {
	post, cancel := tfplugin.Grace(ctx, createGrace)
	defer cancel()
	v, _, err := client.Storage.CreateVolume(post, &godo.VolumeCreateRequest{
		Name: d.String("name"), Description: d.String("description"), Tags: d.Strings("tags"), Region: d.String("region"),
		SizeGigaBytes: int64(d.Int("size")), SnapshotID: d.String("snapshot_id"),
		FilesystemType: d.Config.String("initial_filesystem_type"), FilesystemLabel: d.String("initial_filesystem_label"),
	})
	if err != nil {
		return worded(err, "Error creating Volume")
	}
	d.SetID(v.ID)
	return readDOVolume(ctx, client, d)
}

func readDOVolume(ctx context.Context, client *godo.Client, d *tfplugin.Data) error {
	v, resp, err := client.Storage.GetVolume(ctx, d.ID())
	if missing(resp) {
		d.Gone()
		return nil
	}
	if err != nil {
		return worded(err, "Error retrieving volume")
	}
	d.Set("name", v.Name)
	if v.Region != nil {
		d.Set("region", v.Region.Slug)
	}
	d.Set("size", int(v.SizeGigaBytes))
	d.Set("urn", v.URN())
	d.Set("tags", v.Tags)
	d.Set("filesystem_type", v.FilesystemType)
	d.Set("filesystem_label", v.FilesystemLabel)
	d.Set("droplet_ids", append([]int{}, v.DropletIDs...))
	return nil
}

func updateDOVolume(ctx context.Context, client *godo.Client, d *tfplugin.Data) error {
	if d.Changed("size") {
		action, _, err := client.StorageActions.Resize(ctx, d.ID(), d.Int("size"), d.String("region"))
		if err == nil {
			err = waitForAction(ctx, client, action)
		}
		if err != nil {
			return worded(err, "Error resizing volume (%s)", d.ID())
		}
	}
	if d.Changed("tags") {
		if err := retag(ctx, client, d.ID(), godo.VolumeResourceType, d.Prior.Strings("tags"), d.Strings("tags")); err != nil {
			return worded(err, "Error updating tags")
		}
	}
	return readDOVolume(ctx, client, d)
}

// volumeWait is how long the real provider tries to attach and detach.
const volumeWait = 5 * time.Minute

func doAttachmentResource() *tfplugin.Resource[*godo.Client] {
	return &tfplugin.Resource[*godo.Client]{
		ForceNew: []string{"droplet_id", "volume_id"},
		Refused:  map[string]string{"id": "The provider chooses the ID."},
		Validate: func(c tfplugin.Object) error { return notEmpty(c, "volume_id") },
		Create:   attachDOVolume,
		Read:     readDOAttachment,
		Delete:   detachDOVolume,
	}
}

func attachDOVolume(ctx context.Context, client *godo.Client, d *tfplugin.Data) error {
	volume, droplet := d.String("volume_id"), d.Int("droplet_id")
	v, _, err := client.Storage.GetVolume(ctx, volume)
	if err != nil {
		return worded(err, "Error retrieving volume")
	}
	if !attachedTo(v, droplet) {
		err := untilFree(ctx, client, func(ctx context.Context) (*godo.Action, error) {
			action, _, err := client.StorageActions.Attach(ctx, volume, droplet)
			if err != nil {
				err = worded(err, "[WARN] Error attaching volume (%s) to Droplet (%d)", volume, droplet)
			}
			return action, err
		})
		if err != nil {
			return worded(err, "Error attaching volume to droplet after retry timeout")
		}
	}
	d.SetID(fmt.Sprintf("%d-%s-%d", droplet, volume, time.Now().UnixNano()))
	return nil
}

func attachedTo(v *godo.Volume, droplet int) bool {
	return len(v.DropletIDs) > 0 && v.DropletIDs[0] == droplet
}

func readDOAttachment(ctx context.Context, client *godo.Client, d *tfplugin.Data) error {
	v, resp, err := client.Storage.GetVolume(ctx, d.String("volume_id"))
	if err != nil && !missing(resp) {
		return worded(err, "Error retrieving volume")
	}
	if missing(resp) || !attachedTo(v, d.Int("droplet_id")) {
		d.Gone()
	}
	return nil
}

func detachDOVolume(ctx context.Context, client *godo.Client, d *tfplugin.Data) error {
	volume, droplet := d.String("volume_id"), d.Int("droplet_id")
	err := untilFree(ctx, client, func(ctx context.Context) (*godo.Action, error) {
		action, _, err := client.StorageActions.DetachByDropletID(ctx, volume, droplet)
		if err != nil {
			err = worded(err, "[WARN] Error detaching volume (%s) from Droplet (%d)", volume, droplet)
		}
		return action, err
	})
	if err != nil {
		return worded(err, "Error detaching volume from droplet after retry timeout")
	}
	return nil
}

// untilFree repeats an action while another one is going on with the droplet.
func untilFree(ctx context.Context, client *godo.Client, act func(context.Context) (*godo.Action, error)) error {
	ctx, cancel := context.WithTimeout(ctx, volumeWait)
	defer cancel()
	for {
		action, err := act(ctx)
		if err == nil {
			return waitForAction(ctx, client, action)
		}
		if !strings.Contains(err.Error(), "Droplet already has a pending event.") {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(pollEvery):
		}
	}
}
