package deploy

import (
	"context"
	"errors"
	"fmt"

	"skysail/internal/failure"
	"skysail/store"
)

// replace makes a new deployment beside the current one, lets it take over
// when it is healthy, and destroys the old one.
func (u *update) replace(ctx context.Context) (UpdateResult, error) {
	d := u.d
	if err := u.canDestroy(ctx); err != nil {
		return UpdateResult{}, err
	}
	id, err := d.store.NextID(ctx, u.cur.Name)
	if err != nil {
		return UpdateResult{}, err
	}
	next := store.Deployment{
		ID: id, Name: u.cur.Name, Role: store.RoleNext, Replaces: u.cur.ID, MadeBy: u.preview.By, MadeNote: u.note(), Phase: store.Pending,
		Remote: u.cur.Remote, Sandbox: u.cur.Sandbox, Service: u.next.Service, Policy: u.next.Policy,
	}
	if err := d.store.Create(ctx, next); err != nil {
		return UpdateResult{}, err
	}
	d.emit(EventStep, nil, "replacing %s: %s", u.cur.ID, u.preview.Reason)
	r := &run{d: d, dep: &next, secrets: u.secrets, result: u.result, queue: queueOf(u.result.Candidates, &next.Policy), update: u.preview}
	err = r.all(ctx)
	switch unhealthy := (*UnhealthyError)(nil); {
	case errors.As(err, &unhealthy):
		return UpdateResult{}, u.undoUnhealthy(ctx, id, unhealthy)
	case errors.Is(err, ErrNotApproved):
		return UpdateResult{}, err
	case err != nil:
		return UpdateResult{}, u.stays(err, "it was not touched")
	}
	return u.takeOver(ctx, id)
}

// takeOver makes the new deployment the current one and destroys the old.
func (u *update) takeOver(ctx context.Context, id string) (UpdateResult, error) {
	d := u.d
	// What is healthy is wanted: an interrupt now would leave two.
	ctx = context.WithoutCancel(ctx)
	if err := d.switchTo(ctx, id, u.cur.ID); err != nil {
		return UpdateResult{}, err
	}
	old, err := d.store.Get(ctx, u.cur.ID)
	if err != nil {
		return UpdateResult{}, err
	}
	d.emit(EventStep, nil, "%s has taken over; destroying %s", id, old.ID)
	proofs, err := d.endAs(ctx, &old, store.Destroyed, "replaced by "+id)
	if proofs == nil {
		proofs = []Proof{}
	}
	return u.outcome(ctx, false, proofs, err)
}

// switchTo is the one moment at which a name changes hands.
func (d *Deployer) switchTo(ctx context.Context, id, old string) error {
	next, err := d.store.Get(ctx, id)
	if err != nil {
		return err
	}
	a := &attempt{dep: &next, row: store.Attempt{N: next.Attempt}}
	return d.step(ctx, a, store.StepSwitch, "in place of "+old, func() error { return d.store.Switch(ctx, id) })
}

// undoUnhealthy removes a new deployment that runs, but is not healthy.
func (u *update) undoUnhealthy(ctx context.Context, id string, cause *UnhealthyError) error {
	u.d.emit(EventWarning, nil, "the new revision is not healthy: removing it: %s", cause.Reason)
	if err := u.d.undoNext(ctx, id, "not healthy: "+cause.Reason); err != nil {
		return u.stays(err, "it was not touched, but the new revision could not be removed")
	}
	code, what := failure.Exhausted, fmt.Sprintf("the new revision of %q was not healthy after %s: %s", u.cur.Name, cause.Timeout, cause.Reason)
	if ctx.Err() != nil {
		code, what = failure.Interrupted, fmt.Sprintf("the update of %q was interrupted", u.cur.Name)
	}
	return u.stays(failure.Wrap(cause, code, what, "", "Mend the service and update again; `skysail history "+u.cur.Name+"` keeps what was tried."),
		"it was not touched, and the new one has been removed")
}

// undoNext removes a deployment that was to replace another, with proof. It
// is idempotent.
func (d *Deployer) undoNext(ctx context.Context, id, reason string) error {
	ctx = context.WithoutCancel(ctx)
	next, err := d.store.Get(ctx, id)
	if err != nil || next.Phase.Ended() {
		return err
	}
	_, err = d.endAs(ctx, &next, store.FailedAll, reason)
	return err
}

// canDestroy says beforehand when the old deployment could not be removed.
func (u *update) canDestroy(ctx context.Context) error {
	env, err := u.d.environment(ctx, u.cur.Sandbox)
	if err != nil {
		return err
	}
	c, err := u.d.cloudOf(attemptAt(&u.cur), env)
	if err != nil {
		return err
	}
	if err := c.Credentials(); err != nil {
		return failure.Wrap(err, failure.Input, "the credentials of "+u.cur.Provider,
			"The deployment has to be replaced, and without them the old one could not be removed; nothing was changed.",
			"`skysail doctor` says how to get them.")
	}
	return nil
}

// note is what there is to say of a revision beside its fields.
func (u *update) note() string {
	if u.order.Reaction != nil {
		return u.order.Reaction.Why
	}
	if u.preview.To > 0 {
		return fmt.Sprintf("to revision %d", u.preview.To)
	}
	return ""
}
