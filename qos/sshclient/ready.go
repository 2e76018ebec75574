package sshclient

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/cenkalti/backoff/v5"

	"skysail/internal/failure"
)

// maxPause is the longest pause between two tries of WaitReady.
const maxPause = time.Second

// Run connects to t, runs cmd with stdin, which may be nil, and returns what
// it printed.
func Run(ctx context.Context, t Target, cmd string, stdin io.Reader, opts ...Option) ([]byte, error) {
	c, err := Connect(ctx, t, opts...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	return c.Run(ctx, cmd, stdin)
}

// WithHostKeyGrace lets WaitReady go on for that long after it first saw a
// wrong host key. An image that carries keys of its own shows them until
// cloud-init wrote the pinned one. Going on is safe, since nothing is sent to
// a server that does not prove the pinned key; it costs only time. Without it
// a wrong key is final.
func WithHostKeyGrace(d time.Duration) Option {
	return func(o *options) { o.hostKeyGrace = d }
}

// WaitReady returns when an SSH login at t succeeds: at once where it does,
// else it tries again with pauses of at most a second until ctx ends, and then
// says what stood in the way last. What cannot mend itself is returned at
// once: a wrong host key, a key file that cannot be read.
func WaitReady(ctx context.Context, t Target, opts ...Option) error {
	grace := build(opts).hostKeyGrace
	pause := &backoff.ExponentialBackOff{
		InitialInterval: 100 * time.Millisecond, Multiplier: 1.5, MaxInterval: maxPause, RandomizationFactor: 0.2,
	}
	var last error
	var mismatchSince time.Time
	for {
		start := time.Now()
		c, err := Connect(ctx, t, opts...)
		if err == nil {
			return c.Close()
		}
		// A try that the end of ctx cut short tells less than the one before.
		short := errors.Is(err, ErrTimeout) && time.Since(start) < maxPause
		if last == nil || !short {
			last = err
		}
		if errors.Is(err, ErrHostKey) && !errors.Is(err, ErrPath) {
			if mismatchSince.IsZero() {
				mismatchSince = time.Now()
			}
			if time.Since(mismatchSince) >= grace {
				return err
			}
		} else if Final(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return notReady(ctx, t, last)
		case <-time.After(min(pause.NextBackOff(), maxPause)):
		}
	}
}

func notReady(ctx context.Context, t Target, last error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return context.Cause(ctx)
	}
	f := &failure.Error{
		Code:  failure.Failed,
		Cause: t.Addr + " was not ready for SSH in time; last: " + last.Error(),
		Err:   last,
	}
	var why *failure.Error
	if errors.As(last, &why) {
		f.Cause = t.Addr + " was not ready for SSH in time; last: " + why.Cause
		f.Meaning, f.Next = why.Meaning, why.Next
	}
	return f
}
