package deploy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"skysail/deploy/review"
	"skysail/internal/failure"
	"skysail/selector"
	"skysail/store"
)

// MaxBundleAge is how long a plan is applied: after that the world has most
// likely moved on, and somebody should look again.
const MaxBundleAge = 24 * time.Hour

// ApplyOptions say what Apply takes.
type ApplyOptions struct {
	// Hash is the manifest's hash that was approved; empty takes any.
	Hash string
	// MaxAge is how old the plan may be; 0 is MaxBundleAge.
	MaxAge time.Duration
}

// applyOrder is what the supervisor is told.
type applyOrder struct {
	Dir    string        `json:"dir"`
	Hash   string        `json:"hash"`
	MaxAge time.Duration `json:"max_age"`
}

// Apply deploys what PlanBundles wrote to dir, exactly that and once: each
// candidate by its saved plan, in order, and no other when all have failed. It
// is Deploy in all else; the service and the policy are those of the manifest,
// and the Deployer's options must say sandbox and remote as that does.
//
// A folder that was changed, that is too old or that was used, one whose
// deployment lives already, and one whose prices a cap can not rest on any more
// are refused with an input failure, and nothing is changed. An apply that got
// as far as its first candidate has used the folder, however it ended; Apply is
// not idempotent.
func (d *Deployer) Apply(ctx context.Context, dir string, o ApplyOptions) (Deployment, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return Deployment{}, err
	}
	if o.MaxAge == 0 {
		o.MaxAge = MaxBundleAge
	}
	order := applyOrder{Dir: abs, Hash: o.Hash, MaxAge: o.MaxAge}
	m, err := d.applicable(ctx, order)
	if err != nil {
		return Deployment{}, err
	}
	if _, err := d.secretValues(&m.Service); err != nil {
		return Deployment{}, err
	}
	order.Hash = m.Hash // what the supervisor looks at must be this
	return supervised[Deployment](ctx, d, "apply", m.Name, order)
}

// applyHere is Apply in the supervisor.
func (d *Deployer) applyHere(ctx context.Context, o applyOrder) (Deployment, error) {
	m, err := review.Open(o.Dir)
	if err != nil {
		return Deployment{}, err
	}
	secrets, err := d.secretValues(&m.Service)
	if err != nil {
		return Deployment{}, err
	}
	unlock, err := d.lockName(m.Name, "apply")
	if err != nil {
		return Deployment{}, err
	}
	defer unlock()
	// Under the lock nobody else can use it or take its name.
	if m, err = d.applicable(ctx, o); err != nil {
		return Deployment{}, err
	}
	if err := d.untouched(ctx, m); err != nil {
		return Deployment{}, err
	}
	if err := d.approveBundle(ctx, o.Dir, m); err != nil {
		return Deployment{}, err
	}
	rv, err := d.stageReviewed(o.Dir, m)
	if err != nil {
		return Deployment{}, err
	}
	if err := d.use(ctx, o.Dir, m); err != nil {
		return Deployment{}, errors.Join(err, d.removeFolder(m.ID))
	}
	return d.runReviewed(ctx, o.Dir, m, rv, secrets)
}

func (d *Deployer) runReviewed(ctx context.Context, dir string, m *review.Manifest, rv *reviewed, secrets map[string]string) (Deployment, error) {
	dep := rowOfManifest(m)
	result := selector.Result{Rule: m.Rule, Why: m.Why, Candidates: rv.candidates(), Refused: m.Refused}
	r := &run{
		d: d, dep: &dep, secrets: secrets, result: result, queue: queueOf(result.Candidates, &m.Policy),
		approved: true, reviewed: rv,
	}
	err := d.claimName(ctx, &dep)
	if err != nil {
		err = d.forget(ctx, &dep, err)
	} else {
		err = errors.Join(r.all(ctx), d.releaseEnded(ctx, &dep))
	}
	ctx = context.WithoutCancel(ctx)
	if err != nil {
		if _, gone := d.store.Get(ctx, m.ID); errors.Is(gone, store.ErrNotFound) {
			// Nothing was begun.
			return Deployment{}, errors.Join(err, review.UnmarkUsed(dir))
		}
		var f *failure.Error
		if errors.As(err, &f) && f.Code == failure.Exhausted {
			f.Next = fmt.Sprintf("Only the %d approved candidate(s) were tried, and this bundle is used. Mend the causes above, and plan again, with more --candidates if they fit.", len(result.Candidates))
		}
		var unhealthy *UnhealthyError
		if !errors.As(err, &unhealthy) {
			return Deployment{}, err
		}
	}
	view, verr := d.view(ctx, m.ID)
	return view, errors.Join(err, verr)
}

