package gcp

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"google.golang.org/api/compute/v1"

	"skysail/clouds"
	"skysail/internal/apiclient"
)

// Delete removes one thing that Find returned, waits for the operation, and
// returns once Google says that the thing is gone. What is gone already is no
// error.
func (c *Cloud) Delete(ctx context.Context, r clouds.Resource) error {
	p, err := parse(r)
	if err != nil {
		return err
	}
	api, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer api.close()
	del, get := api.removal(p)
	removal := apiclient.Removal{
		Name: r.Kind + " " + p.name,
		Delete: func(ctx context.Context) error {
			return call(ctx, func(ctx context.Context) error {
				op, err := del(ctx)
				if err != nil {
					return err
				}
				return api.done(ctx, p.project, op)
			})
		},
		Get:      func(ctx context.Context) error { return call(ctx, get) },
		Pause:    c.pause,
		Patience: c.patience,
	}
	if err := removal.Run(ctx); err != nil {
		return api.explain(err)
	}
	return nil
}

// place is a Resource's ID, taken apart.
type place struct{ project, scope, where, collection, name string }

// parse reads projects/P/zones/Z/instances/N and the like.
func parse(r clouds.Resource) (place, error) {
	parts := strings.Split(r.ID, "/")
	wrong := fmt.Errorf("skysail does not delete the Google Cloud %s %s: delete it in the console", r.Kind, r.ID)
	if len(parts) < 5 || parts[0] != "projects" || strings.Contains(r.ID, "//") {
		return place{}, wrong
	}
	p := place{project: parts[1], scope: parts[2], collection: parts[len(parts)-2], name: parts[len(parts)-1]}
	if p.scope != "global" {
		p.where = parts[3]
	}
	known := map[string][]string{
		kindInstance: {"zones/instances"},
		kindDisk:     {"zones/disks", "regions/disks"},
		kindAddress:  {"regions/addresses"},
		kindFirewall: {"global/firewalls"},
	}
	for _, k := range known[r.Kind] {
		if k == p.scope+"/"+p.collection && r.ID == path.Join("projects", p.project, p.scope, p.where, p.collection, p.name) {
			return p, nil
		}
	}
	return place{}, wrong
}

// removal is how a thing is deleted and asked for.
func (c *client) removal(p place) (del func(context.Context) (*compute.Operation, error), get func(context.Context) error) {
	switch p.scope + "/" + p.collection {
	case "zones/instances":
		return func(ctx context.Context) (*compute.Operation, error) {
				return c.Instances.Delete(p.project, p.where, p.name).Context(ctx).Do()
			}, func(ctx context.Context) error {
				_, err := c.Instances.Get(p.project, p.where, p.name).Context(ctx).Do()
				return err
			}
	case "zones/disks":
		return func(ctx context.Context) (*compute.Operation, error) {
				return c.Disks.Delete(p.project, p.where, p.name).Context(ctx).Do()
			}, func(ctx context.Context) error {
				_, err := c.Disks.Get(p.project, p.where, p.name).Context(ctx).Do()
				return err
			}
	case "regions/disks":
		return func(ctx context.Context) (*compute.Operation, error) {
				return c.RegionDisks.Delete(p.project, p.where, p.name).Context(ctx).Do()
			}, func(ctx context.Context) error {
				_, err := c.RegionDisks.Get(p.project, p.where, p.name).Context(ctx).Do()
				return err
			}
	case "regions/addresses":
		return func(ctx context.Context) (*compute.Operation, error) {
				return c.Addresses.Delete(p.project, p.where, p.name).Context(ctx).Do()
			}, func(ctx context.Context) error {
				_, err := c.Addresses.Get(p.project, p.where, p.name).Context(ctx).Do()
				return err
			}
	default: // global/firewalls: parse lets nothing else through
		return func(ctx context.Context) (*compute.Operation, error) {
				return c.Firewalls.Delete(p.project, p.name).Context(ctx).Do()
			}, func(ctx context.Context) error {
				_, err := c.Firewalls.Get(p.project, p.name).Context(ctx).Do()
				return err
			}
	}
}

// done waits for an operation. Its own failure is an error in Google's words.
func (c *client) done(ctx context.Context, project string, op *compute.Operation) error {
	for op.Status != "DONE" {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(c.pause):
		}
		var err error
		if op, err = c.operation(ctx, project, op); err != nil {
			return err
		}
	}
	if op.Error == nil {
		return nil
	}
	words := make([]string, 0, len(op.Error.Errors))
	for _, e := range op.Error.Errors {
		words = append(words, e.Message)
	}
	return errors.New(strings.Join(words, "; "))
}

func (c *client) operation(ctx context.Context, project string, op *compute.Operation) (*compute.Operation, error) {
	switch {
	case op.Zone != "":
		return c.ZoneOperations.Get(project, path.Base(op.Zone), op.Name).Context(ctx).Do()
	case op.Region != "":
		return c.RegionOperations.Get(project, path.Base(op.Region), op.Name).Context(ctx).Do()
	default:
		return c.GlobalOperations.Get(project, op.Name).Context(ctx).Do()
	}
}
