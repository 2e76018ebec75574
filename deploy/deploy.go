package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"skysail/clouds/faults"
	"skysail/internal/failure"
	"skysail/selector"
	"skysail/spec"
	"skysail/store"
)

// ErrNotApproved is returned when Options.Approve said no; nothing was made.
var ErrNotApproved = errors.New("not approved")

// Deploy places the service, registers it with QoS and returns it running,
// its first samples in the store. A candidate that fails is removed before
// the next is tried. It is not idempotent: a live deployment of the same name
// is an input failure.
//
// When ctx is cancelled Terraform is asked to stop, what was made is removed,
// and the failure's code is Interrupted; the call returns only after that.
//
// The work is done by a supervisor, a process of its own: when this one ends
// in the middle, it goes on, and Attach watches it again.
//
// A service that runs but is not healthy within Options.ReadyTimeout is
// returned together with an *UnhealthyError: it exists and is paid for.
func (d *Deployer) Deploy(ctx context.Context, svc *spec.Service) (Deployment, error) {
	return supervised[Deployment](ctx, d, "deploy", svc.Name, svc)
}

// deployHere is Deploy in the supervisor.
func (d *Deployer) deployHere(ctx context.Context, svc *spec.Service) (Deployment, error) {
	secrets, err := d.secretValues(svc)
	if err != nil {
		return Deployment{}, err
	}
	result, err := d.place(ctx, svc)
	if err != nil {
		return Deployment{}, err
	}
	unlock, err := d.lockName(svc.Name, "deploy")
	if err != nil {
		return Deployment{}, err
	}
	defer unlock()
	if err := d.outOfTheWay(ctx, svc.Name); err != nil {
		return Deployment{}, err
	}
	id, err := d.store.NextID(ctx, svc.Name)
	if err != nil {
		return Deployment{}, err
	}
	dep := store.Deployment{
		ID: id, Name: svc.Name, Phase: store.Pending, Remote: d.opts.Remote, Sandbox: d.opts.Sandbox,
		Service: *svc, Policy: d.policy,
	}
	if err := d.store.Create(ctx, dep); err != nil {
		return Deployment{}, err
	}
	run := &run{d: d, dep: &dep, secrets: secrets, result: result, queue: newQueue(result.Candidates, d.policy.Failover)}
	if err := run.all(ctx); err != nil {
		var unhealthy *UnhealthyError
		if errors.As(err, &unhealthy) {
			view, verr := d.view(context.WithoutCancel(ctx), id)
			return view, errors.Join(err, verr)
		}
		return Deployment{}, err
	}
	return d.view(ctx, id)
}

// run is one Deploy call over its candidates.
type run struct {
	d        *Deployer
	dep      *store.Deployment
	secrets  map[string]string
	result   selector.Result
	queue    *queue
	approved bool
	history  []string
}

func (r *run) all(parent context.Context) error {
	ctx, cancel := context.WithTimeout(parent, r.dep.Policy.Failover.TotalTimeout)
	defer cancel()
	for {
		c := r.queue.next()
		if c == nil {
			return r.exhausted(parent)
		}
		a, class, err := r.try(ctx, c)
		var unhealthy *UnhealthyError
		if err == nil || errors.As(err, &unhealthy) {
			return err
		}
		if a == nil {
			return r.abandon(parent, err)
		}
		if stop := r.afterFailure(parent, ctx, a, c, class, err); stop != nil {
			return stop
		}
	}
}

