package gcp

import (
	"context"

	"skysail/clouds"
)

// Check asks for the project, which also shows its quotas. The call is free.
func (c *Cloud) Check(ctx context.Context) (clouds.Account, error) {
	api, err := c.connect(ctx)
	if err != nil {
		return clouds.Account{}, err
	}
	defer api.close()
	account := clouds.Account{Source: api.source}
	err = call(ctx, func(ctx context.Context) error {
		p, err := api.Projects.Get(api.project).Context(ctx).Do()
		if err == nil {
			account.ID = p.Name
		}
		return err
	})
	if err != nil {
		return clouds.Account{}, api.explain(err)
	}
	return account, nil
}
