package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"skysail/runner"
	"skysail/store"
)

// recoveryOf is what to do with a deployment whose owner died; ok is false
// when it can stay as it is. What an update began with it comes first.
func recoveryOf(row *store.Deployment) (do func(*Deployer, context.Context, *store.Deployment, *Recovery) error, ok bool) {
	switch {
	case row.Phase.Ended():
		return nil, false
	case row.Role == store.RoleNext:
		return (*Deployer).recoverNext, true
	case row.Role == store.RolePrevious:
		return (*Deployer).recoverDestroy, true
	case row.Phase == store.Updating:
		return (*Deployer).recoverUpdating, true
	}
	do, ok = recoveries[row.Phase]
	return do, ok
}

// firstToRecover is the deployment of a name that has something to recover,
// the one beside the current one first, else the current one.
func (d *Deployer) firstToRecover(ctx context.Context, current store.Deployment) (store.Deployment, error) {
	rows, err := d.store.Named(ctx, current.Name)
	if err != nil {
		return current, err
	}
	for _, row := range slices.Backward(rows) {
		if _, ok := recoveryOf(&row); ok {
			return row, nil
		}
	}
	return current, nil
}

// settleName ends what an update of a name left undone whose process died, so
// that the name has one deployment. The caller holds the name's lock.
func (d *Deployer) settleName(ctx context.Context, name string) error {
	rows, err := d.store.Named(ctx, name)
	if err != nil {
		return err
	}
	for i := range rows {
		if rows[i].Role == store.RoleCurrent && rows[i].Phase != store.Updating {
			continue
		}
		d.emit(EventStep, nil, "the process that worked on %s (%s, %s) is gone: recovering it first", name, rows[i].ID, rows[i].Phase)
		r, err := d.recoverLocked(ctx, &rows[i])
		if err != nil {
			return err
		}
		d.emit(EventStep, nil, "%s: %s", r.Did, r.Why)
	}
	return nil
}

// recoverNext undoes a deployment that was to replace another, which was never
// touched.
func (d *Deployer) recoverNext(ctx context.Context, row *store.Deployment, r *Recovery) error {
	if row.Phase == store.Pending {
		return d.recoverPending(ctx, row, r)
	}
	why := "the update died before it took over"
	if err := d.undoNext(ctx, row.ID, why); err != nil {
		return err
	}
	r.Did, r.Phase, r.Why = RecoveredUndone, store.FailedAll, why+"; what it had made is removed, and "+row.Replaces+" runs as before"
	return nil
}

// recoverUpdating goes on with a change in place to its open revision when
// that had begun, and goes back to the one before when that fails or had not.
func (d *Deployer) recoverUpdating(ctx context.Context, row *store.Deployment, r *Recovery) error {
	forward, why, err := d.recoverInPlace(ctx, row)
	if err != nil {
		return err
	}
	r.Did, r.Phase, r.Why = RecoveredUndone, store.Running, why
	if forward {
		r.Did = RecoveredResumed
	}
	return nil
}

// recoverInPlace ends a change in place, forward or back, and says why.
func (d *Deployer) recoverInPlace(ctx context.Context, row *store.Deployment) (forward bool, why string, err error) {
	rev, err := d.store.OpenRevision(ctx, row.ID)
	if err != nil {
		return false, "", fmt.Errorf("deployment %s is updating without a revision: %w", row.ID, err)
	}
	attempts, err := d.store.Attempts(ctx, row.ID)
	if err != nil {
		return false, "", err
	}
	at, ok := attemptOf(attempts, row.Attempt)
	if !ok {
		return false, "", fmt.Errorf("deployment %s has no attempt %d", row.ID, row.Attempt)
	}
	begun, err := d.changeBegun(ctx, row, rev.N)
	if err != nil {
		return false, "", err
	}
	why = "the update died before it changed anything"
	if begun {
		failed := d.goOn(ctx, row, at, &rev)
		if failed == nil {
			return true, fmt.Sprintf("the change to revision %d had begun, and has reached its end", rev.N), nil
		}
		why = "the update died in the middle, and going on failed: " + firstCause(failed)
		d.emit(EventWarning, nil, "%s", why)
	}
	ill, err := d.goBack(ctx, row, at, why)
	if err != nil {
		return false, "", err
	}
	why += fmt.Sprintf("; revision %d runs again", row.Revision)
	if ill != "" {
		why += ", but it is not healthy: " + ill
	}
	return false, why, nil
}

// changeBegun asks the journal whether the apply of a revision was begun and
// no way back was.
func (d *Deployer) changeBegun(ctx context.Context, row *store.Deployment, revision int) (bool, error) {
	steps, err := d.store.Steps(ctx, row.ID)
	if err != nil {
		return false, err
	}
	begun := false
	for _, s := range steps {
		if s.Kind != store.StepUpdate {
			continue
		}
		begun = s.Detail == fmt.Sprintf("revision %d", revision)
	}
	return begun, nil
}

// goOn plans the bundle of an open revision again and applies it.
func (d *Deployer) goOn(ctx context.Context, row *store.Deployment, at store.Attempt, rev *store.Revision) error {
	next := *row
	next.Service, next.Policy = rev.Service, rev.Policy
	a, err := d.openAttempt(ctx, &next, at)
	if err != nil {
		return err
	}
	secrets, err := d.secretValues(&next.Service)
	if err != nil {
		return err
	}
	p := &inPlacePlan{a: a, dir: a.bundleOfRevision(rev.N)}
	work := a.workspace.In(p.dir)
	p.work = work
	if _, err := os.Stat(p.dir); err != nil {
		return fmt.Errorf("the bundle of revision %d: %w", rev.N, err)
	}
	if err := d.salvageState(a, work); err != nil {
		return err
	}
	if err := d.unlockRelease(ctx, a); err != nil {
		return err
	}
	if err := work.Init(ctx); err != nil {
		return err
	}
	// A local service takes its secrets when it is made, and whether that was
	// after they changed is not known.
	if p.plan, err = work.PlanReplacing(ctx, a.renewed(len(secrets) > 0)); err != nil {
		return err
	}
	if why := mustReplace(at.Provider, p.plan); why != "" {
		return errors.New(why)
	}
	// Handing over twice does no harm, and nobody knows whether it was done.
	c := &change{d: d, a: a, revision: rev.N, old: row.Instances, secrets: secrets, handOver: len(secrets) > 0}
	return c.apply(ctx, p)
}

// salvageState puts the best state that a Terraform left which died in a
// workspace in its place.
func (d *Deployer) salvageState(a *attempt, w *runner.Workspace) error {
	did, err := w.Salvage()
	for _, text := range did {
		d.emit(EventWarning, a, "%s", text)
	}
	return err
}
