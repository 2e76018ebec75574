package deploy

import (
	"context"
	"os"

	"skysail/spec"
	"skysail/store"
)

// Plan shows what Deploy would make for the best candidate that the guardrails
// allow, and creates nothing. PlanBundles writes it for review.
func (d *Deployer) Plan(ctx context.Context, svc *spec.Service) (Preview, error) {
	if err := d.checkRules(); err != nil {
		return Preview{}, err
	}
	result, err := d.place(ctx, svc)
	if err != nil {
		return Preview{}, err
	}
	id, err := d.store.NextID(ctx, svc.Name)
	if err != nil {
		return Preview{}, err
	}
	dep := &store.Deployment{
		ID: id, Name: svc.Name, Remote: d.opts.Remote, Sandbox: d.opts.Sandbox, Service: *svc, Policy: d.policy,
	}
	a, p, err := d.planAllowed(ctx, dep, result)
	if err != nil {
		return Preview{}, err
	}
	p.Bundle = ""
	return p, os.RemoveAll(a.dir)
}