func rowOfManifest(m *review.Manifest) store.Deployment {
	return store.Deployment{
		ID: m.ID, Name: m.Name, Phase: store.Pending, Remote: m.Remote, Sandbox: m.Sandbox, Service: m.Service, Policy: m.Policy,
	}
}

// approveBundle asks before anything is used.
func (d *Deployer) approveBundle(ctx context.Context, dir string, m *review.Manifest) error {
	if d.opts.Approve == nil {
		return nil
	}
	ok, err := d.opts.Approve(ctx, PreviewOf(m, dir))
	if err == nil && !ok {
		err = ErrNotApproved
	}
	if errors.Is(err, context.Canceled) {
		err = failure.Wrap(err, failure.Interrupted, fmt.Sprintf("deployment %q", m.Name), "Nothing was made; the bundle is not used.", "")
	}
	return err
}

// PreviewOf is what a person approves of a reviewed folder.
func PreviewOf(m *review.Manifest, dir string) Preview {
	p := Preview{
		Name: m.Name, ID: m.ID, Sandbox: m.Sandbox, Instances: m.Service.Instances, Rule: m.Rule, Why: m.Why, Bundle: dir, MaxUSD: m.MaxUSD(),
	}
	for _, e := range m.Candidates {
		if e.Verdict != nil && len(e.Verdict.Deny) > 0 {
			o := e.Candidate.Offer
			p.Denied = append(p.Denied, Denial{Provider: o.Provider, Region: o.Region, Type: o.Type, Spot: e.Candidate.Spot, Reasons: e.Verdict.Deny})
		}
	}
	for i, e := range m.Approved() {
		if i == 0 {
			p.Candidate, p.Changes = e.Candidate, e.Changes
			if e.Verdict != nil {
				p.Warnings = e.Verdict.Warn
			}
			continue
		}
		p.Fallbacks = append(p.Fallbacks, e.Candidate)
	}
	return p
}

// use marks the folder as used and creates the deployment. In the store both
// are one transaction; a crash between the file and that leaves a used folder,
// which is the safe side.
func (d *Deployer) use(ctx context.Context, dir string, m *review.Manifest) error {
	err := review.MarkUsed(dir, review.Used{Hash: m.Hash, Deployment: m.ID, At: time.Now().UTC()})
	switch {
	case errors.Is(err, fs.ErrExist):
		return d.usedFailure(ctx, dir, m, m.ID, time.Time{})
	case err != nil:
		return failure.Wrap(err, failure.Input, "marking "+dir+" as used", "A folder that can not be marked could be applied twice; nothing was changed.",
			"Make it writable, or copy it to where it is.")
	}
	if err := d.store.CreateOf(ctx, rowOfManifest(m), m.Hash); err != nil {
		if errors.Is(err, store.ErrUsed) {
			return d.usedFailure(ctx, dir, m, m.ID, time.Time{})
		}
		return errors.Join(err, review.UnmarkUsed(dir))
	}
	return nil
}

// usedFailure says what became of a bundle that was used.
func (d *Deployer) usedFailure(ctx context.Context, dir string, m *review.Manifest, id string, at time.Time) error {
	when, what := "", "This machine's store does not know that deployment: it was applied elsewhere."
	if !at.IsZero() {
		when = " at " + at.UTC().Format(time.RFC3339)
	}
	row, err := d.store.Get(ctx, id)
	switch {
	case err == nil && row.Phase.Ended():
		what = fmt.Sprintf("Deployment %s has ended since (%s); what it made is removed.", id, row.Phase)
	case err == nil:
		what = fmt.Sprintf("Deployment %s is %s; `skysail destroy %s` removes it, in whole or in part.", id, row.Phase, m.Name)
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	return failure.New(failure.Input, fmt.Sprintf("%s was used%s by deployment %s", dir, when, id),
		"A plan of nothing can be applied to nothing any number of times, so each is applied once. "+what+" Nothing was changed.",
		"Plan again with `skysail plan --out`, and have that reviewed.")
}

// reviewedDir is where an apply keeps its own copy of what was approved.
func (d *Deployer) reviewedDir(id string) string {
	return filepath.Join(d.home, "deployments", id, "reviewed")
}

func makePrivate(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	return nil
}
