package digitalocean

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"skysail/clouds"
	"skysail/internal/apiclient"
)

// Delete removes one thing that Find returned, and returns once DigitalOcean
// says that it is gone. What is gone already is no error.
func (c *Cloud) Delete(ctx context.Context, r clouds.Resource) error {
	api, err := c.connect()
	if err != nil {
		return err
	}
	defer api.close()
	removal := apiclient.Removal{Name: r.Kind + " " + r.ID, Pause: c.pause, Patience: c.patience}
	scope := ""
	switch r.Kind {
	case kindDroplet:
		scope = "droplet:delete"
		err = byNumber(&removal, r.ID,
			func(ctx context.Context, n int) error { _, err := api.Droplets.Delete(ctx, n); return err },
			func(ctx context.Context, n int) error { _, _, err := api.Droplets.Get(ctx, n); return err })
	case kindKey:
		scope = "ssh_key:delete"
		err = byNumber(&removal, r.ID,
			func(ctx context.Context, n int) error { _, err := api.Keys.DeleteByID(ctx, n); return err },
			func(ctx context.Context, n int) error { _, _, err := api.Keys.GetByID(ctx, n); return err })
	case kindFirewall:
		scope = "firewall:delete"
		removal.Delete = func(ctx context.Context) error { _, err := api.Firewalls.Delete(ctx, r.ID); return err }
		removal.Get = func(ctx context.Context) error { _, _, err := api.Firewalls.Get(ctx, r.ID); return err }
	case kindLoadBalancer:
		scope = "load_balancer:delete"
		removal.Delete = func(ctx context.Context) error { _, err := api.LoadBalancers.Delete(ctx, r.ID); return err }
		removal.Get = func(ctx context.Context) error { _, _, err := api.LoadBalancers.Get(ctx, r.ID); return err }
	case kindVolume:
		scope = "block_storage:delete"
		removal.Delete = func(ctx context.Context) error { _, err := api.Storage.DeleteVolume(ctx, r.ID); return err }
		removal.Get = func(ctx context.Context) error { _, _, err := api.Storage.GetVolume(ctx, r.ID); return err }
	case kindSnapshot:
		scope = "snapshot:delete"
		removal.Delete = func(ctx context.Context) error { _, err := api.Snapshots.Delete(ctx, r.ID); return err }
		removal.Get = func(ctx context.Context) error { _, _, err := api.Snapshots.Get(ctx, r.ID); return err }
	case kindTag:
		scope = "tag:delete"
		if gone, err := unused(ctx, api, r.ID); gone || err != nil {
			return err
		}
		removal.Delete = func(ctx context.Context) error { _, err := api.Tags.Delete(ctx, r.ID); return err }
		removal.Get = func(ctx context.Context) error { _, _, err := api.Tags.Get(ctx, r.ID); return err }
	default:
		err = fmt.Errorf("skysail does not delete a DigitalOcean %s: delete %s in the control panel", r.Kind, r.ID)
	}
	if err != nil {
		return err
	}
	if err := removal.Run(ctx); err != nil {
		return api.explain(err, scope)
	}
	return nil
}

// byNumber fills in the calls for things whose ID is a number.
func byNumber(removal *apiclient.Removal, id string, del, get func(context.Context, int) error) error {
	n, err := strconv.Atoi(id)
	if err != nil {
		return fmt.Errorf("%s: the ID is not a number", removal.Name)
	}
	removal.Delete = func(ctx context.Context) error { return del(ctx, n) }
	removal.Get = func(ctx context.Context) error { return get(ctx, n) }
	return nil
}

// unused refuses to delete a tag that is on something: what then still runs
// could no longer be found by it.
func unused(ctx context.Context, api *client, name string) (gone bool, err error) {
	t, _, err := api.Tags.Get(ctx, name)
	switch {
	case status(err) == http.StatusNotFound:
		return true, nil
	case err != nil:
		return false, fmt.Errorf("reading the tag %s: %w", name, api.explain(err, "tag:read"))
	case carried(t) > 0:
		return false, fmt.Errorf("the tag %s is still on %d things: it stays until they are gone", name, carried(t))
	default:
		return false, nil
	}
}
