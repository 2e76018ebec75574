package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"skysail/clouds/faults"
	"skysail/deploy/review"
	"skysail/internal/failure"
	"skysail/policies"
	"skysail/selector"
	"skysail/spec"
	"skysail/store"
)

const (
	// maxBundles bounds the candidates of one folder: nobody reviews more.
	maxBundles = 50
	// maxPlanning bounds how many are planned at once: each is a Terraform and
	// its provider.
	maxPlanning = 4
)

// BundleOptions say what PlanBundles writes.
type BundleOptions struct {
	// Out is the folder, new or empty or of an earlier plan of the same
	// service; empty plans and keeps nothing.
	Out string
	// Candidates is how many are planned at most: 0 is all, and less than 0 as
	// many as failover.max_attempts.
	Candidates int
	// Version is the program's own, for the manifest.
	Version string
}

// PlanBundles plans the candidates that a deployment would try, in its order,
// and writes them for review: see package review. It creates nothing in a
// cloud. The same input gives the same reviewable bytes on a day; keys and
// saved plans are new each time. A candidate that can not be planned is in the
// manifest with its reason; when none can be, or when the request itself is
// wrong, that is the error. When the guardrails deny all, the folder is written,
// and both the manifest and a NothingFits failure are returned. A folder that holds anything else is left as it is.
func (d *Deployer) PlanBundles(ctx context.Context, svc *spec.Service, o BundleOptions) (*review.Manifest, error) {
	if err := d.checkRules(); err != nil {
		return nil, err
	}
	result, err := d.place(ctx, svc)
	if err != nil {
		return nil, err
	}
	if err := d.nameFree(ctx, svc.Name); err != nil {
		return nil, err
	}
	if b := d.policy.Backend; b != nil {
		return nil, failure.New(failure.Input, fmt.Sprintf("the policy keeps state in backend %q", b.Type),
			"A saved plan is bound to the place of its state, and a folder for review has that with it; nothing was written.",
			"Plan for review with a policy without backend, or deploy without a review.")
	}
	list, err := chosen(result.Candidates, d.policy, o.Candidates)
	if err != nil {
		return nil, err
	}
	m, err := d.newManifest(ctx, svc, result, o.Version)
	if err != nil {
		return nil, err
	}
	f, err := newFolder(o.Out, svc.Name)
	if err != nil {
		return nil, err
	}
	defer f.drop()
	if err := d.planAll(ctx, m, list, f); err != nil {
		return nil, err
	}
	if err := f.keep(m); err != nil {
		return nil, err
	}
	return m, allDenied(m)
}

// nameFree refuses to plan for review what could not be applied.
func (d *Deployer) nameFree(ctx context.Context, name string) error {
	row, err := d.store.Get(ctx, name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	case row.Name != name || row.Phase.Ended():
		return nil
	}
	return failure.New(failure.Input, fmt.Sprintf("a deployment named %q exists already (%s, %s)", name, row.ID, row.Phase),
		"A name belongs to one deployment at a time; nothing was changed.",
		fmt.Sprintf("See it with `skysail status %s`, remove it with `skysail destroy %s`, or give the service another name.", name, name))
}

// chosen are the candidates that a run would try if none of them had room, and
// then the others in order: so that what is approved holds other regions and
// other providers, and not only the first region's types.
func chosen(all []selector.Candidate, policy policies.Policy, n int) ([]selector.Candidate, error) {
	if n < 0 {
		n = policy.Failover.MaxAttempts
	}
	if n == 0 || n > len(all) {
		n = len(all)
	}
	if n > maxBundles {
		return nil, failure.New(failure.Input, fmt.Sprintf("%d candidates fit", n),
			fmt.Sprintf("A folder for review holds at most %d; nothing was written.", maxBundles),
			"Give --candidates N, or narrow providers, regions or the price in the policy.")
	}
	policy.Failover.MaxAttempts = n
	q := queueOf(all, &policy)
	var out []selector.Candidate
	taken := map[*selector.Candidate]bool{}
	for s, ok := q.next(); ok; s, ok = q.next() {
		out = append(out, inZone(s))
		taken[s.Candidate] = true
		q.failed(faults.Verdict{Class: faults.Capacity, Scope: faults.ScopeRegion})
	}
	for i := range all {
		if len(out) < n && !taken[&all[i]] {
			out = append(out, inZone(slot{&all[i], all[i].Zone()}))
		}
	}
	return out, nil
}

