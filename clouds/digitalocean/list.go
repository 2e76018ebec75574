package digitalocean

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/digitalocean/godo"

	"skysail/clouds"
)

// tags returns the deployment's tag, or those of all, none when there is none.
func (c *client) tags(ctx context.Context, id string) ([]godo.Tag, error) {
	if id == clouds.Any {
		list, err := all(ctx, c.Tags.List)
		if err != nil {
			return nil, fmt.Errorf("listing tags: %w", c.explain(err, "tag:read"))
		}
		return slices.DeleteFunc(list, func(t godo.Tag) bool { return !clouds.Tagged([]string{t.Name}, id) }), nil
	}
	t, _, err := c.Tags.Get(ctx, clouds.DeploymentTag(id))
	switch {
	case status(err) == http.StatusNotFound:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading the tag %s: %w", clouds.DeploymentTag(id), c.explain(err, "tag:read"))
	default:
		return []godo.Tag{*t}, nil
	}
}

// carried is how many things have the tag.
func carried(t *godo.Tag) int {
	if t == nil || t.Resources == nil {
		return 0
	}
	return t.Resources.Count
}

// droplets lists droplets with and without GPUs: the API never lists both at
// once.
func (c *client) droplets(ctx context.Context, id string) ([]clouds.Resource, error) {
	var out []clouds.Resource
	seen := map[int]bool{}
	for _, list := range []func(context.Context, *godo.ListOptions) ([]godo.Droplet, *godo.Response, error){
		c.Droplets.List, c.Droplets.ListWithGPUs,
	} {
		droplets, err := all(ctx, list)
		if err != nil {
			return nil, err
		}
		for _, d := range droplets {
			if seen[d.ID] || !clouds.Tagged(d.Tags, id) && !clouds.Named(d.Name, id) {
				continue
			}
			seen[d.ID] = true
			r := resource(kindDroplet, strconv.Itoa(d.ID), d.Name)
			r.Region, r.Tags, r.CreatedAt = region(d.Region), tags(d.Tags), when(d.Created)
			if d.Size != nil {
				r.PriceUSD = d.Size.PriceHourly
			}
			out = append(out, r)
		}
	}
	return out, nil
}

// firewalls lists those with the deployment's name, and those that guard
// nothing but what has its tag. One that also guards something else is
// somebody else's.
func (c *client) firewalls(ctx context.Context, id string) ([]clouds.Resource, error) {
	list, err := all(ctx, c.Firewalls.List)
	if err != nil {
		return nil, err
	}
	var out []clouds.Resource
	for _, f := range list {
		only := len(f.Tags) == 1 && len(f.DropletIDs) == 0 && clouds.Tagged(f.Tags, id)
		if !only && !clouds.Named(f.Name, id) {
			continue
		}
		r := resource(kindFirewall, f.ID, f.Name)
		r.Tags, r.CreatedAt = tags(f.Tags), when(f.Created)
		out = append(out, r)
	}
	return out, nil
}

func (c *client) keys(ctx context.Context, id string) ([]clouds.Resource, error) {
	list, err := all(ctx, c.Keys.List)
	if err != nil {
		return nil, err
	}
	var out []clouds.Resource
	for _, k := range list {
		if clouds.Named(k.Name, id) {
			out = append(out, resource(kindKey, strconv.Itoa(k.ID), k.Name))
		}
	}
	return out, nil
}

// tagged makes the lookup of things that are known by the tag alone.
func tagged[T any](list func(context.Context, *godo.ListOptions) ([]T, *godo.Response, error), view func(T) clouds.Resource) func(context.Context, string) ([]clouds.Resource, error) {
	return func(ctx context.Context, id string) ([]clouds.Resource, error) {
		items, err := all(ctx, list)
		if err != nil {
			return nil, err
		}
		var out []clouds.Resource
		for _, item := range items {
			if r := view(item); clouds.Tagged(r.Tags, id) {
				out = append(out, r)
			}
		}
		return out, nil
	}
}

// volumeUSDHour is the price of a GiB, $0.10 for a month of 672 hours:
// https://www.digitalocean.com/pricing/volumes. The API does not tell it.
const volumeUSDHour = 0.10 / 672

// ownVolumes lists volumes by name as well as by tag, as droplets are: they
// outlive the tag when Terraform deletes that first.
func (c *client) ownVolumes(ctx context.Context, id string) ([]clouds.Resource, error) {
	list, err := all(ctx, c.volumes)
	if err != nil {
		return nil, err
	}
	var out []clouds.Resource
	for _, v := range list {
		if r := volume(v); clouds.Tagged(r.Tags, id) || clouds.Named(r.Name, id) {
			out = append(out, r)
		}
	}
	return out, nil
}

func (c *client) volumes(ctx context.Context, o *godo.ListOptions) ([]godo.Volume, *godo.Response, error) {
	return c.Storage.ListVolumes(ctx, &godo.ListVolumeParams{ListOptions: o})
}

func loadBalancer(b godo.LoadBalancer) clouds.Resource {
	r := resource(kindLoadBalancer, b.ID, b.Name)
	r.Region, r.Tags, r.CreatedAt = region(b.Region), tags(b.Tags), when(b.Created)
	return r
}

func volume(v godo.Volume) clouds.Resource {
	r := resource(kindVolume, v.ID, v.Name)
	r.Region, r.Tags, r.CreatedAt = region(v.Region), tags(v.Tags), v.CreatedAt
	r.PriceUSD = float64(v.SizeGigaBytes) * volumeUSDHour
	return r
}

func snapshot(s godo.Snapshot) clouds.Resource {
	r := resource(kindSnapshot, s.ID, s.Name)
	r.Tags, r.CreatedAt = tags(s.Tags), when(s.Created)
	if len(s.Regions) > 0 {
		r.Region = s.Regions[0]
	}
	return r
}

func region(r *godo.Region) string {
	if r == nil {
		return ""
	}
	return r.Slug
}

// tags keeps a missing list from becoming null.
func tags(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// when reads a time; what is no time is none.
func when(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return t
}
