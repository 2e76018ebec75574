package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"skysail/clouds/faults"
	"skysail/internal/failure"
	"skysail/policies"
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
	if err := d.checkRules(); err != nil {
		return Deployment{}, err
	}
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
	if err := d.claimName(ctx, &dep); err != nil {
		return Deployment{}, d.forget(ctx, &dep, err)
	}
	run := &run{d: d, dep: &dep, secrets: secrets, result: result, queue: queueOf(result.Candidates, &d.policy)}
	if err := errors.Join(run.all(ctx), d.releaseEnded(ctx, &dep)); err != nil {
		var unhealthy *UnhealthyError
		if errors.As(err, &unhealthy) {
			view, verr := d.view(context.WithoutCancel(ctx), id)
			return view, errors.Join(err, verr)
		}
		return Deployment{}, err
	}
	return d.view(ctx, id)
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
func (r *run) afterFailure(parent, ctx context.Context, a *attempt, v faults.Verdict, cause error) error {
	d := r.d
	r.failed = a
	interrupted := parent.Err() != nil
	if interrupted {
		d.emit(EventInterrupt, a, "interrupted: removing what was made")
	} else {
		d.emit(EventFault, a, "%s: %s", v.Class, a.row.Cause)
		r.foresee(ctx, a.row.N, v)
		if err := d.remember(ctx, a, v.Class); err != nil {
			d.emit(EventWarning, a, "the %s fault is not remembered: %v", v.Class, err)
		}
	}
	settled := !interrupted && v.Class != faults.Timeout && v.Class != faults.Unknown && v.Class != classBudget
	_, err := d.cleanAttempt(ctx, a, settled)
	r.mu.Lock()
	r.budget.spent += a.row.SpentUSD
	r.mu.Unlock()
	if err != nil {
		r.next(parent, string(stepEnd))
		return r.stuck(parent, err)
	}
	r.history = append(r.history, fmt.Sprintf("%s %s in %s: %s: %s", a.row.Provider, a.row.Type, a.place(), v.Class, a.row.Cause))
	if interrupted {
		r.next(parent, string(stepEnd))
		return r.end(parent, store.FailedAll, "interrupted", failure.Wrap(context.Cause(parent), failure.Interrupted,
			fmt.Sprintf("deployment %q", r.dep.Name), "What was made has been removed; the provider confirms that nothing is left.", ""))
	}
	r.mu.Lock()
	step, skip := r.queue.failed(v)
	r.mu.Unlock()
	switch step {
	case faults.Stop:
		r.next(parent, string(step))
		return r.end(parent, store.FailedAll, a.row.Cause, failure.Wrap(cause, failure.Failed,
			fmt.Sprintf("%s refused deployment %q", a.row.Provider, r.dep.Name),
			"The fault is in the request itself, so no other provider was tried; what was made has been removed.", v.Class.Remedy()))
	case faults.Wait:
		r.next(parent, string(step))
		return r.end(parent, store.FailedAll, a.row.Cause, failure.Wrap(cause, failure.Busy,
			fmt.Sprintf("deployment %q", r.dep.Name),
			fmt.Sprintf("Somebody else holds Terraform's state lock, and did for %s; nothing was made.", r.dep.Policy.Failover.Timeout(a.row.Provider)),
			v.Class.Remedy()))
	case faults.SameAgain:
		pause := time.Duration(r.queue.retries) * time.Second
		d.emit(EventStep, a, "transient: the same again in %s", pause)
		sleep(ctx, pause)
	}
	r.skip(ctx, skip)
	if ctx.Err() != nil && parent.Err() == nil {
		return r.exhausted(parent)
	}
	return nil
}

// exhausted ends a run in which every candidate failed.
func (r *run) exhausted(ctx context.Context) error {
	r.next(ctx, string(stepEnd))
	text := ""
	for _, h := range r.history {
		text += "\n  " + h
	}
	f := r.dep.Policy.Failover
	cause := fmt.Sprintf("every candidate for %q failed:", r.dep.Name)
	next := fmt.Sprintf("Mend the causes above, or allow more: %d of failover.max_attempts = %d were used, failover.total_timeout = %s.",
		r.queue.attempts, f.MaxAttempts, f.TotalTimeout)
	reason := "every candidate failed"
	if dear := r.queue.tooDear(); len(dear) > 0 && r.queue.attempts < f.MaxAttempts {
		reason = fmt.Sprintf("failover.budget_usd = $%.4g allows no other attempt", f.BudgetUSD)
		cause = fmt.Sprintf("%s for %q: the attempts cost $%.4g:", reason, r.dep.Name, r.budget.spent)
		next = "Mend the causes above, or raise failover.budget_usd. " + r.budget.dear(dear[0]) + "."
	}
	if why := r.cluster(); why != "" {
		text += "\n  the cluster was not tried: " + why
	}
	next += fmt.Sprintf(" `skysail explain %s` tells it all.", r.dep.Name)
	return r.end(ctx, store.FailedAll, reason, failure.New(failure.Exhausted, cause+text,
		"What they made has been removed; the providers confirm that nothing is left.", next))
}

// cluster says why the last resort of a hybrid policy was none, or "".
func (r *run) cluster() string {
	if r.dep.Policy.Hybrid == nil {
		return ""
	}
	for _, x := range r.result.Refused {
		if x.Provider == policies.Kubernetes {
			return x.Reason
		}
	}
	return ""
}

// stuck ends a run whose clean-up failed.
func (r *run) stuck(ctx context.Context, cause error) error {
	return r.end(ctx, store.Stuck, cause.Error(), leftBehind(handle(r.dep), cause))
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

// forget removes a deployment of which nothing was begun, as its name could
// not be had.
func (d *Deployer) forget(ctx context.Context, dep *store.Deployment, cause error) error {
	ctx = context.WithoutCancel(ctx)
	return errors.Join(cause, d.store.Discard(ctx, dep.ID), d.removeFolder(dep.ID+ownerSuffix))
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
