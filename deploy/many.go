package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"skysail/internal/failure"
	"skysail/policies"
	"skysail/selector"
	"skysail/spec"
)

// Many says how several deployments are worked on at once. The zero value is
// right for most.
type Many struct {
	// Parallel is how many are worked on side by side; 0 is Bearable.
	Parallel int
	// Policies are those of single services, by name; the others have the
	// Deployer's.
	Policies map[string]*policies.Policy
	// Approve is asked once for all, before anything is created; nil approves.
	Approve func(context.Context, []Selected) (bool, error)
}

// Selected is where a service would go first, of several that are approved
// together.
type Selected struct {
	Name   string
	Result selector.Result
	// Err is why it can go nowhere; it is left out of what is done.
	Err error
	// MaxUSD is the dearest of its candidates, in dollars an hour.
	MaxUSD float64
}

// Deployed is what became of one of several deployments.
type Deployed struct {
	Name       string
	Deployment Deployment // as far as it came
	Err        error
	Took       time.Duration // from its turn to its end
}

// DeployAll does Deploy for each service, as many side by side as the machine
// bears, in the order given. One that fails does not stop the others: what
// became of each is in the answer, in the same order, and an error is returned
// only when nothing was begun (two services of one name, no approval, nothing
// to do). Each is an operation of its own: when this process ends, those that
// were begun go on, and those that waited for their turn are not begun.
//
// When ctx is cancelled each that runs is interrupted as Deploy is, and those
// that wait fail as interrupted.
func (d *Deployer) DeployAll(ctx context.Context, services []*spec.Service, m Many) ([]Deployed, error) {
	if err := differ(services); err != nil {
		return nil, err
	}
	subs := make([]*Deployer, len(services))
	chosen := make([]Selected, len(services))
	for i, svc := range services {
		subs[i] = d.under(m.Policies[svc.Name])
		chosen[i] = subs[i].selected(ctx, svc)
	}
	if m.Approve != nil {
		switch ok, err := m.Approve(ctx, chosen); {
		case err != nil:
			return nil, err
		case !ok:
			return nil, ErrNotApproved
		}
	}
	out := make([]Deployed, len(services))
	jobs := make([]manyJob, len(services))
	for i, svc := range services {
		jobs[i] = manyJob{name: svc.Name, provider: chosen[i].provider(), do: func(ctx context.Context) error {
			began := time.Now()
			out[i] = Deployed{Name: svc.Name, Err: chosen[i].Err}
			if out[i].Err == nil {
				out[i].Deployment, out[i].Err = subs[i].Deploy(ctx, svc)
			}
			out[i].Took = time.Since(began)
			return out[i].Err
		}}
	}
	for i, err := range d.inTurn(ctx, m.Parallel, jobs) {
		if out[i].Name == "" { // its turn never came
			out[i] = Deployed{Name: services[i].Name, Err: err}
		}
	}
	return out, nil
}

// Removed is what became of one of several destroys.
type Removed struct {
	Name   string
	Proofs []Proof
	Err    error
	Took   time.Duration
}

// DestroyAll does Destroy for each name, as many side by side as the machine
// bears, and proves it for each. One that fails does not stop the others. It
// is idempotent.
func (d *Deployer) DestroyAll(ctx context.Context, names []string, m Many) ([]Removed, error) {
	if err := differentNames(names); err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, nil
	}
	out := make([]Removed, len(names))
	jobs := make([]manyJob, len(names))
	for i, name := range names {
		row, err := d.get(ctx, name)
		if err != nil {
			return nil, err
		}
		jobs[i] = manyJob{name: row.Name, provider: row.Provider, do: func(ctx context.Context) error {
			began := time.Now()
			out[i].Name = name
			out[i].Proofs, out[i].Err = d.Destroy(ctx, name)
			out[i].Took = time.Since(began)
			return out[i].Err
		}}
	}
	for i, err := range d.inTurn(ctx, m.Parallel, jobs) {
		if out[i].Name == "" {
			out[i] = Removed{Name: names[i], Err: err}
		}
	}
	return out, nil
}

// under is this Deployer with another policy and without a question. It shares
// the store and may not be closed.
func (d *Deployer) under(p *policies.Policy) *Deployer {
	sub := &Deployer{opts: d.opts, policy: d.policy, home: d.home, env: d.env, store: d.store, jobDir: d.jobDir, secret: secrets{values: d.secret.all()}}
	sub.opts.Approve = nil
	if d.opts.Progress != nil {
		sub.opts.Progress = d.send
	}
	if p != nil {
		sub.policy = *p
	}
	return sub
}

// selected selects for the approval of all; nothing fits is in Err.
func (d *Deployer) selected(ctx context.Context, svc *spec.Service) Selected {
	s := Selected{Name: svc.Name}
	s.Result, s.Err = d.Select(ctx, svc)
	if s.Err == nil && len(s.Result.Candidates) == 0 {
		s.Err = NothingFits(svc, s.Result)
	}
	for i := range s.Result.Candidates {
		s.MaxUSD = max(s.MaxUSD, s.Result.Candidates[i].TotalUSD)
	}
	return s
}

func (s Selected) provider() string {
	if s.Err != nil {
		return ""
	}
	return s.Result.Candidates[0].Offer.Provider
}

func differ(services []*spec.Service) error {
	names := make([]string, len(services))
	for i, svc := range services {
		names[i] = svc.Name
	}
	return differentNames(names)
}

func differentNames(names []string) error {
	seen := map[string]bool{}
	for _, n := range names {
		if seen[n] {
			return failure.New(failure.Input, fmt.Sprintf("the name %q is there twice", n),
				"A name belongs to one deployment at a time; nothing was changed.", "Give each service a name of its own.")
		}
		seen[n] = true
	}
	return nil
}

// Worst is the failure that decides the exit status of several operations:
// left behind before interrupted before failed before every candidate failed
// before nothing fits before busy before input. Nil when none failed.
func Worst(errs ...error) *failure.Error {
	order := []failure.Code{
		failure.LeftBehind, failure.Interrupted, failure.Failed, failure.Exhausted, failure.NothingFits, failure.Busy, failure.Input,
	}
	for _, code := range order {
		for _, err := range errs {
			if err == nil || failure.CodeOf(err) != code {
				continue
			}
			var f *failure.Error
			if !errors.As(err, &f) {
				f = failure.New(failure.Failed, err.Error(), "", "")
			}
			return f
		}
	}
	return nil
}
