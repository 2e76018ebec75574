package digitalocean

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/digitalocean/godo"
	"golang.org/x/sync/errgroup"

	"skysail/clouds"
)

// The kinds of things that Find returns and Delete takes.
const (
	kindDroplet      = "droplet"
	kindLoadBalancer = "load_balancer"
	kindVolume       = "volume"
	kindSnapshot     = "snapshot"
	kindFirewall     = "firewall"
	kindKey          = "ssh_key"
	kindTag          = "tag"
)

// lookup lists what of one kind belongs to a deployment.
type lookup struct {
	kind string
	// scope is what the call needs of a token with custom scopes.
	scope string
	// extra marks what most deployments do not have, so that a token need not
	// have its scope.
	extra bool
	list  func(ctx context.Context, id string) ([]clouds.Resource, error)
}

// lookups are in the order in which things must be deleted.
func lookups(api *client) []lookup {
	return []lookup{
		{kind: kindDroplet, scope: "droplet:read", list: api.droplets},
		{kind: kindLoadBalancer, scope: "load_balancer:read", extra: true, list: tagged(api.LoadBalancers.List, loadBalancer)},
		{kind: kindVolume, scope: "block_storage:read", extra: true, list: api.ownVolumes},
		{kind: kindSnapshot, scope: "snapshot:read", extra: true, list: tagged(api.Snapshots.List, snapshot)},
		{kind: kindFirewall, scope: "firewall:read", list: api.firewalls},
		{kind: kindKey, scope: "ssh_key:read", list: api.keys},
	}
}

// Find returns everything that belongs to a deployment, in the order in which
// it must be deleted.
//
// Droplets are found by name as well as by tag, because a deleted tag
// vanishes from everything that had it: Terraform can delete the tag while a
// droplet that it does not know of still runs.
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

	// The tag first: what is tagged after this call is newer than the search.
	carriers, err := api.tags(ctx, deploymentID)
	if err != nil {
		return nil, err
	}
	kinds := lookups(api)
	found := make([][]clouds.Resource, len(kinds))
	hidden := make([]error, len(kinds))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(3)
	for i, l := range kinds {
		g.Go(func() error {
			var err error
			found[i], err = l.list(gctx, deploymentID)
			switch {
			case err == nil:
				return nil
			case l.extra && status(err) == http.StatusNotImplemented:
				return nil // an API without such things holds none
			case l.extra && status(err) == http.StatusForbidden:
				hidden[i] = fmt.Errorf("listing %ss: %w", l.kind, api.explain(err, l.scope))
				return nil
			default:
				return fmt.Errorf("listing %ss: %w", l.kind, api.explain(err, l.scope))
			}
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return join(found, hidden, carriers, deploymentID)
}

// join puts the answers together. What the token may not list is no matter as
// long as the tags themselves say that they are on nothing but what was found.
func join(found [][]clouds.Resource, hidden []error, tags []godo.Tag, id string) ([]clouds.Resource, error) {
	out := []clouds.Resource{}
	carriers, n := 0, 0
	names := make([]string, len(tags))
	for i := range tags {
		n += carried(&tags[i])
		names[i] = tags[i].Name
	}
	for _, list := range found {
		for _, r := range list {
			out = append(out, r)
			if r.Kind != kindFirewall && clouds.Tagged(r.Tags, id) {
				carriers++
			}
		}
	}
	for _, err := range hidden {
		if err != nil && n > carriers {
			return nil, fmt.Errorf("the tag %s is on %d things of which only %d can be seen: %w", strings.Join(names, ", "), n, carriers, err)
		}
	}
	for _, name := range names {
		out = append(out, resource(kindTag, name, name))
	}
	return out, nil
}
