package vm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"skysail/internal/supervise"
	"skysail/internal/supervise/proc"
	"skysail/sandbox/vm/container"
	"skysail/sandbox/vm/shim"
	"skysail/sandbox/vm/socket"
)

const (
	// shutdownPatience is what the instance's units get for an orderly stop
	// when it is powered off, whatever they ask for: a machine that goes down
	// does not wait for ever either.
	shutdownPatience = 10 * time.Second
	// stopPatience is when its main process is no longer waited for.
	stopPatience = shutdownPatience + 15*time.Second
	grace        = time.Second
)

// Stop powers the instance in dir off. It returns nil only when nothing of it
// runs any more, also after its main process was killed, and at once when it
// is off already. Otherwise the error names what still runs; Stop can be
// called again.
func Stop(ctx context.Context, dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	unlock, err := lockCalls(ctx, dir)
	if err != nil {
		return fmt.Errorf("stop instance: %w", err)
	}
	defer unlock()
	if err := stop(ctx, dir); err != nil {
		return fmt.Errorf("stop instance: %w", err)
	}
	return nil
}

func stop(ctx context.Context, dir string) error {
	id, err := mainProcess(dir)
	if err != nil {
		return err
	}
	switch err := id.Signal(syscall.SIGTERM); {
	case errors.Is(err, proc.ErrGone):
	case err != nil:
		return fmt.Errorf("its main process: %w", err)
	default:
		if err := waitGone(ctx, id); err != nil {
			return err
		}
	}
	return clean(ctx, dir)
}

// waitGone waits for the main process's orderly end. One that takes too long
// is left to clean.
func waitGone(ctx context.Context, id proc.ID) error {
	late := time.After(stopPatience)
	for id.Running() {
		select {
		case <-ctx.Done():
			p, err := proc.Lookup(id.PID)
			return errors.Join(&proc.StillRunningError{Processes: []proc.Info{p}, Cause: context.Cause(ctx)}, err)
		case <-late:
			return nil
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// clean ends what is left of an instance and proves that nothing is: its main
// process, whatever carries its mark, its units, its containers.
func clean(ctx context.Context, dir string) error {
	id, err := mainProcess(dir)
	if err != nil {
		return err
	}
	find := func() ([]proc.Info, error) { return proc.Family(mark(dir), id) }
	if err := proc.Terminate(ctx, find, syscall.SIGTERM, grace); err != nil {
		return err
	}
	reap(id)
	units, err := os.ReadDir(filepath.Join(dir, unitsFolder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, u := range units {
		if err := supervise.Stop(ctx, filepath.Join(dir, unitsFolder, u.Name())); err != nil {
			return fmt.Errorf("unit %s: %w", u.Name(), err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, container.UsedFile)); err == nil {
		if err := cleanContainers(ctx, dir); err != nil {
			return err
		}
	}
	return socket.Remove(dir)
}

func cleanContainers(ctx context.Context, dir string) error {
	i, err := shim.ReadContainers(dir)
	if err != nil {
		return err
	}
	if err := i.Clean(ctx); err != nil {
		return err
	}
	return os.Remove(filepath.Join(dir, container.UsedFile))
}

// reap takes the main process out of the process table when it was this
// process's child.
func reap(id proc.ID) {
	p, err := proc.Lookup(id.PID)
	if err == nil && p.ID == id && p.Zombie && p.PPID == os.Getpid() {
		_, _ = syscall.Wait4(id.PID, nil, syscall.WNOHANG, nil)
	}
}
