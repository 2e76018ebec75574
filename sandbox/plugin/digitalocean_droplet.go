package plugin

import (
	"context"
	"crypto/sha1" //nolint:gosec // not for security: the real provider keeps user data as this digest
	"encoding/hex"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/digitalocean/godo"

	"skysail/internal/tfplugin"
)

// The real provider's defaults for the timeouts block.
const (
	dropletCreateTimeout = 60 * time.Minute
	dropletUpdateTimeout = 60 * time.Minute
	dropletDeleteTimeout = 60 * time.Second
)

func dropletResource() *tfplugin.Resource[*godo.Client] {
	return &tfplugin.Resource[*godo.Client]{
		ForceNew: []string{
			"image", "region", "ssh_keys", "user_data", "monitoring", "droplet_agent", "vpc_uuid",
			"gpu_partition_mode", "public_networking",
		},
		Defaults: map[string]any{
			"backups": false, "graceful_shutdown": false, "ipv6": false, "monitoring": false, "resize_disk": true,
		},
		Refused: map[string]string{
			"backups":            "The simulated DigitalOcean makes no backups.",
			"backup_policy":      "The simulated DigitalOcean makes no backups.",
			"volume_ids":         "The simulated DigitalOcean attaches volumes to droplets that are there: use digitalocean_volume_attachment.",
			"private_networking": "It is deprecated; the real provider puts every droplet into a VPC.",
			"ipv6_address":       "The API chooses the address.",
			"id":                 "The API chooses the ID.",
		},
		StateFuncs: map[string]func(string) string{
			"region":    strings.ToLower,
			"size":      strings.ToLower,
			"user_data": digest,
		},
		Validate: func(c tfplugin.Object) error {
			return errors.Join(notEmpty(c, "image", "name", "region", "size", "user_data", "vpc_uuid"), validTags(c, "tags"))
		},
		Plan: func(p *tfplugin.Plan) error {
			if p.Creates() || p.Bool("ipv6") == p.Prior.Bool("ipv6") {
				return nil
			}
			if p.Bool("ipv6") {
				p.SetUnknown("ipv6_address")
			} else {
				p.Replace("ipv6")
			}
			return nil
		},
		Create: createDroplet,
		Read:   readDroplet,
		Update: updateDroplet,
		Delete: deleteDroplet,
	}
}

