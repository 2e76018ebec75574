package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"skysail/internal/failure"
	"skysail/store"
)

// Recovered is what a recovery did.
type Recovered string

// What a recovery can do.
const (
	// RecoveredNothing: the deployment is in a phase in which it can stay.
	RecoveredNothing Recovered = "nothing"
	// RecoveredForgotten: nothing had been made, and its record is dropped.
	RecoveredForgotten Recovered = "forgotten"
	// RecoveredResumed: what had been made is in service now.
	RecoveredResumed Recovered = "resumed"
	// RecoveredUndone: what had been made is removed.
	RecoveredUndone Recovered = "undone"
	// RecoveredDestroyed: a destroy that had begun has reached its end.
	RecoveredDestroyed Recovered = "destroyed"
)

// Recovery is what Recover found and did.
type Recovery struct {
	Name string `json:"name"`
	ID   string `json:"id"`
	// Was is the phase before, Phase the one after; empty when the deployment
	// is forgotten.
	Was   store.Phase `json:"was"`
	Phase store.Phase `json:"phase"`
	Did   Recovered   `json:"did"`
	// Why says it for a person.
	Why    string  `json:"why"`
	Proofs []Proof `json:"proofs"`
}

// recoveries are what to do with a deployment whose owner died in a phase. The
// lock is held and nothing of the deployment runs any more. Each can be killed
// at any point and begun again. In a phase that is not here nothing is done.
var recoveries = map[store.Phase]func(*Deployer, context.Context, *store.Deployment, *Recovery) error{
	store.Pending:    (*Deployer).recoverPending,
	store.Applying:   (*Deployer).recoverApplying,
	store.Destroying: (*Deployer).recoverDestroy,
	store.Stuck:      (*Deployer).recoverDestroy,
}

// Recover ends what a process that died had begun on a deployment, or what an
// earlier clean-up could not end. It takes over only when the owner is gone by
// the kernel's word, and else is Busy; it first ends what that left running.
// Then the journal decides: what was completely made is brought into service,
// everything else is removed with proof. It ends in a stable phase, or with
// LeftBehind in stuck. A deployment that came into service and was never read is
// waited for until it is healthy, as Deploy does. It is idempotent, and may be
// killed and run again. An interrupt stops it before the next decision, never a
// clean-up.
func (d *Deployer) Recover(ctx context.Context, name string) (Recovery, error) {
	row, err := d.get(ctx, name)
	if err != nil {
		return Recovery{}, err
	}
	if name == row.Name {
		if row, err = d.firstToRecover(ctx, row); err != nil {
			return Recovery{}, err
		}
	}
	return supervised[Recovery](ctx, d, "recover", row.Name, row.ID)
}

// recoverHere is Recover in the supervisor.
func (d *Deployer) recoverHere(ctx context.Context, id string) (Recovery, error) {
	row, err := d.get(ctx, id)
	if err != nil {
		return Recovery{}, err
	}
	unlock, err := d.lockName(row.Name, "recover")
	if err != nil {
		return Recovery{}, err
	}
	defer unlock()
	// Whoever held the lock until now may have moved it.
	if row, err = d.get(ctx, id); err != nil {
		return Recovery{}, err
	}
	return d.recoverLocked(ctx, &row)
}

// recoverLocked is for a caller that holds the lock.
func (d *Deployer) recoverLocked(ctx context.Context, row *store.Deployment) (Recovery, error) {
	r := Recovery{Name: row.Name, ID: row.ID, Was: row.Phase, Phase: row.Phase, Did: RecoveredNothing, Proofs: []Proof{}}
	do, ok := recoveryOf(row)
	if !ok {
		r.Why = "nobody died over it, and there is nothing to recover"
		if row.Phase == store.Running {
			return r, d.seeHealthy(ctx, row, &r)
		}
		return r, nil
	}
	if err := d.takeOver(ctx, row, orphanGrace); err != nil {
		return r, err
	}
	if row.Phase != store.Pending {
		if _, err := d.findEngine(ctx, &row.Policy); err != nil {
			return r, err // and not stuck for the want of a program
		}
	}
	err := do(d, ctx, row, &r)
	return r, err
}

