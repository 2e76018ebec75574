package deploy

import (
	"context"
	"os"
	"path/filepath"

	"skysail/generator"
	"skysail/spec"
	"skysail/store"
)

// Plan shows what Deploy would make for the best candidate that the guardrails
// allow, and creates nothing. When out is not empty the bundle's reviewable files are written
// there, which must be a new or empty folder, or one that an earlier plan of
// the same service wrote; the same input gives the same bytes.
func (d *Deployer) Plan(ctx context.Context, svc *spec.Service, out string) (Preview, error) {
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
	defer func() { _ = os.RemoveAll(a.dir) }()
	p.Bundle = ""
	if out == "" {
		return p, nil
	}
	in, err := d.bundleInput(ctx, dep, a.candidate)
	if err != nil {
		return Preview{}, err
	}
	b, err := generator.Generate(in)
	if err != nil {
		return Preview{}, err
	}
	if p.Bundle, err = filepath.Abs(out); err != nil {
		return Preview{}, err
	}
	return p, b.WriteReviewable(p.Bundle)
}