// try does one candidate. A nil attempt with an error means that nothing was
// begun and nothing else should be.
func (r *run) try(total context.Context, c *selector.Candidate) (*attempt, faults.Class, error) {
	d := r.d
	row := rowOf(r.queue.attempts, c)
	a, err := d.openAttempt(total, r.dep, row)
	if err != nil {
		return nil, "", err
	}
	a.candidate = c
	ctx, cancel := context.WithTimeout(total, r.dep.Policy.Failover.AttemptTimeout)
	defer cancel()
	kind := ""
	if row.Spot {
		kind = " (spot)"
	}
	d.emit(EventAttempt, a, "%s%s in %s, $%.4g an hour", row.Type, kind, row.Region, row.PriceUSD)

	if !r.approved {
		plan, err := d.prepare(ctx, a)
		if err != nil {
			return r.begun(total, a, err)
		}
		ok, err := r.approve(total, a, plan)
		if err != nil || !ok {
			if err == nil {
				err = ErrNotApproved
			}
			return nil, "", err
		}
		r.approved = true
		if err := d.store.StartAttempt(ctx, r.dep.ID, a.row); err != nil {
			return nil, "", err
		}
	} else {
		if err := d.store.StartAttempt(ctx, r.dep.ID, a.row); err != nil {
			return nil, "", err
		}
		if _, err := d.prepare(ctx, a); err != nil {
			class, cause := classify(a, err)
			a.row.Class, a.row.Cause = string(class), cause
			return a, class, err
		}
	}
	a.row.Phase = store.AttemptApplying
	err = r.place(ctx, a)
	var unhealthy *UnhealthyError
	if err != nil && !errors.As(err, &unhealthy) {
		class, cause := classify(a, err)
		a.row.Class, a.row.Cause = string(class), cause
		return a, class, err
	}
	return a, "", err
}

// begun records an attempt that failed before it was approved: planning does
// talk to providers, and what they said belongs into the history.
func (r *run) begun(ctx context.Context, a *attempt, cause error) (*attempt, faults.Class, error) {
	class, text := classify(a, cause)
	a.row.Class, a.row.Cause = string(class), text
	if err := r.d.store.StartAttempt(context.WithoutCancel(ctx), r.dep.ID, a.row); err != nil {
		return nil, "", errors.Join(cause, err)
	}
	return a, class, cause
}

// place applies and brings the instances into service.
func (r *run) place(ctx context.Context, a *attempt) error {
	instances, err := r.d.apply(ctx, a, r.secrets)
	if err != nil {
		return err
	}
	return r.d.intoService(ctx, a, instances, r.secrets)
}

// intoService hands the instances of an apply over to the user. Every step of
// it can be repeated, until its last makes the deployment running.
func (d *Deployer) intoService(ctx context.Context, a *attempt, instances []store.Instance, secrets map[string]string) error {
	targets, err := d.targets(ctx, a.dep, &a.row, instances)
	if err != nil {
		return err
	}
	if err := d.handOverAll(ctx, a, targets, secrets); err != nil {
		return err
	}
	if err := d.step(ctx, a, store.StepHostKeys, "", func() error { return d.rotateHostKeys(ctx, a, instances) }); err != nil {
		return err
	}
	if targets, err = d.targets(ctx, a.dep, &a.row, instances); err != nil {
		return err
	}
	err = d.step(ctx, a, store.StepRegister, "", func() error {
		a.row.Phase = store.AttemptSucceeded
		if err := d.store.UpdateAttempt(ctx, a.dep.ID, a.row); err != nil {
			return err
		}
		return d.store.Register(ctx, a.dep.ID, instances)
	})
	if err != nil {
		return err
	}
	if err := d.store.EndShortages(ctx, shortageOf(a)); err != nil {
		d.emit(EventWarning, a, "earlier shortages are not forgotten: %v", err)
	}
	// From here on the service is the user's: an interrupt ends the wait for
	// health, it does not undo the deployment.
	return d.waitHealthy(ctx, a.dep, a, targets)
}

