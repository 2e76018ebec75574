package deploy

import (
	"context"
	"fmt"
	"time"

	"skysail/internal/duration"
	"skysail/internal/failure"
	"skysail/store"
)

// MaintenanceOptions say what to do about a deployment's maintenance.
type MaintenanceOptions struct {
	For time.Duration
	Why string
	End bool
}

const maxMaintenance = 30 * duration.Day

// OpenMaintenance begins maintenance of a deployment now, or with End ends what
// there is. It returns how many were begun or ended.
func (d *Deployer) OpenMaintenance(ctx context.Context, name string, o MaintenanceOptions) (int, error) {
	row, err := d.get(ctx, name)
	if err != nil {
		return 0, err
	}
	if o.End {
		n, err := d.store.EndMaintenance(ctx, row.Name)
		return int(n), err
	}
	if o.For < time.Second || o.For > maxMaintenance {
		return 0, failure.New(failure.Input, fmt.Sprintf("maintenance for %s", o.For), "It would be of no use, or hide an outage for ever.",
			"Give between 1s and 30d, such as --for 1h.")
	}
	if row.Phase.Ended() {
		return 0, failure.New(failure.Input, fmt.Sprintf("deployment %q is %s", row.Name, row.Phase), "Nobody is told of it anyhow.", "")
	}
	now := time.Now()
	return 1, d.store.AddMaintenance(ctx, store.Maintenance{Deployment: row.Name, Why: o.Why, BeginsAt: now, EndsAt: now.Add(o.For)})
}

// Maintenance returns the maintenance that goes on: what was asked for, and what
// operations of our own bring with them.
func (d *Deployer) Maintenance(ctx context.Context) ([]store.Maintenance, error) {
	rows, err := d.store.List(ctx, false)
	if err != nil {
		return nil, err
	}
	return d.maintenance(ctx, rows)
}

// maintenance is what goes on now. A deployment that is being changed is in it
// for as long as somebody works on it: one whose owner died is a fault, of which
// people are told.
func (d *Deployer) maintenance(ctx context.Context, rows []store.Deployment) ([]store.Maintenance, error) {
	all, err := d.store.Maintenance(ctx)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	out := []store.Maintenance{}
	for _, m := range all {
		if !m.BeginsAt.After(now) {
			out = append(out, m)
		}
	}
	seen := map[string]bool{}
	for i := range rows {
		r := &rows[i]
		if seen[r.Name] || !r.Phase.Passing() && r.Role == store.RoleCurrent || d.ownerGone(r.Name) {
			continue
		}
		seen[r.Name] = true
		why := string(r.Phase) + " in progress"
		if r.Role != store.RoleCurrent {
			why = "replacement in progress"
		}
		out = append(out, store.Maintenance{Deployment: r.Name, Why: why, BeginsAt: r.UpdatedAt, Automatic: true})
	}
	return out, nil
}
