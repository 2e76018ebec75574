package digitalocean

import (
	"context"
	"fmt"
	"net/http"

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
	api, err := c.connect()
	if err != nil {
		return nil, err
	}
	defer api.close()

	// The tag first: what is tagged after this call is newer than the search.
	carrier, err := api.tag(ctx, deploymentID)
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
	return join(found, hidden, carrier, deploymentID)
}

// join puts the answers together. What the token may not list is no matter as
// long as the tag itself says that it is on nothing but what was found.
func join(found [][]clouds.Resource, hidden []error, tag *godo.Tag, id string) ([]clouds.Resource, error) {
	out := []clouds.Resource{}
	carriers := 0
	for _, list := range found {
		for _, r := range list {
			out = append(out, r)
			if r.Kind != kindFirewall && clouds.Tagged(r.Tags, id) {
				carriers++
			}
		}
	}
	for _, err := range hidden {
		if n := carried(tag); err != nil && n > carriers {
			return nil, fmt.Errorf("the tag %s is on %d things of which only %d can be seen: %w", tag.Name, n, carriers, err)
		}
	}
	if tag != nil {
		out = append(out, resource(kindTag, tag.Name, tag.Name))
	}
	return out, nil
}
