package plugin

import (
	"context"
	"fmt"

	"github.com/vultr/govultr/v3"

	"skysail/internal/tfplugin"
)

func vultrKeyResource() *tfplugin.Resource[*vultrCloud] {
	return &tfplugin.Resource[*vultrCloud]{
		Create: createVultrKey,
		Read:   readVultrKey,
		Update: updateVultrKey,
		Delete: func(ctx context.Context, client *vultrCloud, d *tfplugin.Data) error {
			if err := client.SSHKey.Delete(ctx, d.ID()); err != nil {
				return fmt.Errorf("error destroying SSH key (%s): %w", d.ID(), client.words(err))
			}
			return nil
		},
	}
}

func createVultrKey(ctx context.Context, client *vultrCloud, d *tfplugin.Data) error {
	post, cancel := tfplugin.Grace(ctx, createGrace)
	defer cancel()
	key, _, err := client.SSHKey.Create(post, &govultr.SSHKeyReq{Name: d.String("name"), SSHKey: d.String("ssh_key")}) //nolint:bodyclose // govultr has read and closed it
	if err != nil {
		return fmt.Errorf("error creating SSH key: %w", client.words(err))
	}
	d.SetID(key.ID)
	return readVultrKey(ctx, client, d)
}

func readVultrKey(ctx context.Context, client *vultrCloud, d *tfplugin.Data) error {
	key, _, err := client.SSHKey.Get(ctx, d.ID()) //nolint:bodyclose // govultr has read and closed it
	if client.missing(err, "Invalid ssh key") {
		d.Gone()
		return nil
	}
	if err != nil {
		return fmt.Errorf("error getting SSH keys: %w", client.words(err))
	}
	d.Set("name", key.Name)
	d.Set("ssh_key", key.SSHKey)
	d.Set("date_created", key.DateCreated)
	return nil
}

func updateVultrKey(ctx context.Context, client *vultrCloud, d *tfplugin.Data) error {
	req := &govultr.SSHKeyReq{}
	if d.Changed("name") {
		req.Name = d.String("name")
	}
	if d.Changed("ssh_key") {
		req.SSHKey = d.String("ssh_key")
	}
	if err := client.SSHKey.Update(ctx, d.ID(), req); err != nil {
		return fmt.Errorf("error updating SSH key (%s): %w", d.ID(), client.words(err))
	}
	return readVultrKey(ctx, client, d)
}
