package plugin

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/digitalocean/godo"

	"skysail/internal/tfplugin"
)

func updateDroplet(ctx context.Context, client *godo.Client, d *tfplugin.Data) error {
	id, err := numericID(d, "droplet")
	if err != nil {
		return err
	}
	// What is wanted is read before the waits below put what they see into d.
	size, name, ipv6, tags := d.String("size"), d.String("name"), d.Bool("ipv6"), d.Strings("tags")
	if d.Changed("size") {
		if err := resizeDroplet(ctx, client, d, id, size); err != nil {
			return err
		}
	}
	timeout := d.Timeout("update", dropletUpdateTimeout)
	if before := d.Prior.String("name"); before != name {
		if _, _, err := client.DropletActions.Rename(ctx, id, name); err != nil {
			return worded(err, "Error renaming droplet (%s)", d.ID())
		}
		err := waitForDroplet(ctx, client, d, name, []string{before}, timeout, func(d *godo.Droplet) string { return d.Name })
		if err != nil {
			return worded(err, "Error waiting for rename droplet (%s) to finish", d.ID())
		}
	}
	if ipv6 && !d.Prior.Bool("ipv6") {
		if _, _, err := client.DropletActions.EnableIPv6(ctx, id); err != nil {
			return worded(err, "Error turning on ipv6 for droplet (%s)", d.ID())
		}
		err := waitForDroplet(ctx, client, d, "true", []string{"false"}, timeout, func(d *godo.Droplet) string {
			return strconv.FormatBool(slices.Contains(d.Features, "ipv6"))
		})
		if err != nil {
			return worded(err, "Error waiting for ipv6 to be turned on for droplet (%s)", d.ID())
		}
		d.Warn("Enabling IPv6 requires additional OS-level configuration",
			"When enabling IPv6 on an existing Droplet, additional OS-level configuration is required. For more info, see: \nhttps://docs.digitalocean.com/products/networking/ipv6/how-to/enable/#on-existing-droplets")
	}
	if err := retag(ctx, client, d.ID(), godo.DropletResourceType, d.Prior.Strings("tags"), tags); err != nil {
		return worded(err, "Error updating tags")
	}
	return readDroplet(ctx, client, d)
}

func resizeDroplet(ctx context.Context, client *godo.Client, d *tfplugin.Data, id int, size string) error {
	timeout := d.Timeout("update", dropletUpdateTimeout)
	powerOn := func() error {
		if _, _, err := client.DropletActions.PowerOn(ctx, id); err != nil {
			return err
		}
		return waitForDroplet(ctx, client, d, "active", []string{"off"}, timeout, statusOf)
	}
	if _, _, err := client.DropletActions.PowerOff(ctx, id); err != nil && !strings.Contains(err.Error(), "Droplet is already powered off") {
		return worded(err, "Error powering off droplet (%s)", d.ID())
	}
	if err := waitForDroplet(ctx, client, d, "off", []string{"active"}, timeout, statusOf); err != nil {
		return worded(err, "Error waiting for droplet (%s) to become powered off", d.ID())
	}
	action, _, err := client.DropletActions.Resize(ctx, id, size, d.Bool("resize_disk"))
	if err == nil {
		err = waitForAction(ctx, client, action)
	}
	if err != nil {
		if onErr := powerOn(); onErr != nil {
			return worded(err, "Error powering on droplet (%s) after failed resize", d.ID())
		}
		return worded(err, "Error resizing droplet (%s)", d.ID())
	}
	if err := powerOn(); err != nil {
		return worded(err, "Error powering on droplet (%s) after resize", d.ID())
	}
	return nil
}

func waitForAction(ctx context.Context, client *godo.Client, action *godo.Action) error {
	return waitFor(ctx, "completed", []string{"in-progress"}, dropletUpdateTimeout, func(ctx context.Context) (string, error) {
		a, _, err := client.Actions.Get(ctx, action.ID)
		if err != nil {
			return "", err
		}
		return a.Status, nil
	})
}

func retag(ctx context.Context, client *godo.Client, id string, kind godo.ResourceType, before, after []string) error {
	thing := []godo.Resource{{ID: id, Type: kind}}
	for _, tag := range before {
		if slices.Contains(after, tag) {
			continue
		}
		if _, err := client.Tags.UntagResources(ctx, tag, &godo.UntagResourcesRequest{Resources: thing}); err != nil {
			return err
		}
	}
	for _, tag := range after {
		if slices.Contains(before, tag) {
			continue
		}
		created, _, err := client.Tags.Create(ctx, &godo.TagCreateRequest{Name: tag})
		if err != nil {
			return err
		}
		if _, err := client.Tags.TagResources(ctx, created.Name, &godo.TagResourcesRequest{Resources: thing}); err != nil {
			return err
		}
	}
	return nil
}

func deleteDroplet(ctx context.Context, client *godo.Client, d *tfplugin.Data) error {
	id, err := numericID(d, "droplet")
	if err != nil {
		return err
	}
	timeout := d.Timeout("delete", dropletDeleteTimeout)
	err = waitFor(ctx, "unlocked", []string{"locked"}, timeout, func(ctx context.Context) (string, error) {
		droplet, resp, err := client.Droplets.Get(ctx, id)
		switch {
		case missing(resp):
			return "unlocked", nil // gone already, and the delete below says so
		case err != nil:
			return "", worded(err, "Error retrieving droplet")
		case droplet.Locked:
			return "locked", nil
		default:
			return "unlocked", nil
		}
	})
	if err != nil {
		return worded(err, "Error waiting for droplet to be unlocked for destroy (%s)", d.ID())
	}
	if d.Bool("graceful_shutdown") {
		if _, _, err := client.DropletActions.Shutdown(ctx, id); err != nil {
			return worded(err, "Error shutting down the the droplet (%s)", d.ID())
		}
		if err := waitForDroplet(ctx, client, d, "off", []string{"active"}, timeout, statusOf); err != nil {
			return worded(err, "Error waiting for droplet (%s) to become off", d.ID())
		}
	}
	// The real provider drops this error and finds out a minute later, by
	// waiting in vain for the droplet to be gone.
	if resp, err := client.Droplets.Delete(ctx, id); missing(resp) {
		return nil
	} else if err != nil {
		return worded(err, "Error deleting droplet")
	}
	err = waitFor(ctx, "Not Found", []string{"active", "off", "new", "archive"}, timeout, func(ctx context.Context) (string, error) {
		droplet, resp, err := client.Droplets.Get(ctx, id)
		if missing(resp) {
			return "Not Found", nil
		}
		if err != nil {
			return "", worded(err, "Error retrieving droplet")
		}
		return droplet.Status, nil
	})
	if err != nil {
		return worded(err, "Error deleting droplet")
	}
	return nil
}
