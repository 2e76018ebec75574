package deploy

import (
	"context"
	"time"

	"skysail/clouds/faults"
	"skysail/selector"
	"skysail/spec"
	"skysail/store"
)

// selection is all that a selection for the service depends on.
func (d *Deployer) selection(ctx context.Context, svc *spec.Service) (selector.Input, error) {
	env, err := d.environment(ctx, d.opts.Sandbox)
	if err != nil {
		return selector.Input{}, err
	}
	sold, err := d.catalog()
	if err != nil {
		return selector.Input{}, err
	}
	now := time.Now()
	memory, err := d.memory(ctx, now)
	if err != nil {
		return selector.Input{}, err
	}
	return selector.Input{
		Service: svc, Policy: &d.policy, Offers: sold.Offers, Rates: sold.Rates, Now: now, Memory: memory,
		Unavailable: d.unavailable(env), Clusters: d.clusters(ctx, env, svc),
	}, nil
}

// memory is what earlier attempts met, on the simulated or on the real clouds.
func (d *Deployer) memory(ctx context.Context, now time.Time) ([]selector.Shortage, error) {
	rows, err := d.store.Shortages(ctx, d.opts.Sandbox, now.Add(-selector.LongestMemory))
	if err != nil {
		return nil, err
	}
	out := make([]selector.Shortage, 0, len(rows))
	for _, r := range rows {
		out = append(out, selector.Shortage{Provider: r.Provider, Region: r.Region, Type: r.Type, Spot: r.Spot, Kind: r.Kind, At: r.At})
	}
	return out, nil
}

// remember keeps a stockout or an exhausted quota for the next selection.
func (d *Deployer) remember(ctx context.Context, a *attempt, class faults.Class) error {
	sh := shortageOf(a)
	switch class {
	case faults.Capacity:
		sh.Kind = selector.ShortCapacity
	case faults.Quota:
		sh.Kind = selector.ShortQuota
	default:
		return nil
	}
	return d.store.AddShortage(context.WithoutCancel(ctx), sh)
}

func shortageOf(a *attempt) store.Shortage {
	return store.Shortage{Provider: a.row.Provider, Region: a.row.Region, Type: a.row.Type, Spot: a.row.Spot, Sandbox: a.dep.Sandbox}
}

// ForgetShortages drops the memory of stockouts and exhausted quotas: that of
// the simulated clouds, or that of the real ones. Idempotent.
func (d *Deployer) ForgetShortages(ctx context.Context, sandbox bool) error {
	return d.store.ForgetShortages(ctx, sandbox)
}
