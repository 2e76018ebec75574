package vultr

import (
	"context"
	"fmt"

	"skysail/clouds"
	"skysail/internal/apiclient"
)

// Delete removes one thing that Find returned, and returns once Vultr says
// that it is gone: its deletes do not wait. What is gone already is no error.
func (c *Cloud) Delete(ctx context.Context, r clouds.Resource) error {
	api, err := c.connect()
	if err != nil {
		return err
	}
	defer api.close()
	var del, get func(context.Context) error
	switch r.Kind {
	case kindInstance:
		del = func(ctx context.Context) error { return api.Instance.Delete(ctx, r.ID) }
		get = func(ctx context.Context) error { _, _, err := api.Instance.Get(ctx, r.ID); return err } //nolint:bodyclose // the SDK has closed it
	case kindFirewall:
		del = func(ctx context.Context) error { return api.FirewallGroup.Delete(ctx, r.ID) }
		get = func(ctx context.Context) error { _, _, err := api.FirewallGroup.Get(ctx, r.ID); return err } //nolint:bodyclose // the SDK has closed it
	case kindKey:
		del = func(ctx context.Context) error { return api.SSHKey.Delete(ctx, r.ID) }
		get = func(ctx context.Context) error { _, _, err := api.SSHKey.Get(ctx, r.ID); return err } //nolint:bodyclose // the SDK has closed it
	case kindBlockStorage:
		del = func(ctx context.Context) error { return api.BlockStorage.Delete(ctx, r.ID) }
		get = func(ctx context.Context) error { _, _, err := api.BlockStorage.Get(ctx, r.ID); return err } //nolint:bodyclose // the SDK has closed it
	case kindReservedIP:
		del = func(ctx context.Context) error { return api.ReservedIP.Delete(ctx, r.ID) }
		get = func(ctx context.Context) error { _, _, err := api.ReservedIP.Get(ctx, r.ID); return err } //nolint:bodyclose // the SDK has closed it
	default:
		return fmt.Errorf("skysail does not delete a Vultr %s: delete %s in the console", r.Kind, r.ID)
	}
	removal := apiclient.Removal{
		Name:     r.Kind + " " + r.ID,
		Delete:   func(ctx context.Context) error { return call(ctx, del) },
		Get:      func(ctx context.Context) error { return call(ctx, get) },
		Gone:     gone,
		Pause:    c.pause,
		Patience: c.patience,
	}
	if err := removal.Run(ctx); err != nil {
		return api.explain(err)
	}
	return nil
}
