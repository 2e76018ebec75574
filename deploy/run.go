package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"skysail/clouds/faults"
	"skysail/runner"
	"skysail/selector"
	"skysail/store"
)

// run is one Deploy call over its candidates.
type run struct {
	d        *Deployer
	dep      *store.Deployment
	secrets  map[string]string
	result   selector.Result
	queue    *queue
	approved bool
	history  []string
	budget   budget
	failed   *attempt // the last one that failed
	denials  denials
	// reviewed is set when only what was approved in a folder is applied.
	reviewed *reviewed
	// update is set when what is made replaces a running deployment.
	update *UpdatePreview

	mu    sync.Mutex
	ahead *preparation // what is prepared while an attempt runs
	ended bool
}

func (r *run) all(parent context.Context) error {
	ctx, cancel := context.WithTimeout(parent, r.dep.Policy.Failover.TotalTimeout)
	defer cancel()
	defer r.leave()
	r.budget = budget{limit: r.dep.Policy.Failover.BudgetUSD, instances: r.dep.Service.Instances}
	r.queue.dear = r.budget.dear
	for {
		p, err := r.take(ctx)
		if err != nil {
			return r.abandon(parent, err)
		}
		if p == nil {
			return r.none(parent)
		}
		a, verdict, err := r.try(ctx, p)
		if errors.Is(err, errDenied) {
			r.discard(p)
			if len(r.denials) == maxDenied {
				return r.none(parent)
			}
			continue
		}
		var unhealthy *UnhealthyError
		if err == nil || errors.As(err, &unhealthy) {
			return err
		}
		if a == nil {
			r.discard(p)
			return r.abandon(parent, err)
		}
		if stop := r.afterFailure(parent, ctx, a, verdict, err); stop != nil {
			return stop
		}
	}
}

// take returns the next attempt, its preparation begun, or nil when there is
// none. Candidates for which the account's limits leave no room are skipped.
func (r *run) take(ctx context.Context) (*preparation, error) {
	for {
		r.mu.Lock()
		s, ok := r.queue.next()
		r.mu.Unlock()
		if !ok {
			r.unaffordable(ctx)
			return nil, nil
		}
		p, err := r.prepared(ctx, s)
		if err != nil {
			return nil, err
		}
		if room := <-p.room; !room.Fits() {
			r.discard(p)
			r.pass(ctx, faults.Verdict{Class: faults.Quota, Scope: room.Scope}, room.String())
			continue
		}
		r.followed(ctx, s)
		return p, nil
	}
}

// pass goes past the slot that was handed out last, without an attempt.
func (r *run) pass(ctx context.Context, v faults.Verdict, why string) {
	r.mu.Lock()
	skip := r.queue.pass(v, why)
	r.mu.Unlock()
	r.skip(ctx, skip)
}

// unaffordable records what the budget alone kept from being tried, by
// provider.
func (r *run) unaffordable(ctx context.Context) {
	if r.queue.attempts >= r.queue.policy.MaxAttempts {
		return
	}
	var skips []*store.Skip
	for _, c := range r.queue.tooDear() {
		i := slices.IndexFunc(skips, func(k *store.Skip) bool { return k.Provider == c.Offer.Provider })
		if i < 0 {
			i = len(skips)
			skips = append(skips, &store.Skip{
				Attempt: r.queue.attempts, Provider: c.Offer.Provider, Class: string(classBudget), Scope: string(faults.ScopeProvider),
				Reason: r.budget.dear(c),
			})
		}
		skips[i].Candidates++
	}
	for _, k := range skips {
		r.skip(ctx, k)
	}
}

// followed records which step followed the attempt that failed before.
func (r *run) followed(ctx context.Context, s slot) {
	if r.failed == nil {
		return
	}
	was := slot{r.failed.candidate, r.failed.row.Zone}
	step := faults.NextProvider
	switch {
	case was == s:
		step = faults.SameAgain
	case was.Candidate == s.Candidate:
		step = faults.NextZone
	case was.Offer.Provider == s.Offer.Provider && was.Offer.Region == s.Offer.Region:
		step = nextType
	case was.Offer.Provider == s.Offer.Provider:
		step = faults.NextRegion
	}
	r.next(ctx, string(step))
}

// next records what followed the attempt that failed last. It tells people and
// decides nothing, so that it is not worth a deployment.
func (r *run) next(ctx context.Context, step string) {
	if r.failed == nil {
		return
	}
	r.failed.row.Next = step
	if err := r.d.store.SetNext(context.WithoutCancel(ctx), r.dep.ID, r.failed.row.N, step); err != nil {
		r.d.emit(EventWarning, r.failed, "what followed is not recorded: %v", err)
	}
}

// Steps that no class leads to: another type in the same region, and the end.
const (
	nextType faults.Step = "next-type"
	stepEnd  faults.Step = "end"
)

