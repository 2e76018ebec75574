package proc

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

const (
	// Each look reads the whole process table, so the pause grows.
	pollFirst = 10 * time.Millisecond
	pollMax   = 200 * time.Millisecond
	// killPatience is how long processes may take to go away after SIGKILL;
	// one in an uninterruptible wait of the kernel may take longer.
	killPatience = 5 * time.Second
)

// String renders the process for a message.
func (p Info) String() string { return fmt.Sprintf("%d (%s)", p.PID, p.Name) }

// StillRunningError says which processes could not be stopped.
type StillRunningError struct {
	Processes []Info
	// Cause is why it was given up: the caller's context, or a signal that
	// was refused; nil when they outlived SIGKILL.
	Cause error
}

// Error names the processes and what to do.
func (e *StillRunningError) Error() string {
	msg := "still running: " + Names(e.Processes)
	if e.Cause != nil {
		return msg + ": " + e.Cause.Error() + "; stop again, or end them by hand"
	}
	return msg + ": they outlived SIGKILL, which means that the kernel holds them (a stuck disk or network mount); stop again when it lets go"
}

// Unwrap returns the cause.
func (e *StillRunningError) Unwrap() error { return e.Cause }

// Terminate ends what find returns: sig to each of them, SIGKILL to those
// that run when grace is over. It asks find again until it returns nothing, so
// that a child made in the meantime does not escape, and only then returns
// nil. When ctx ends, what runs is left and named by a *StillRunningError.
func Terminate(ctx context.Context, find func() ([]Info, error), sig syscall.Signal, grace time.Duration) error {
	started := time.Now()
	asked := map[ID]bool{}
	pause := pollFirst
	for {
		left, err := find()
		if err != nil {
			return err
		}
		if len(left) == 0 {
			return nil
		}
		elapsed := time.Since(started)
		kill := elapsed >= grace
		var refused error
		for _, p := range left {
			send := sig
			if kill {
				send = syscall.SIGKILL
			} else if asked[p.ID] {
				continue
			}
			asked[p.ID] = true
			if err := p.Signal(send); err != nil && !errors.Is(err, ErrGone) {
				refused = fmt.Errorf("signal %s: %w", p, err)
			}
		}
		if kill && elapsed > grace+killPatience {
			return &StillRunningError{Processes: left, Cause: refused}
		}
		select {
		case <-ctx.Done():
			return &StillRunningError{Processes: left, Cause: context.Cause(ctx)}
		case <-time.After(min(pause, max(grace-elapsed, pollFirst))):
		}
		pause = min(2*pause, pollMax)
	}
}
