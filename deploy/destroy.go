package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"skysail/clouds"
	"skysail/internal/failure"
	"skysail/store"
)

// Destroy removes a deployment and proves it: after Terraform's destroy each
// provider that was tried is asked again by tag. It is idempotent; on an
// ended deployment it only asks again. When something is left the failure's
// code is LeftBehind and the deployment is stuck until a later Destroy ends
// well. An interrupt does not stop a destroy that has begun.
func (d *Deployer) Destroy(ctx context.Context, name string) ([]Proof, error) {
	row, err := d.get(ctx, name)
	if err != nil {
		return nil, err
	}
	return supervised[[]Proof](ctx, d, "destroy", row.Name, name)
}

// destroyHere is Destroy in the supervisor.
func (d *Deployer) destroyHere(ctx context.Context, name string) ([]Proof, error) {
	row, err := d.get(ctx, name)
	if err != nil {
		return nil, err
	}
	unlock, err := d.lockName(row.Name, "destroy")
	if err != nil {
		return nil, err
	}
	defer unlock()
	// Whoever held the lock until now may have moved it.
	if row, err = d.get(ctx, row.ID); err != nil {
		return nil, err
	}
	if err := d.takeOver(ctx, &row, orphanGrace); err != nil {
		return nil, err
	}
	return d.destroyLocked(ctx, &row)
}

// destroyLocked is for a caller that holds the lock and has taken over.
func (d *Deployer) destroyLocked(ctx context.Context, row *store.Deployment) ([]Proof, error) {
	ended := row.Phase.Ended()
	if !ended {
		if err := d.store.SetPhase(ctx, row.ID, store.Destroying, ""); err != nil {
			return nil, err
		}
	}
	attempts, err := d.store.Attempts(ctx, row.ID)
	if err != nil {
		return nil, err
	}
	proofs, err := d.removeAttempts(ctx, row, attempts)
	ctx = context.WithoutCancel(ctx)
	if err != nil {
		return proofs, errors.Join(leftBehind(row.Name, err), d.store.SetPhase(ctx, row.ID, store.Stuck, err.Error()))
	}
	if ended {
		return proofs, nil
	}
	if err := d.store.Unregister(ctx, row.ID); err != nil {
		return proofs, err
	}
	if err := d.store.SetPhase(ctx, row.ID, store.Destroyed, ""); err != nil {
		return proofs, err
	}
	return proofs, d.removeFolder(row.ID)
}

// removeAttempts removes what attempts made, the last first, and goes on after
// one of which something is left.
func (d *Deployer) removeAttempts(ctx context.Context, row *store.Deployment, attempts []store.Attempt) ([]Proof, error) {
	proofs := []Proof{}
	var failed []error
	for i := len(attempts) - 1; i >= 0; i-- {
		p, err := d.destroyAttempt(ctx, row, attempts[i])
		if err != nil {
			failed = append(failed, err)
		}
		proofs = append(proofs, p)
	}
	return proofs, errors.Join(failed...)
}

func (d *Deployer) destroyAttempt(ctx context.Context, dep *store.Deployment, row store.Attempt) (Proof, error) {
	a, err := d.openAttempt(ctx, dep, row)
	if err != nil {
		return Proof{Provider: row.Provider}, fmt.Errorf("%s: %w", row.Provider, err)
	}
	if row.Phase == store.AttemptCleaned {
		if p, clean := d.stillClean(ctx, a); clean {
			return p, nil
		}
	}
	return d.cleanAttempt(ctx, a, row.Phase == store.AttemptSucceeded)
}

// stillClean asks again about an attempt whose own clean-up proved it gone. A
// provider that can not be asked now is no reason to call it stuck.
func (d *Deployer) stillClean(ctx context.Context, a *attempt) (Proof, bool) {
	p := Proof{Provider: a.row.Provider, AskedAt: a.row.EndedAt, Destroyed: []string{}, Swept: []clouds.Resource{}, Left: []clouds.Resource{}}
	found, err := a.cloud.Find(ctx, a.dep.ID)
	if err != nil {
		p.Unasked = "it was proven after the attempt; asking again failed: " + err.Error()
		return p, true
	}
	p.AskedAt = time.Now().UTC()
	return p, len(found) == 0
}

// removeFolder removes a deployment's workspace: keys, state, bundle. The
// store keeps what happened.
func (d *Deployer) removeFolder(id string) error {
	dir := filepath.Join(d.home, "deployments", id)
	if err := os.RemoveAll(dir); err != nil {
		return failure.Wrap(err, failure.Failed, "workspace of "+id,
			"The deployment itself is gone; only its folder could not be removed.", "Remove "+dir+" by hand: it holds keys.")
	}
	return nil
}