// skip tells and records candidates that are not tried.
func (r *run) skip(ctx context.Context, k *store.Skip) {
	if k == nil {
		return
	}
	d := r.d
	where := strings.TrimSpace(k.Region + " " + k.Type)
	if k.Zone != "" {
		where = strings.TrimSpace(k.Zone + " " + k.Type)
	}
	if where == "" {
		where = "everywhere"
	}
	d.emitProvider(EventSkip, k.Provider, "%d candidate(s) skipped (%s): %s", k.Candidates, where, k.Reason)
	if err := d.store.AddSkip(context.WithoutCancel(ctx), r.dep.ID, *k); err != nil {
		d.emitProvider(EventWarning, k.Provider, "the skip is not recorded: %v", err)
	}
}

// try does one attempt. A nil attempt with an error means that nothing was
// begun and nothing else should be.
func (r *run) try(total context.Context, p *preparation) (*attempt, faults.Verdict, error) {
	d, a, row := r.d, p.a, &p.a.row
	kind := ""
	if row.Spot {
		kind = " (spot)"
	}
	where := row.Region
	if row.Zone != "" {
		where = row.Zone
	}
	d.emit(EventAttempt, a, "%s%s in %s, $%.4g an hour", row.Type, kind, where, row.PriceUSD)
	began := time.Now()
	p.show()
	<-p.done
	took := time.Since(began)
	if p.err != nil {
		return r.begun(total, a, p.err)
	}
	if err := r.allow(total, a); err != nil {
		return nil, faults.Verdict{}, err
	}
	if err := checkRoute(total, r.dep, row.Provider); err != nil {
		return nil, faults.Verdict{}, err
	}
	if err := d.store.StartAttempt(total, r.dep.ID, *row); err != nil {
		return nil, faults.Verdict{}, err
	}
	row.Phase, a.appliedAt = store.AttemptApplying, time.Now()
	timeout := r.dep.Policy.Failover.Timeout(row.Provider) - took
	ctx, cancel := context.WithTimeout(total, timeout)
	if t := r.budget.time(a); t < timeout {
		cancel()
		ctx, cancel = context.WithTimeoutCause(total, t, errBudget)
		timeout = t
	}
	defer cancel()
	a.onError = func(said string) { go r.foresee(total, row.N, a.cloud.Faults().Judge(said)) }
	half := time.AfterFunc(timeout/2, func() {
		r.foresee(total, row.N, faults.Verdict{Class: faults.Timeout, Scope: faults.Timeout.Scope()})
	})
	err := r.place(ctx, a)
	half.Stop()
	var unhealthy *UnhealthyError
	if err == nil || errors.As(err, &unhealthy) {
		return a, faults.Verdict{}, err
	}
	v := judge(a, err)
	if v.Class == faults.Timeout && errors.Is(context.Cause(ctx), errBudget) {
		v = faults.Verdict{Class: classBudget, Scope: faults.ScopeProvider, Message: r.budget.used(a)}
	}
	a.fault(v, err)
	return a, v, err
}

// allow asks the guardrails about a plan, and at the first one the caller. What
// was approved in a folder is asked about no more.
func (r *run) allow(ctx context.Context, a *attempt) error {
	if r.reviewed != nil {
		return nil
	}
	plan, err := a.planned(ctx)
	if err != nil {
		return err
	}
	v, err := r.d.judge(ctx, a, plan)
	switch {
	case err != nil:
		return err
	case v.Denied():
		return r.denied(ctx, a, v)
	case r.approved:
		return nil
	}
	if ok, err := r.approve(ctx, a, plan, v); err != nil || !ok {
		if err == nil {
			err = ErrNotApproved
		}
		return err
	}
	r.approved = true
	return nil
}

// begun records an attempt that failed before it was approved: planning does
// talk to providers, and what they said belongs into the history.
func (r *run) begun(ctx context.Context, a *attempt, cause error) (*attempt, faults.Verdict, error) {
	v := judge(a, cause)
	a.fault(v, cause)
	if err := r.d.store.StartAttempt(context.WithoutCancel(ctx), r.dep.ID, a.row); err != nil {
		return nil, faults.Verdict{}, errors.Join(cause, err)
	}
	return a, v, cause
}

// patiently waits for a state lock that somebody else holds, for as long as
// the attempt may take. To fall back would not help: whoever holds it works on
// the same deployment.
func patiently(ctx context.Context, a *attempt, wait func(who string), do func() error) error {
	for told := false; ; told = true {
		err := do()
		if a.lockedOut = lockHolder(a, err); a.lockedOut == "" {
			return err
		}
		if !told {
			wait(a.lockedOut)
		}
		if !sleep(ctx, lockPause) {
			return err
		}
	}
}

// lockPause is the time between two tries for a state lock, each of which
// waits itself.
const lockPause = 2 * time.Second

// lockHolder is what Terraform says of who holds the state's lock, "" where
// that was not what it failed for.
func lockHolder(a *attempt, err error) string {
	var re *runner.Error
	if !errors.As(err, &re) {
		return ""
	}
	if v := a.cloud.Faults().Judge(re.Messages()...); v.Class == faults.Busy {
		return v.Message
	}
	return ""
}

func lockedText(who string) string {
	return fmt.Sprintf("somebody else holds the state lock, waiting: %s", who)
}