// afterFailure cleans up after a failed attempt and returns the error with
// which Deploy ends, or nil to go on with the next candidate.
func (r *run) afterFailure(parent, ctx context.Context, a *attempt, c *selector.Candidate, class faults.Class, cause error) error {
	d := r.d
	interrupted := parent.Err() != nil
	if interrupted {
		d.emit(EventInterrupt, a, "interrupted: removing what was made")
	} else {
		d.emit(EventFault, a, "%s: %s", class, a.row.Cause)
	}
	if !interrupted {
		if err := d.remember(ctx, a, class); err != nil {
			d.emit(EventWarning, a, "the %s fault is not remembered: %v", class, err)
		}
	}
	settled := !interrupted && class != faults.Timeout && class != faults.Unknown
	_, err := d.cleanAttempt(ctx, a, settled)
	if err != nil {
		return r.stuck(parent, err)
	}
	r.history = append(r.history, fmt.Sprintf("%s %s in %s: %s: %s", c.Offer.Provider, c.Offer.Type, c.Offer.Region, class, a.row.Cause))
	if interrupted {
		return r.end(parent, store.FailedAll, "interrupted", failure.Wrap(context.Cause(parent), failure.Interrupted,
			fmt.Sprintf("deployment %q", r.dep.Name), "What was made has been removed; the provider confirms that nothing is left.", ""))
	}
	switch step := r.queue.failed(c, class); step {
	case faults.Stop:
		return r.end(parent, store.FailedAll, a.row.Cause, failure.Wrap(cause, failure.Failed,
			fmt.Sprintf("%s refused deployment %q", a.row.Provider, r.dep.Name),
			"The fault is in the request itself, so no other provider was tried; what was made has been removed.", class.Remedy()))
	case faults.Wait:
		return r.end(parent, store.FailedAll, a.row.Cause, failure.Wrap(cause, failure.Busy,
			fmt.Sprintf("deployment %q", r.dep.Name), "Somebody else holds Terraform's state lock; nothing was made.", class.Remedy()))
	case faults.SameAgain:
		pause := time.Duration(r.queue.retries) * time.Second
		d.emit(EventStep, a, "transient: the same again in %s", pause)
		sleep(ctx, pause)
	}
	if ctx.Err() != nil && parent.Err() == nil {
		return r.exhausted(parent)
	}
	return nil
}

// exhausted ends a run in which every candidate failed.
func (r *run) exhausted(ctx context.Context) error {
	text := ""
	for _, h := range r.history {
		text += "\n  " + h
	}
	f := r.dep.Policy.Failover
	return r.end(ctx, store.FailedAll, "every candidate failed", failure.New(failure.Exhausted,
		fmt.Sprintf("every candidate for %q failed:%s", r.dep.Name, text),
		"What they made has been removed; the providers confirm that nothing is left.",
		fmt.Sprintf("Mend the causes above, or allow more: %d of failover.max_attempts = %d were used, failover.total_timeout = %s.",
			r.queue.attempts, f.MaxAttempts, f.TotalTimeout)))
}

// stuck ends a run whose clean-up failed.
func (r *run) stuck(ctx context.Context, cause error) error {
	return r.end(ctx, store.Stuck, cause.Error(), leftBehind(r.dep.Name, cause))
}

func leftBehind(name string, cause error) error {
	cost := ""
	var e *LeftBehindError
	if errors.As(cause, &e) && e.USDHour > 0 {
		cost = fmt.Sprintf(" It may cost up to $%.4g an hour.", e.USDHour)
	}
	return failure.Wrap(cause, failure.LeftBehind, fmt.Sprintf("cleaning up %q", name),
		"What is listed may still exist."+cost,
		fmt.Sprintf("Run `skysail destroy %s` to try again; when that fails as well, remove it in the provider's console.", name))
}

func (r *run) end(ctx context.Context, phase store.Phase, reason string, err error) error {
	return errors.Join(err, r.d.store.SetPhase(context.WithoutCancel(ctx), r.dep.ID, phase, reason))
}

// abandon ends a run in which nothing was begun. A deployment that is still
// pending is forgotten.
func (r *run) abandon(ctx context.Context, cause error) error {
	ctx = context.WithoutCancel(ctx)
	if errors.Is(cause, context.Canceled) {
		cause = failure.Wrap(cause, failure.Interrupted, fmt.Sprintf("deployment %q", r.dep.Name), "Nothing was made.", "")
	}
	if err := r.d.store.Discard(ctx, r.dep.ID); err == nil {
		return errors.Join(cause, r.d.removeFolder(r.dep.ID))
	}
	return r.end(ctx, store.FailedAll, cause.Error(), cause)
}
