package deploy

import (
	"context"
	"fmt"
	"time"

	"skysail/runner"
	"skysail/store"
)

// lockPatience is how long to wait for the lock of an attempt's state, 0 for
// the usual time. Nobody else takes it, so a lock in a backend is of one that
// was killed; but pg's also keep out all of the database while somebody makes
// a state in it.
func lockPatience(dep *store.Deployment) time.Duration {
	if b := backendOf(dep); b != nil && b.Type != "pg" {
		return 3 * time.Second
	}
	return 0
}

// withLock does what takes the lock of a state that is this deployment's own.
// When a lock is there that a killed process of this home left, it is broken
// and fn is called once more.
func (d *Deployer) withLock(ctx context.Context, w *runner.Workspace, fn func() error) error {
	err := fn()
	if err == nil || !w.Remote {
		return err
	}
	lock, locked := runner.LockOf(err)
	if !locked || !ownLock(w, lock) {
		return err
	}
	if uerr := w.Unlock(ctx, lock.ID); uerr != nil {
		return fmt.Errorf("%w; removing the state lock that a killed process of this machine left: %w", err, uerr)
	}
	d.emit(EventWarning, nil, "removed the state lock %s, which a killed process of this machine had left", lock.ID)
	return fn()
}

// ownLock says whether the lock of a state is provably of a process of this
// home that is gone. The state is this deployment's: an attempt's has the
// deployment's ID in its name, which is made of this home's own random key
// (store.NextID), so no other home ever opens it. The caller holds the
// deployment's name (lockName), so no other skysail of this home works on it.
// What is left to show is that no Terraform does either.
func ownLock(w *runner.Workspace, lock runner.Lock) bool {
	if lock.ID == "" {
		return false // pg: its locks go with their session
	}
	if used, err := w.InUse(); err != nil || used {
		return false
	}
	return !lock.Foreign || lock.Who == holder()
}
