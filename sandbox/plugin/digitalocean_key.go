package plugin

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/digitalocean/godo"

	"skysail/internal/tfplugin"
)

func doKeyResource() *tfplugin.Resource[*godo.Client] {
	return &tfplugin.Resource[*godo.Client]{
		ForceNew: []string{"public_key"},
		Same: map[string]func(a, b string) bool{
			"public_key": func(a, b string) bool { return strings.TrimSpace(a) == strings.TrimSpace(b) },
		},
		Validate: func(c tfplugin.Object) error { return notEmpty(c, "name", "public_key") },
		Create:   createDOKey,
		Read:     readDOKey,
		Update:   updateDOKey,
		Delete:   deleteDOKey,
	}
}

func createDOKey(ctx context.Context, client *godo.Client, d *tfplugin.Data) error {
	post, cancel := tfplugin.Grace(ctx, createGrace)
	defer cancel()
	key, _, err := client.Keys.Create(post, &godo.KeyCreateRequest{Name: d.String("name"), PublicKey: d.String("public_key")})
	if err != nil {
		return worded(err, "Error creating SSH Key")
	}
	d.SetID(strconv.Itoa(key.ID))
	err = waitFor(ctx, "there", nil, d.Timeout("create", 2*time.Minute), func(ctx context.Context) (string, error) {
		_, resp, err := client.Keys.GetByID(ctx, key.ID)
		if missing(resp) {
			return "", errNotFound
		}
		return "there", err
	})
	if err != nil {
		return worded(err, "Error retrieving SSH Key")
	}
	return readDOKey(ctx, client, d)
}

func readDOKey(ctx context.Context, client *godo.Client, d *tfplugin.Data) error {
	id, err := numericID(d, "SSH key")
	if err != nil {
		return err
	}
	key, resp, err := client.Keys.GetByID(ctx, id)
	if missing(resp) {
		d.Gone()
		return nil
	}
	if err != nil {
		return worded(err, "Error retrieving SSH key")
	}
	d.Set("name", key.Name)
	d.Set("fingerprint", key.Fingerprint)
	d.Set("public_key", key.PublicKey)
	return nil
}

func updateDOKey(ctx context.Context, client *godo.Client, d *tfplugin.Data) error {
	id, err := numericID(d, "SSH key")
	if err != nil {
		return err
	}
	if _, _, err := client.Keys.UpdateByID(ctx, id, &godo.KeyUpdateRequest{Name: d.String("name")}); err != nil {
		return worded(err, "Failed to update SSH key")
	}
	return readDOKey(ctx, client, d)
}

func deleteDOKey(ctx context.Context, client *godo.Client, d *tfplugin.Data) error {
	id, err := numericID(d, "SSH key")
	if err != nil {
		return err
	}
	if _, err := client.Keys.DeleteByID(ctx, id); err != nil {
		return worded(err, "Error deleting SSH key")
	}
	return nil
}
