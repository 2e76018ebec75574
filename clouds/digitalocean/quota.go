package digitalocean

import (
	"context"
	"net/http"

	"github.com/digitalocean/godo"
	"golang.org/x/sync/errgroup"

	"skysail/clouds"
	"skysail/clouds/faults"
)

// Quota compares the account's limit of droplets, which is the same for all
// regions, with how many there are. A token without the scope account:read is
// not told, and that is no error. See
// https://docs.digitalocean.com/reference/api/reference/account/.
func (c *Cloud) Quota(ctx context.Context, want clouds.Want) (clouds.Room, error) {
	api, err := c.connect()
	if err != nil {
		return clouds.Room{}, err
	}
	defer api.close()
	var account *godo.Account
	used := -1
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		account, _, err = api.Account.Get(gctx)
		return err
	})
	g.Go(func() error {
		_, resp, err := api.Droplets.List(gctx, &godo.ListOptions{PerPage: 1})
		if err == nil && resp.Meta != nil {
			used = resp.Meta.Total
		}
		return err
	})
	err = g.Wait()
	switch {
	case status(err) == http.StatusForbidden:
		return clouds.Room{}, nil
	case err != nil:
		return clouds.Room{}, api.explain(err, "account:read")
	case account == nil || account.DropletLimit <= 0 || used < 0:
		return clouds.Room{}, nil
	}
	return clouds.Room{
		Limit: "droplet_limit", Max: float64(account.DropletLimit), Used: float64(used), Need: float64(want.Count), Scope: faults.ScopeProvider,
	}, nil
}
