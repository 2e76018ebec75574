package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"skysail/clouds"
	"skysail/deploy/review"
	"skysail/internal/failure"
	"skysail/policies"
	"skysail/store"
)

// clockSlack is how far two machines' clocks may be apart.
const clockSlack = 5 * time.Minute

// applicable opens a folder and says whether it can be applied now. Every
// refusal is an input failure; nothing is changed.
func (d *Deployer) applicable(ctx context.Context, o applyOrder) (*review.Manifest, error) {
	m, err := review.Open(o.Dir)
	if err != nil {
		return nil, err
	}
	if o.Hash != "" && o.Hash != m.Hash {
		return nil, stale(fmt.Sprintf("the hash of %s is %s, not %s", o.Dir, m.Hash, o.Hash), "It is a whole plan, but not the one that was approved.")
	}
	if m.Sandbox != d.opts.Sandbox || m.Remote != d.opts.Remote {
		return nil, failure.New(failure.Input, fmt.Sprintf("%s was planned with sandbox = %t, remote = %t", o.Dir, m.Sandbox, m.Remote),
			"This call says otherwise; nothing was changed.", "Set Options.Sandbox and Options.Remote as the manifest has them.")
	}
	for _, check := range []func(context.Context, string, *review.Manifest) error{d.unused, d.nameOpen} {
		if err := check(ctx, o.Dir, m); err != nil {
			return nil, err
		}
	}
	if err := recent(m, o.MaxAge, time.Now()); err != nil {
		return nil, err
	}
	if len(m.Approved()) == 0 {
		return nil, stale(o.Dir+" holds no candidate that may be applied", "Each has its reason in "+review.PlanFile+".")
	}
	return m, d.sameEngine(ctx, m)
}

// stale is the failure for a whole folder that is no longer to be applied.
func stale(cause, meaning string) error {
	return failure.New(failure.Input, cause, meaning+" Nothing was changed.", "Plan again with `skysail plan --out`, and have that reviewed.")
}

func (d *Deployer) unused(ctx context.Context, dir string, m *review.Manifest) error {
	mark, err := review.UseOf(dir)
	if err != nil {
		return err
	}
	if mark != nil {
		return d.usedFailure(ctx, dir, m, mark.Deployment, mark.At)
	}
	use, err := d.store.BundleUse(ctx, m.Hash)
	if err != nil {
		return err
	}
	if use != nil {
		return d.usedFailure(ctx, dir, m, use.Deployment, use.At)
	}
	return nil
}

// nameOpen wants the name free and the ID the one that was planned: it is in
// every name and tag of the plan.
func (d *Deployer) nameOpen(ctx context.Context, dir string, m *review.Manifest) error {
	if err := d.nameFree(ctx, m.Name); err != nil {
		return err
	}
	if row, err := d.store.Get(ctx, m.ID); err == nil {
		return stale(fmt.Sprintf("%s is a plan of deployment %s, which is %s", dir, m.ID, row.Phase), "An ID belongs to one deployment for ever.")
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	own, err := d.store.Installation(ctx)
	if err != nil || own != m.Installation {
		return err
	}
	next, err := d.store.NextID(ctx, m.Name)
	if err != nil {
		return err
	}
	if next != m.ID {
		return stale(fmt.Sprintf("%s is a plan of deployment %s, and the next %q is %s", dir, m.ID, m.Name, next),
			"A deployment of that name came and went after the plan.")
	}
	return nil
}

// recent refuses a plan that is too old, and one whose cap rests on prices that
// are: the selection refused those at the time.
func recent(m *review.Manifest, maxAge time.Duration, now time.Time) error {
	age := now.Sub(m.CreatedAt)
	switch {
	case age < -clockSlack:
		return stale(fmt.Sprintf("it was planned at %s, which has not come yet", m.CreatedAt.Format(time.RFC3339)),
			"One of the two machines' clocks is wrong, so nobody knows how old the plan is.")
	case age > maxAge:
		return stale(fmt.Sprintf("it was planned %s ago, at %s", age.Round(time.Minute), m.CreatedAt.Format(time.RFC3339)),
			fmt.Sprintf("A plan is applied for %s (--max-age).", maxAge))
	}
	limits := m.Policy.Limits
	if !(limits.MaxHourlyUSD > 0) {
		return nil
	}
	for _, e := range m.Approved() {
		if e.Candidate.PriceUSD == 0 {
			continue
		}
		day, err := time.Parse(time.DateOnly, e.Candidate.AsOf())
		if err != nil || now.Sub(day) > limits.MaxPriceAge {
			return stale(fmt.Sprintf("candidate %d: its price is of %q", e.N, e.Candidate.AsOf()),
				fmt.Sprintf("That is older than limits.max_price_age = %s, so the cap of $%.4g an hour can not be kept.", limits.MaxPriceAge, limits.MaxHourlyUSD))
		}
	}
	return nil
}

// sameEngine says early what Terraform would say after the folder was used.
func (d *Deployer) sameEngine(ctx context.Context, m *review.Manifest) error {
	here, err := d.engineName(ctx, &m.Policy)
	if err != nil || here == m.Engine {
		return err
	}
	return failure.New(failure.Input, fmt.Sprintf("it was planned with %s, and here is %s", m.Engine, here),
		"A saved plan is applied by the very version that made it; nothing was changed.",
		"Put "+m.Engine+" on PATH, or plan again with what is here.")
}

// engineName is the engine and its version: "Terraform 1.11.4".
func (d *Deployer) engineName(ctx context.Context, p *policies.Policy) (string, error) {
	engine, err := d.findEngine(ctx, p)
	if err != nil {
		return "", err
	}
	v, err := engine.Version(ctx)
	if err != nil {
		return "", err
	}
	return engine.Kind.Name() + " " + v, nil
}

// untouched asks the providers whether something carries the deployment's tag:
// then a copy of the folder was applied from another machine. A provider that
// can not be asked refuses its own candidate later.
func (d *Deployer) untouched(ctx context.Context, m *review.Manifest) error {
	env, err := d.environment(ctx, m.Sandbox)
	if err != nil {
		return err
	}
	asked := map[string]bool{}
	for _, e := range m.Approved() {
		o := e.Candidate.Offer
		p, where := o.Provider, o.Provider
		if p == policies.Kubernetes {
			where = o.Region + "/" + o.Type
		}
		if asked[where] {
			continue
		}
		asked[where] = true
		c, err := d.cloudOf(&store.Attempt{Provider: p, Region: o.Region, Type: o.Type}, env)
		if err != nil {
			return err
		}
		var found []clouds.Resource
		if err = c.Credentials(); err == nil {
			found, err = c.Find(ctx, m.ID)
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			d.emitProvider(EventWarning, p, "whether the bundle was applied from another machine could not be asked: %v", err)
		case len(found) > 0:
			return stale(fmt.Sprintf("%s holds what carries the tag of deployment %s: %s", p, m.ID, names(found)),
				"The bundle was applied from another machine, in whole or in part.")
		}
	}
	return nil
}
