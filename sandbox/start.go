package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"skysail/sandbox/fleet"
	"skysail/sandbox/kube"
)

// lockPoll is the pause between looks at a lock that somebody holds.
const lockPoll = 20 * time.Millisecond

// Start returns a client of the sandbox in a folder, which it starts when it
// does not run. Several processes may call it at once: one of them starts the
// daemon. A daemon whose program was replaced is restarted; instances keep
// running meanwhile.
func Start(ctx context.Context, home string) (*Client, error) {
	return start(ctx, home, realKit())
}

func start(ctx context.Context, home string, k kit) (*Client, error) {
	home, err := filepath.Abs(home)
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	if c, err := connect(ctx, home, k); err == nil && c.current() {
		return c, nil
	}
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	unlock, err := lockFile(ctx, filepath.Join(home, startLock))
	if err != nil {
		return nil, err
	}
	defer unlock()
	c, err := connect(ctx, home, k)
	switch {
	case err == nil && c.current():
		return c, nil
	case err == nil:
		if err := c.stop(ctx, stopRequest{}); err != nil {
			return nil, err
		}
	case !errors.Is(err, ErrDown):
		return nil, err
	}
	if err := awaitGone(ctx, home); err != nil {
		return nil, err
	}
	if err := spawn(ctx, home, k); err != nil {
		return nil, err
	}
	return connect(ctx, home, k)
}

// current says whether the daemon is the one that would be started now.
func (c *Client) current() bool {
	return c.status.Protocol == protocol && !c.status.Program.replaced()
}

// Down stops the daemon and every instance. With purge all simulated
// resources are forgotten; without, the next Start boots the instances again.
func (c *Client) Down(ctx context.Context, purge bool) error {
	return down(ctx, c.home, purge, c.kit)
}

// Down does what Client.Down does, also for a sandbox that does not run or
// whose state cannot be read: what a daemon that died left is stopped too.
func Down(ctx context.Context, home string, purge bool) error {
	return down(ctx, home, purge, realKit())
}

func down(ctx context.Context, home string, purge bool, k kit) error {
	home, err := filepath.Abs(home)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	if _, err := os.Stat(home); os.IsNotExist(err) {
		return nil
	}
	unlock, err := lockFile(ctx, filepath.Join(home, startLock))
	if err != nil {
		return err
	}
	defer unlock()
	c, err := connect(ctx, home, k)
	switch {
	case err == nil:
		err = c.stop(ctx, stopRequest{Instances: true})
	case errors.Is(err, ErrDown):
		err = errors.Join(fleet.StopAll(ctx, k.machine, filepath.Join(home, instancesDir)), kube.Sweep(ctx, filepath.Join(home, kubeDir)))
	}
	if err != nil {
		return err
	}
	if err := awaitGone(ctx, home); err != nil {
		return err
	}
	if !purge {
		return nil
	}
	return removeState(home)
}

// removeState removes what the sandbox keeps, but not the lock that the
// caller holds: others may be waiting for it.
func removeState(home string) error {
	errs := []error{removeSocketDir(home)}
	entries, err := os.ReadDir(home)
	errs = append(errs, err)
	for _, e := range entries {
		if e.Name() != startLock {
			errs = append(errs, os.RemoveAll(filepath.Join(home, e.Name())))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	return nil
}

// stop asks the daemon to end and returns when it has stopped what it should.
func (c *Client) stop(ctx context.Context, in stopRequest) error {
	ctx, cancel := context.WithTimeoutCause(ctx, stopTime+answerTime, errors.New("the sandbox daemon does not stop"))
	defer cancel()
	return c.callNow(ctx, "POST", "/v1/stop", in, nil)
}

// awaitGone waits until no daemon lives: its lock is free.
func awaitGone(ctx context.Context, home string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, answerTime, errors.New("the sandbox daemon neither answers nor ends"))
	defer cancel()
	unlock, err := lockFile(ctx, filepath.Join(home, daemonLock))
	if err != nil {
		return err
	}
	unlock()
	return nil
}

// lockFile takes a lock, waiting for it as long as ctx lasts.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	l := flock.New(path, flock.SetPermissions(0o600))
	if _, err := l.TryLockContext(ctx, lockPoll); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return nil, fmt.Errorf("sandbox: %w (waiting for %s)", err, path)
	}
	return func() { _ = l.Unlock() }, nil
}
