package deploy

import (
	"context"
	"fmt"
	"os"

	"skysail/internal/failure"
	"skysail/spec"
	"skysail/store"
)

// Plan shows what Deploy would make for the best candidate, and creates
// nothing. PlanBundles writes it for review.
func (d *Deployer) Plan(ctx context.Context, svc *spec.Service) (Preview, error) {
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
	dir, err := os.MkdirTemp("", "skysail-plan-*")
	if err != nil {
		return Preview{}, fmt.Errorf("plan folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	c := &result.Candidates[0]
	a, err := d.openAttemptIn(ctx, dep, rowOf(0, c), dir)
	if err != nil {
		return Preview{}, err
	}
	a.candidate = c
	plan, err := d.prepare(ctx, a)
	if err != nil {
		return Preview{}, planFailure(a, err)
	}
	p := d.preview(a, result, plan)
	p.Bundle = ""
	return p, nil
}

func planFailure(a *attempt, err error) error {
	class, cause := classify(a, err)
	return failure.Wrap(err, failure.Failed, fmt.Sprintf("planning %q on %s", a.dep.Name, a.row.Provider),
		fmt.Sprintf("%s: %s. Nothing was created.", class, cause), class.Remedy())
}
