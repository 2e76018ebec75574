package supervise

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"skysail/internal/supervise/proc"
)

// stopMargin is what an orderly stop may take beyond StopTimeout before the
// supervisor is no longer waited for.
const stopMargin = 10 * time.Second

// Stop stops the program that was started with dir: SIGTERM, after StopTimeout
// SIGKILL, to all its processes. It returns nil only when none of them runs
// any more, however the supervisor ended, and at once when none did. Otherwise
// the error names what still runs; Stop can be called again.
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
		return err
	}
	defer unlock()
	return stop(ctx, dir)
}

func stop(ctx context.Context, dir string) error {
	st, err := readStatus(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && st.Supervised() {
		if err := askSupervisor(ctx, dir, st); err != nil {
			return err
		}
	}
	return clean(ctx, dir)
}

// askSupervisor lets the supervisor stop its program in order.
func askSupervisor(ctx context.Context, dir string, st Status) error {
	supervisor := st.supervisor()
	err := supervisor.Signal(syscall.SIGTERM)
	if errors.Is(err, proc.ErrGone) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("ask the supervisor to stop: %w", err)
	}
	grace := DefaultStopTimeout
	if r, err := readRecord(dir); err == nil {
		grace = r.Spec.StopTimeout
	}
	late := time.After(grace + stopMargin)
	for supervisor.Running() {
		select {
		case <-ctx.Done():
			left, err := proc.Family("", supervisor)
			return errors.Join(&proc.StillRunningError{Processes: left, Cause: context.Cause(ctx)}, err)
		case <-late:
			return nil // clean kills it
		case <-time.After(10 * time.Millisecond):
		}
	}
	reap(supervisor)
	return nil
}

// clean ends whatever is left of the last Start and proves that nothing is.
func clean(ctx context.Context, dir string) error {
	r, err := readRecord(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	st, err := readStatus(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	find := func() ([]proc.Info, error) { return proc.Family(tokenEntry(r.Token), st.supervisor(), st.program()) }
	if err := proc.Terminate(ctx, find, syscall.SIGTERM, r.Spec.StopTimeout); err != nil {
		return fmt.Errorf("stop %s: %w", r.Spec.Argv[0], err)
	}
	reap(st.supervisor())
	left, err := suspects(st.program())
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return fmt.Errorf("stop %s: %w", r.Spec.Argv[0], &proc.StillRunningError{
			Processes: left,
			Cause: fmt.Errorf("they are in the session of its process %d, which is gone, and hide their environment, so they cannot be proved to be its own",
				st.PID),
		})
	}
	if st.Supervised() {
		st.State, st.PID, st.PIDStart = StateStopped, 0, ""
		st.Detail = ""
		return writeStatus(dir, st)
	}
	return nil
}
