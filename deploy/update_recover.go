package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"

	"skysail/store"
)

// settleName ends what an update of a name left undone whose process died, so
// that the name has one deployment, in the phase in which it was found or
// running. The caller holds the name's lock.
func (d *Deployer) settleName(ctx context.Context, name string) error {
	rows, err := d.store.Named(ctx, name)
	if err != nil {
		return err
	}
	for i := range rows {
		if _, err := d.recoverUpdateHere(ctx, &rows[i]); err != nil {
			return err
		}
	}
	return nil
}

// recoverUpdateHere ends what an update began with one deployment and did not
// end. It says whether there was something of an update to end; with false
// the deployment is none of its business and untouched.
//
//   - A next one is undone: destroyed and swept with proof, then failed. The
//     current one was never touched.
//   - A previous one, whose place was taken, is destroyed to the end.
//   - One that is updating goes on to its open revision when its change had
//     begun, and back to the one before when that fails or had not.
//
// It may be repeated after an error. The caller holds the name's lock and so
// knows that nobody else works on it.
func (d *Deployer) recoverUpdateHere(ctx context.Context, row *store.Deployment) (handled bool, err error) {
	switch {
	case row.Phase.Ended():
		return false, nil
	case row.Role == store.RoleNext:
		d.emit(EventStep, nil, "removing %s, which was to replace %s", row.ID, row.Replaces)
		return true, d.undoNext(ctx, row.ID, "the update died before it took over")
	case row.Role == store.RolePrevious:
		d.emit(EventStep, nil, "destroying %s, which was replaced", row.ID)
		_, err := d.destroyRow(context.WithoutCancel(ctx), row, store.Destroyed, "replaced")
		return true, err
	case row.Phase == store.Updating:
		return true, d.recoverInPlace(ctx, row)
	}
	return false, nil
}

// recoverInPlace ends a change in place.
func (d *Deployer) recoverInPlace(ctx context.Context, row *store.Deployment) error {
	rev, err := d.store.OpenRevision(ctx, row.ID)
	if err != nil {
		return fmt.Errorf("deployment %s is updating without a revision: %w", row.ID, err)
	}
	attempts, err := d.store.Attempts(ctx, row.ID)
	if err != nil {
		return err
	}
	at, ok := attemptOf(attempts, row.Attempt)
	if !ok {
		return fmt.Errorf("deployment %s has no attempt %d", row.ID, row.Attempt)
	}
	begun, err := d.changeBegun(ctx, row, rev.N)
	if err != nil {
		return err
	}
	reason := "the update died before it changed anything"
	if begun {
		forward := d.goOn(ctx, row, at, &rev)
		if forward == nil {
			return nil
		}
		reason = "the update died in the middle, and going on failed: " + forward.Error()
		d.emit(EventWarning, nil, "%s", reason)
	}
	_, err = d.goBack(ctx, row, at, reason)
	return err
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
	work := *a.workspace
	work.Dir = p.dir
	p.work = &work
	if _, err := os.Stat(p.dir); err != nil {
		return fmt.Errorf("the bundle of revision %d: %w", rev.N, err)
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