// seeHealthy waits for the health of a deployment that came into service and was
// never read: its process died before it could see it healthy.
func (d *Deployer) seeHealthy(ctx context.Context, row *store.Deployment, r *Recovery) error {
	samples, err := d.store.LatestSamples(ctx, row.ID)
	if err != nil || len(samples) > 0 {
		return err
	}
	attempts, err := d.store.Attempts(ctx, row.ID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(attempts, func(a store.Attempt) bool { return a.N == row.Attempt })
	if i < 0 {
		return nil
	}
	targets, err := d.targets(ctx, row, &attempts[i], row.Instances)
	if err != nil {
		return err
	}
	err = d.waitHealthy(ctx, row, &attempt{dep: row, row: attempts[i]}, targets)
	var unhealthy *UnhealthyError
	switch {
	case errors.As(err, &unhealthy) && ctx.Err() == nil:
		r.Did, r.Why = RecoveredResumed, "it was in service already, and nobody had seen it healthy; now "+unhealthy.Error()
		return nil
	case err == nil:
		r.Did, r.Why = RecoveredResumed, "it was in service already, and nobody had seen it healthy; it is"
	}
	return err
}

// recoverPending forgets a deployment that was never approved.
func (d *Deployer) recoverPending(ctx context.Context, row *store.Deployment, r *Recovery) error {
	ctx = context.WithoutCancel(ctx)
	if err := d.removeFolder(row.ID); err != nil {
		return err
	}
	if err := d.store.Discard(ctx, row.ID); err != nil {
		return err
	}
	if err := d.releaseEnded(ctx, row); err != nil {
		return err
	}
	r.Phase, r.Did, r.Why = "", RecoveredForgotten, "it was never approved, so nothing had been made"
	return nil
}

// recoverApplying brings into service what was completely made, and removes
// all else.
func (d *Deployer) recoverApplying(ctx context.Context, row *store.Deployment, r *Recovery) error {
	attempts, err := d.store.Attempts(ctx, row.ID)
	if err != nil {
		return err
	}
	if err := d.dropPrepared(row.ID, attempts); err != nil {
		return err
	}
	why, err := d.resume(ctx, row, attempts, r)
	if err != nil || r.Did == RecoveredResumed {
		return err
	}
	d.emit(EventStep, nil, "%s: removing what was made", why)
	for i := range attempts {
		if a := &attempts[i]; a.Phase != store.AttemptCleaned && a.Cause == "" {
			a.Cause = "the process that worked on it ended in the middle: " + why
		}
	}
	return d.undo(ctx, row, attempts, r, why)
}

// undo removes everything of a deployment that never came into service.
func (d *Deployer) undo(ctx context.Context, row *store.Deployment, attempts []store.Attempt, r *Recovery, why string) error {
	var err error
	r.Proofs, err = d.removeAttempts(ctx, row, attempts)
	ctx = context.WithoutCancel(ctx)
	if err != nil {
		r.Phase, r.Why = store.Stuck, err.Error()
		return errors.Join(leftBehind(row.Name, err), d.store.SetPhase(ctx, row.ID, store.Stuck, err.Error()))
	}
	r.Did, r.Phase, r.Why = RecoveredUndone, store.FailedAll, why+"; what it had made is removed"
	return errors.Join(d.store.SetPhase(ctx, row.ID, store.FailedAll, r.Why), d.releaseEnded(ctx, row))
}

// recoverDestroy goes on with a destroy, and with the clean-up of a deploy
// that could not end: what it leads to is the same.
func (d *Deployer) recoverDestroy(ctx context.Context, row *store.Deployment, r *Recovery) error {
	var err error
	if r.Proofs, err = d.destroyLocked(ctx, row); err != nil {
		if failure.CodeOf(err) == failure.LeftBehind {
			r.Phase, r.Why = store.Stuck, "something may still be left"
		}
		return err
	}
	r.Did, r.Phase, r.Why = RecoveredDestroyed, store.Destroyed, "its removal has reached its end"
	return nil
}

// RecoverAll recovers every deployment whose owner died in a passing phase, or
// that is stuck, one after the other. What somebody works on is left to them.
// The recoveries that ended are returned together with the errors of others.
func (d *Deployer) RecoverAll(ctx context.Context) ([]Recovery, error) {
	rows, err := d.store.List(ctx, false)
	if err != nil {
		return nil, err
	}
	out := []Recovery{}
	var failed []error
	for i := range rows {
		if _, ok := recoveryOf(&rows[i]); !ok || !d.ownerGone(rows[i].Name) {
			continue
		}
		if ctx.Err() != nil {
			return out, errors.Join(append(failed, context.Cause(ctx))...)
		}
		r, err := d.Recover(ctx, rows[i].ID)
		if r.ID != "" {
			out = append(out, r)
		}
		if err != nil {
			failed = append(failed, err)
		}
	}
	return out, errors.Join(failed...)
}

// outOfTheWay recovers a deployment of the name whose owner died, for a deploy
// that holds the lock. One that it finds complete runs afterwards, and the
// name is taken.
func (d *Deployer) outOfTheWay(ctx context.Context, name string) error {
	row, err := d.store.Get(ctx, name)
	if errors.Is(err, store.ErrNotFound) || err == nil && (row.Name != name || !row.Phase.Passing()) {
		return nil
	}
	if err != nil {
		return err
	}
	d.emit(EventStep, nil, "the process that worked on %s (%s, %s) is gone: recovering it first", row.Name, row.ID, row.Phase)
	r, err := d.recoverLocked(ctx, &row)
	if err != nil {
		return err
	}
	d.emit(EventStep, nil, "%s: %s", r.Did, r.Why)
	if r.Did != RecoveredResumed {
		return nil
	}
	return failure.New(failure.Input, fmt.Sprintf("deployment %q of an earlier command was complete and runs now", name),
		"Its process had died before it said so. The name is taken, and what was asked for now was not begun.",
		fmt.Sprintf("See it with `skysail status %s`, remove it with `skysail destroy %s`, or give the service another name.", name, name))
}
