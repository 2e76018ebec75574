package gcp

import (
	"context"
	"fmt"
	"path"
	"strings"

	"google.golang.org/api/compute/v1"

	"skysail/clouds"
)

// whole is an error when Google could not look everywhere: a list without the
// zone that did not answer must not be taken for an empty zone.
func whole(unreachable []string) error {
	if len(unreachable) > 0 {
		return fmt.Errorf("the list is not complete: %s did not answer", strings.Join(unreachable, ", "))
	}
	return nil
}

// complete is whole for one zone or region of a list, by its warning.
func complete(scope, warning string) error {
	if warning == "" || warning == "NO_RESULTS_ON_PAGE" {
		return nil
	}
	return fmt.Errorf("the list is not complete: %s: %s", scope, warning)
}

func (c *client) instances(ctx context.Context, filter string) ([]clouds.Resource, error) {
	var out []clouds.Resource
	err := call(ctx, func(ctx context.Context) error {
		out = nil
		return c.Instances.AggregatedList(c.project).Filter(filter).Pages(ctx, func(l *compute.InstanceAggregatedList) error {
			for scope, s := range l.Items {
				if s.Warning != nil {
					if err := complete(scope, s.Warning.Code); err != nil {
						return err
					}
				}
				for _, i := range s.Instances {
					out = append(out, c.placed(kindInstance, "instances", "zones", i.Zone, i.Name, i.CreationTimestamp, i.Labels))
				}
			}
			return whole(l.Unreachables)
		})
	})
	return out, err
}

func (c *client) disks(ctx context.Context, filter string) ([]clouds.Resource, error) {
	var out []clouds.Resource
	err := call(ctx, func(ctx context.Context) error {
		out = nil
		return c.Disks.AggregatedList(c.project).Filter(filter).Pages(ctx, func(l *compute.DiskAggregatedList) error {
			for scope, s := range l.Items {
				if s.Warning != nil {
					if err := complete(scope, s.Warning.Code); err != nil {
						return err
					}
				}
				for _, d := range s.Disks {
					if d.Zone == "" { // a regional disk, which no module makes
						out = append(out, c.placed(kindDisk, "disks", "regions", d.Region, d.Name, d.CreationTimestamp, d.Labels))
						continue
					}
					out = append(out, c.placed(kindDisk, "disks", "zones", d.Zone, d.Name, d.CreationTimestamp, d.Labels))
				}
			}
			return whole(l.Unreachables)
		})
	})
	return out, err
}

func (c *client) addresses(ctx context.Context, filter string) ([]clouds.Resource, error) {
	var out []clouds.Resource
	err := call(ctx, func(ctx context.Context) error {
		out = nil
		return c.Addresses.AggregatedList(c.project).Filter(filter).Pages(ctx, func(l *compute.AddressAggregatedList) error {
			for scope, s := range l.Items {
				if s.Warning != nil {
					if err := complete(scope, s.Warning.Code); err != nil {
						return err
					}
				}
				for _, a := range s.Addresses {
					if a.Region == "" { // a global one is of a load balancer
						continue
					}
					out = append(out, c.placed(kindAddress, "addresses", "regions", a.Region, a.Name, a.CreationTimestamp, a.Labels))
				}
			}
			return whole(l.Unreachables)
		})
	})
	return out, err
}

func (c *client) firewalls(ctx context.Context, filter string) ([]clouds.Resource, error) {
	var out []clouds.Resource
	err := call(ctx, func(ctx context.Context) error {
		out = nil
		return c.Firewalls.List(c.project).Filter(filter).Pages(ctx, func(l *compute.FirewallList) error {
			for _, f := range l.Items {
				r := resource(kindFirewall, path.Join("projects", c.project, "global/firewalls", f.Name), f.Name)
				r.Region, r.CreatedAt = "global", when(f.CreationTimestamp)
				out = append(out, r)
			}
			if l.Warning != nil {
				return complete("global", l.Warning.Code)
			}
			return nil
		})
	})
	return out, err
}