func digest(s string) string {
	sum := sha1.Sum([]byte(s)) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

func createDroplet(ctx context.Context, client *godo.Client, d *tfplugin.Data) error {
	post, cancel := tfplugin.Grace(ctx, createGrace)
	defer cancel()
	droplet, _, err := client.Droplets.Create(post, dropletRequest(d))
	if err != nil {
		return worded(err, "Error creating droplet")
	}
	d.SetID(strconv.Itoa(droplet.ID))
	if err := waitForDroplet(ctx, client, d, "active", []string{"new"}, d.Timeout("create", dropletCreateTimeout), statusOf); err != nil {
		return worded(err, "Error waiting for droplet (%s) to become ready", d.ID())
	}
	return nil
}

func dropletRequest(d *tfplugin.Data) *godo.DropletCreateRequest {
	req := &godo.DropletCreateRequest{
		Name:             d.String("name"),
		Region:           d.String("region"),
		Size:             d.String("size"),
		IPv6:             d.Bool("ipv6"),
		Monitoring:       d.Bool("monitoring"),
		Tags:             d.Strings("tags"),
		VPCUUID:          d.String("vpc_uuid"),
		GPUPartitionMode: d.String("gpu_partition_mode"),
		// The plan and the state hold the digest only.
		UserData: d.Config.String("user_data"),
	}
	if id, err := strconv.Atoi(d.String("image")); err == nil {
		req.Image.ID = id
	} else {
		req.Image.Slug = d.String("image")
	}
	if d.Config.IsSet("droplet_agent") {
		req.WithDropletAgent = godo.PtrTo(d.Config.Bool("droplet_agent"))
	}
	if d.Config.IsSet("public_networking") && !d.Config.Bool("public_networking") {
		req.PublicNetworking = godo.PtrTo(false)
	}
	for _, key := range d.Strings("ssh_keys") {
		if id, err := strconv.Atoi(key); err == nil {
			req.SSHKeys = append(req.SSHKeys, godo.DropletCreateSSHKey{ID: id})
		} else {
			req.SSHKeys = append(req.SSHKeys, godo.DropletCreateSSHKey{Fingerprint: key})
		}
	}
	return req
}

func readDroplet(ctx context.Context, client *godo.Client, d *tfplugin.Data) error {
	id, err := numericID(d, "droplet")
	if err != nil {
		return err
	}
	droplet, resp, err := client.Droplets.Get(ctx, id)
	if missing(resp) {
		d.Gone()
		return nil
	}
	if err != nil {
		return worded(err, "Error retrieving droplet")
	}
	setDroplet(d, droplet)
	return nil
}

// setDroplet leaves the image alone, as the real provider does: a slug comes
// to mean another image with time.
func setDroplet(d *tfplugin.Data, droplet *godo.Droplet) {
	d.Set("name", droplet.Name)
	d.Set("urn", droplet.URN())
	if droplet.Region != nil {
		d.Set("region", droplet.Region.Slug)
	}
	if droplet.Size != nil {
		d.Set("size", droplet.Size.Slug)
		d.Set("price_hourly", droplet.Size.PriceHourly)
		d.Set("price_monthly", droplet.Size.PriceMonthly)
	}
	d.Set("disk", droplet.Disk)
	d.Set("vcpus", droplet.Vcpus)
	d.Set("memory", droplet.Memory)
	d.Set("status", droplet.Status)
	d.Set("locked", droplet.Locked)
	d.Set("created_at", droplet.Created)
	d.Set("vpc_uuid", droplet.VPCUUID)
	if droplet.GPUPartitionMode != "" {
		d.Set("gpu_partition_mode", droplet.GPUPartitionMode)
	}
	public, private, v6 := dropletAddresses(droplet)
	d.Set("ipv4_address", public)
	d.Set("ipv4_address_private", private)
	d.Set("ipv6_address", v6)
	d.Set("public_networking", public != "")
	if f := droplet.Features; f != nil {
		d.Set("backups", slices.Contains(f, "backups"))
		d.Set("ipv6", slices.Contains(f, "ipv6"))
		d.Set("private_networking", slices.Contains(f, "private_networking"))
		d.Set("monitoring", slices.Contains(f, "monitoring"))
	}
	d.Set("volume_ids", append([]string{}, droplet.VolumeIDs...))
	d.Set("tags", droplet.Tags)
}

func dropletAddresses(droplet *godo.Droplet) (public, private, v6 string) {
	if droplet.Networks == nil {
		return "", "", ""
	}
	for _, a := range droplet.Networks.V4 {
		if net.ParseIP(a.IPAddress) == nil {
			continue
		}
		switch {
		case a.Type == "public" && public == "":
			public = a.IPAddress
		case a.Type == "private" && private == "":
			private = a.IPAddress
		}
	}
	for _, a := range droplet.Networks.V6 {
		if a.Type == "public" && net.ParseIP(a.IPAddress) != nil {
			return public, private, strings.ToLower(a.IPAddress)
		}
	}
	return public, private, ""
}

func statusOf(d *godo.Droplet) string { return d.Status }

// waitForDroplet looks at a droplet until what of it is the target, and keeps
// what it saw last. A locked droplet is one that an action works on: whatever
// it says is not final.
func waitForDroplet(ctx context.Context, client *godo.Client, d *tfplugin.Data, target string, pending []string, timeout time.Duration, of func(*godo.Droplet) string) error {
	id, err := numericID(d, "droplet")
	if err != nil {
		return err
	}
	return waitFor(ctx, target, pending, timeout, func(ctx context.Context) (string, error) {
		droplet, resp, err := client.Droplets.Get(ctx, id)
		if missing(resp) {
			return "", errNotFound
		}
		if err != nil {
			return "", worded(err, "Error retrieving droplet")
		}
		setDroplet(d, droplet)
		if droplet.Locked {
			return pending[0], nil
		}
		return of(droplet), nil
	})
}
