package plugin

import (
	"context"

	"github.com/digitalocean/godo"

	"skysail/internal/tfplugin"
)

func doTagResource() *tfplugin.Resource[*godo.Client] {
	return &tfplugin.Resource[*godo.Client]{
		ForceNew: []string{"name"},
		Validate: func(c tfplugin.Object) error {
			if !c.IsKnown("name") {
				return nil
			}
			return validTag("name", c.String("name"))
		},
		Create: createDOTag,
		Read:   readDOTag,
		Delete: func(ctx context.Context, client *godo.Client, d *tfplugin.Data) error {
			if _, err := client.Tags.Delete(ctx, d.ID()); err != nil {
				return worded(err, "Error deleting tag")
			}
			return nil
		},
	}
}

func createDOTag(ctx context.Context, client *godo.Client, d *tfplugin.Data) error {
	post, cancel := tfplugin.Grace(ctx, createGrace)
	defer cancel()
	tag, _, err := client.Tags.Create(post, &godo.TagCreateRequest{Name: d.String("name")})
	if err != nil {
		return worded(err, "Error creating tag")
	}
	d.SetID(tag.Name)
	return readDOTag(ctx, client, d)
}

func readDOTag(ctx context.Context, client *godo.Client, d *tfplugin.Data) error {
	tag, resp, err := client.Tags.Get(ctx, d.ID())
	if missing(resp) {
		d.Gone()
		return nil
	}
	if err != nil {
		return worded(err, "Error retrieving tag")
	}
	counts := orZero(tag.Resources)
	d.Set("name", tag.Name)
	d.Set("total_resource_count", counts.Count)
	d.Set("droplets_count", orZero(counts.Droplets).Count)
	d.Set("images_count", orZero(counts.Images).Count)
	d.Set("volumes_count", orZero(counts.Volumes).Count)
	d.Set("volume_snapshots_count", orZero(counts.VolumeSnapshots).Count)
	d.Set("databases_count", orZero(counts.Databases).Count)
	return nil
}

func orZero[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
