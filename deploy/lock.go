package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"skysail/internal/failure"
)

// lockName keeps other processes from working on the deployment of that name.
// The kernel drops the lock when this process ends, however it ends.
func (d *Deployer) lockName(name string) (unlock func(), err error) {
	dir := filepath.Join(d.home, "locks")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("lock folder: %w", err)
	}
	path := filepath.Join(dir, name)
	l := flock.New(path, flock.SetPermissions(0o600))
	ok, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if !ok {
		who := "another skysail process"
		if b, err := os.ReadFile(path + ".pid"); err == nil { //nolint:gosec // our own file
			who = "process " + strings.TrimSpace(string(b))
		}
		return nil, failure.New(failure.Busy, fmt.Sprintf("%s works on deployment %q", who, name),
			"Two at once could undo each other's work; nothing was changed.", "Wait until it ends and run again.")
	}
	_ = os.WriteFile(path+".pid", []byte(fmt.Sprintln(os.Getpid())), 0o600)
	return func() {
		_ = os.Remove(path + ".pid")
		_ = l.Unlock()
	}, nil
}

// ownerGone says whether nobody works on the deployment of that name now.
func (d *Deployer) ownerGone(name string) bool {
	l := flock.New(filepath.Join(d.home, "locks", name), flock.SetPermissions(0o600))
	ok, err := l.TryLock()
	if ok {
		_ = l.Unlock()
	}
	return ok || err != nil && os.IsNotExist(err)
}
