package deploy

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"skysail/generator"
	"skysail/internal/failure"
	"skysail/spec"
	"skysail/store"
)

// Plan shows what Deploy would make for the best candidate, and creates
// nothing. When out is not empty the bundle's reviewable files are written
// there, which must be a new or empty folder, or one that an earlier plan of
// the same service wrote; the same input gives the same bytes.
func (d *Deployer) Plan(ctx context.Context, svc *spec.Service, out string) (Preview, error) {
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
	c := &result.Candidates[0]
	a, err := d.openAttempt(ctx, dep, rowOf(0, c))
	if err != nil {
		return Preview{}, err
	}
	a.candidate = c
	if a.dir, err = os.MkdirTemp("", "skysail-plan-*"); err != nil {
		return Preview{}, fmt.Errorf("plan folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(a.dir) }()
	if a.workspace, err = d.workspace(ctx, a); err != nil {
		return Preview{}, err
	}
	plan, err := d.prepare(ctx, a)
	if err != nil {
		class, cause := classify(a, err)
		return Preview{}, failure.Wrap(err, failure.Failed, fmt.Sprintf("planning %q on %s", svc.Name, a.row.Provider),
			fmt.Sprintf("%s: %s. Nothing was created.", class, cause), class.Remedy())
	}
	p := d.preview(a, result, plan)
	p.Bundle = ""
	if out == "" {
		return p, nil
	}
	in, err := d.bundleInput(ctx, dep, c)
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