// inZone is a slot's candidate with no other zone: what is approved is one
// plan, in one zone.
func inZone(s slot) selector.Candidate {
	c := *s.Candidate
	if s.zone != "" {
		o := *c.Offer
		o.Zones = []string{s.zone}
		c.Offer = &o
	}
	return c
}

func (d *Deployer) newManifest(ctx context.Context, svc *spec.Service, result selector.Result, version string) (*review.Manifest, error) {
	id, err := d.store.NextID(ctx, svc.Name)
	if err != nil {
		return nil, err
	}
	installation, err := d.store.Installation(ctx)
	if err != nil {
		return nil, err
	}
	engine, err := d.engineName(ctx, &d.policy)
	if err != nil {
		return nil, err
	}
	return &review.Manifest{
		Version: review.Version, Name: svc.Name, ID: id, Installation: installation, Sandbox: d.opts.Sandbox, Remote: d.opts.Remote,
		CreatedAt: time.Now().UTC().Truncate(time.Second), Skysail: version, Engine: engine, Rule: result.Rule, Why: result.Why,
		Service: *svc, Policy: d.policy, Refused: result.Refused, Fitting: len(result.Candidates),
	}, nil
}

// planAll plans the candidates side by side into the folder.
func (d *Deployer) planAll(ctx context.Context, m *review.Manifest, list []selector.Candidate, f *folder) error {
	dep := &store.Deployment{ID: m.ID, Name: m.Name, Remote: m.Remote, Sandbox: m.Sandbox, Service: m.Service, Policy: m.Policy}
	m.Candidates = make([]review.Entry, len(list))
	failed := make([]error, len(list))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, min(runtime.NumCPU(), maxPlanning)))
	for i := range list {
		e := &m.Candidates[i]
		*e = review.Entry{N: i + 1, Folder: folderName(i+1, &list[i]), Candidate: list[i], Changes: []Change{}, Openings: []review.Opening{}}
		g.Go(func() error {
			var err error
			failed[i], err = d.planOne(gctx, dep, e, f)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i := range m.Candidates {
		if m.Candidates[i].Problem == "" {
			return nil
		}
	}
	return errors.Join(failed...)
}

// planOne plans one candidate. What keeps only this one from being planned is
// in its entry, and failed says it as a failure of its own.
func (d *Deployer) planOne(ctx context.Context, dep *store.Deployment, e *review.Entry, f *folder) (failed, err error) {
	a, err := d.openAttemptIn(ctx, dep, rowOf(0, &e.Candidate), filepath.Join(f.work, e.Folder))
	if err != nil {
		return nil, err
	}
	a.candidate = &e.Candidate
	plan, err := d.prepare(ctx, a)
	if err != nil {
		class, cause := classify(a, err)
		failed = planFailure(a, err)
		if ctx.Err() != nil || class == faults.Invalid || failure.CodeOf(err) == failure.Input || !written(a.bundle()) {
			return nil, failed
		}
		d.emit(EventFault, a, "%s: %s", class, cause)
		e.Problem = fmt.Sprintf("%s: %s", class, cause)
		return failed, f.take(a, e, nil)
	}
	e.Changes, e.Openings = review.Changes(plan), review.Openings(plan)
	keys, err := readKeys(a.private())
	if err != nil {
		return nil, err
	}
	shown, err := review.Redact(plan, keys.private, keys.public)
	if err != nil {
		return nil, err
	}
	if e.Verdict, err = d.verdict(ctx, a, plan); err != nil {
		return nil, err
	}
	return nil, f.take(a, e, shown)
}

func written(dir string) bool {
	_, err := os.Stat(dir)
	return err == nil
}

// folderName is the name of a candidate's folder: "01-vultr-ewr-vc2-1c-1gb".
func folderName(n int, c *selector.Candidate) string {
	o := c.Offer
	name := fmt.Sprintf("%s-%s-%s", o.Provider, o.Region, o.Type)
	if c.Spot {
		name += "-spot"
	}
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '_' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
	return fmt.Sprintf("%02d-%s", n, name)
}

// folderFailure is the failure for a folder that can not be written.
func folderFailure(err error, dir string) error {
	var f *failure.Error
	if errors.As(err, &f) || errors.Is(err, context.Canceled) {
		return err
	}
	return failure.Wrap(err, failure.Failed, "writing "+dir, "The folder for review is not complete, and no apply takes it.",
		"Check that it can be written and has room, and plan again.")
}

// work is where bundles are planned: inside of the folder when there is one,
// since what is renamed must be on one disk.
func workDir(out string) (string, error) {
	if out == "" {
		return os.MkdirTemp("", "skysail-plan-*")
	}
	return os.MkdirTemp(out, stagePattern)
}
