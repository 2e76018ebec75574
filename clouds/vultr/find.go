package vultr

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/vultr/govultr/v3"
	"golang.org/x/sync/errgroup"

	"skysail/clouds"
	"skysail/internal/apiclient"
)

// The kinds of things that Find returns and Delete takes.
const (
	kindInstance     = "instance"
	kindBlockStorage = "block_storage"
	kindReservedIP   = "reserved_ip"
	kindFirewall     = "firewall_group"
	kindKey          = "ssh_key"
)

// lookup lists what of one kind belongs to a deployment.
type lookup struct {
	kind string
	// extra marks what no module makes.
	extra bool
	list  func(ctx context.Context, id string) ([]clouds.Resource, error)
}

// lookups are in the order in which things must be deleted.
func lookups(api *client) []lookup {
	return []lookup{
		{kind: kindInstance, list: api.instances},
		{kind: kindBlockStorage, extra: true, list: api.blocks},
		{kind: kindReservedIP, extra: true, list: api.reservedIPs},
		{kind: kindFirewall, list: api.firewalls},
		{kind: kindKey, list: api.keys},
	}
}

// Find returns everything that belongs to a deployment, in the order in which
// it must be deleted. Only instances have tags at Vultr; all else, and an
// instance whose tags are not set yet, is known by its name.
func (c *Cloud) Find(ctx context.Context, deploymentID string) ([]clouds.Resource, error) {
	if err := clouds.CheckID(deploymentID); err != nil {
		return nil, err
	}
	return c.search(ctx, deploymentID)
}

// FindAll returns what Find does, of all deployments, of this installation and
// of any other in the account; each thing says whose it is. May be retried.
func (c *Cloud) FindAll(ctx context.Context) ([]clouds.Resource, error) {
	list, err := c.search(ctx, clouds.Any)
	if err != nil {
		return nil, err
	}
	return clouds.WithDeployment(list), nil
}

func (c *Cloud) search(ctx context.Context, deploymentID string) ([]clouds.Resource, error) {
	api, err := c.connect()
	if err != nil {
		return nil, err
	}
	defer api.close()

	kinds := lookups(api)
	found := make([][]clouds.Resource, len(kinds))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(3)
	for i, l := range kinds {
		g.Go(func() error {
			var err error
			found[i], err = l.list(gctx, deploymentID)
			if err == nil || l.extra && apiclient.Status(err) == http.StatusNotImplemented {
				return nil // an API without such things holds none
			}
			return fmt.Errorf("listing %s: %w", plural[l.kind], api.explain(err))
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	out := []clouds.Resource{}
	for _, list := range found {
		out = append(out, list...)
	}
	return out, nil
}

var plural = map[string]string{
	kindInstance: "instances", kindBlockStorage: "block storage", kindReservedIP: "reserved IPs",
	kindFirewall: "firewall groups", kindKey: "SSH keys",
}

func (c *client) instances(ctx context.Context, id string) ([]clouds.Resource, error) {
	list, err := all(ctx, c.Instance.List)
	if err != nil {
		return nil, err
	}
	var out []clouds.Resource
	var plans []string
	for _, i := range list {
		if !clouds.Tagged(i.Tags, id) && !clouds.Named(i.Label, id) {
			continue
		}
		r := resource(kindInstance, i.ID, i.Label)
		r.Region, r.CreatedAt = i.Region, when(i.DateCreated)
		if i.Tags != nil {
			r.Tags = i.Tags
		}
		out, plans = append(out, r), append(plans, i.Plan)
	}
	if len(out) == 0 {
		return nil, nil
	}
	// What exists counts for more than what it costs.
	prices, err := all(ctx, c.plans)
	if err != nil {
		return out, nil //nolint:nilerr // the price stays unknown
	}
	for i := range out {
		for _, p := range prices {
			if p.ID == plans[i] {
				out[i].PriceUSD = p.HourlyCost
			}
		}
	}
	return out, nil
}

// plan is a plan with the price that the SDK's own type leaves out.
type plan struct {
	ID         string  `json:"id"`
	HourlyCost float64 `json:"hourly_cost"`
}

func (c *client) plans(ctx context.Context, options *govultr.ListOptions) ([]plan, *govultr.Meta, *http.Response, error) {
	req, err := c.NewRequest(ctx, http.MethodGet, "/v2/plans", nil)
	if err != nil {
		return nil, nil, nil, err
	}
	q := req.URL.Query()
	q.Set("type", "all")
	q.Set("per_page", fmt.Sprint(options.PerPage))
	if options.Cursor != "" {
		q.Set("cursor", options.Cursor)
	}
	req.URL.RawQuery = q.Encode()
	var body struct {
		Plans []plan        `json:"plans"`
		Meta  *govultr.Meta `json:"meta"`
	}
	resp, err := c.DoWithContext(ctx, req, &body)
	return body.Plans, body.Meta, resp, err
}

func (c *client) firewalls(ctx context.Context, id string) ([]clouds.Resource, error) {
	return named(ctx, id, c.FirewallGroup.List, func(f govultr.FirewallGroup) clouds.Resource {
		r := resource(kindFirewall, f.ID, f.Description)
		r.CreatedAt = when(f.DateCreated)
		return r
	})
}

func (c *client) keys(ctx context.Context, id string) ([]clouds.Resource, error) {
	return named(ctx, id, c.SSHKey.List, func(k govultr.SSHKey) clouds.Resource {
		r := resource(kindKey, k.ID, k.Name)
		r.CreatedAt = when(k.DateCreated)
		return r
	})
}

// hoursAMonth is how Vultr gets from the price of a month to that of an hour.
const hoursAMonth = 730

func (c *client) blocks(ctx context.Context, id string) ([]clouds.Resource, error) {
	return named(ctx, id, c.BlockStorage.List, func(b govultr.BlockStorage) clouds.Resource {
		r := resource(kindBlockStorage, b.ID, b.Label)
		r.Region, r.CreatedAt, r.PriceUSD = b.Region, when(b.DateCreated), float64(b.Cost)/hoursAMonth
		return r
	})
}

func (c *client) reservedIPs(ctx context.Context, id string) ([]clouds.Resource, error) {
	return named(ctx, id, c.ReservedIP.List, func(ip govultr.ReservedIP) clouds.Resource {
		r := resource(kindReservedIP, ip.ID, ip.Label)
		r.Region = ip.Region
		return r
	})
}

// named lists what has a name of the deployment.
func named[T any](ctx context.Context, id string, list func(context.Context, *govultr.ListOptions) ([]T, *govultr.Meta, *http.Response, error), view func(T) clouds.Resource) ([]clouds.Resource, error) {
	items, err := all(ctx, list)
	if err != nil {
		return nil, err
	}
	var out []clouds.Resource
	for _, item := range items {
		if r := view(item); clouds.Named(r.Name, id) {
			out = append(out, r)
		}
	}
	return out, nil
}

// when reads a time; what is no time is none.
func when(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return t
}
