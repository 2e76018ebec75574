package gcp

import (
	"context"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"skysail/clouds"
	"skysail/internal/apiclient"
)

// The kinds of things that Find returns and Delete takes.
const (
	kindInstance = "instance"
	kindDisk     = "disk"
	kindAddress  = "address"
	kindFirewall = "firewall"
)

// lookup lists what of one kind fits a filter.
type lookup struct {
	plural string
	// labelled says that the kind has labels.
	labelled bool
	// extra marks what no module makes.
	extra bool
	list  func(ctx context.Context, filter string) ([]clouds.Resource, error)
}

// lookups are in the order in which things must be deleted.
func lookups(api *client) []lookup {
	return []lookup{
		{plural: "instances", labelled: true, list: api.instances},
		{plural: "disks", labelled: true, list: api.disks},
		{plural: "addresses", labelled: true, extra: true, list: api.addresses},
		{plural: "firewall rules", list: api.firewalls},
	}
}

// Find returns everything that belongs to a deployment, in the order in which
// it must be deleted: what carries its label, and what has a name of its own,
// because firewall rules have no labels and labels can be changed.
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
	api, err := c.connect(ctx)
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
			found[i], err = l.find(gctx, deploymentID)
			if err == nil || l.extra && apiclient.Status(err) == http.StatusNotImplemented {
				return nil // an API without such things holds none
			}
			return fmt.Errorf("listing %s: %w", l.plural, api.explain(err))
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return append([]clouds.Resource{}, slices.Concat(found...)...), nil
}

// find asks by name and by label, and looks at the answer again: a filter
// that was not understood must not delete what is somebody else's.
func (l lookup) find(ctx context.Context, id string) ([]clouds.Resource, error) {
	// https://docs.cloud.google.com/compute/docs/reference/rest/v1/instances/aggregatedList
	byName, byLabel := "name eq skysail-"+id+".*", "labels.skysail-deployment="+id
	if id == clouds.Any {
		byName, byLabel = "name eq skysail-d.*", "labels.skysail-deployment:*"
	}
	filters := []string{byName}
	if l.labelled {
		filters = append(filters, byLabel)
	}
	var out []clouds.Resource
	for _, filter := range filters {
		list, err := l.list(ctx, filter)
		if err != nil {
			return nil, err
		}
		for _, r := range list {
			known := slices.ContainsFunc(out, func(o clouds.Resource) bool { return o.ID == r.ID })
			if !known && (clouds.Named(r.Name, id) || clouds.Tagged(r.Tags, id)) {
				out = append(out, r)
			}
		}
	}
	// The answer is a map of zones.
	slices.SortFunc(out, func(a, b clouds.Resource) int { return strings.Compare(a.ID, b.ID) })
	return out, nil
}

// placed is a thing in a zone or region, of which place is the URL.
func (c *client) placed(kind, collection, scope, place, name, created string, labels map[string]string) clouds.Resource {
	place = path.Base(place)
	r := resource(kind, path.Join("projects", c.project, scope, place, collection, name), name)
	r.Region, r.CreatedAt = place, when(created)
	if scope == "zones" {
		r.Region = regionOf(place)
	}
	for k, v := range labels {
		r.Tags = append(r.Tags, k+":"+v)
	}
	slices.Sort(r.Tags)
	return r
}

// regionOf is the region of a zone: europe-west4 of europe-west4-b.
func regionOf(zone string) string {
	if i := strings.LastIndexByte(zone, '-'); i > 0 {
		return zone[:i]
	}
	return zone
}

// when reads a time; what is no time is none.
func when(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
