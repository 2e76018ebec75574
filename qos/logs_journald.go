package qos

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"skysail/internal/failure"
	"skysail/qos/journald"
	"skysail/qos/sshclient"
)

const (
	// followKeepalive is how often a followed connection is asked whether it
	// still stands: a quiet service looks the same as a dead line.
	followKeepalive = 10 * time.Second
	// steadyAfter is how long a connection must have stood for the next cut to
	// be taken as a new one.
	steadyAfter = 30 * time.Second
)

// journaldLogs reads a unit's lines over SSH.
func journaldLogs(ctx context.Context, t Target, unit string, q LogQuery, emit func(Line) error) error {
	f := &follower{target: t, unit: unit, query: q, emit: emit, cursor: q.AfterCursor}
	c, err := sshclient.Connect(ctx, t.ssh(), sshclient.WithKeepalive(followKeepalive))
	if err != nil {
		return err
	}
	if !q.Follow {
		defer func() { _ = c.Close() }()
		return f.first(ctx, c)
	}
	return f.follow(ctx, c)
}

// follower reads one unit's journal and remembers how far it came.
type follower struct {
	target Target
	unit   string
	query  LogQuery
	emit   func(Line) error
	// cursor is that of the last entry read, given to emit or not.
	cursor string
	// started is set once the lines that were there are given; before, a new
	// connection begins anew but passes over what was given.
	started bool
	refused error
}

// follow reads on until ctx ends, over as many connections as it takes.
func (f *follower) follow(ctx context.Context, c *sshclient.Client) error {
	pause := backoff.NewExponentialBackOff()
	pause.MaxInterval = 15 * time.Second
	for {
		start := time.Now()
		err := f.turn(ctx, c)
		steady := time.Since(start) > steadyAfter
		if stop := f.final(ctx, err, steady); stop != nil {
			return stop
		}
		if steady {
			pause.Reset()
		}
		wait := pause.NextBackOff()
		if f.query.Interrupted != nil {
			f.query.Interrupted(err, wait)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		}
		// A nil client makes the next turn tell why there is none.
		c = nil
	}
}

// turn follows over one connection until it ends; it never returns nil.
func (f *follower) turn(ctx context.Context, c *sshclient.Client) (err error) {
	if c == nil {
		if c, err = sshclient.Connect(ctx, f.target.ssh(), sshclient.WithKeepalive(followKeepalive)); err != nil {
			return err
		}
	}
	defer func() { _ = c.Close() }()
	// journalctl -f shows the current boot only. What was written since the
	// cursor, perhaps before a restart, is read first.
	if err := f.first(ctx, c); err != nil {
		return err
	}
	q := journald.Query{Unit: f.unit, AfterCursor: f.cursor, Follow: true}
	if f.cursor == "" {
		q.Since = f.query.Since
	}
	if err := f.run(ctx, c, q, f.give); err != nil {
		return err
	}
	return errors.New("journalctl ended by itself")
}

// final returns the error that ends the following, or nil where another
// connection may help. A refused login is no such error: while it boots, a
// machine refuses everybody.
func (f *follower) final(ctx context.Context, err error, steady bool) error {
	var exit *sshclient.ExitError
	switch {
	case f.refused != nil:
		return f.refused
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case sshclient.Final(err), errors.Is(err, ErrNoLogs):
		return err
	case errors.As(err, &exit) && exit.Signal == "" && exit.Status < 128 && !steady:
		return err // journalctl failed by itself, and would again
	}
	return nil
}

// first gives the lines that are there: those the query wants, or on a later
// connection those since the last one read.
func (f *follower) first(ctx context.Context, c *sshclient.Client) error {
	q := journald.Query{Unit: f.unit, AfterCursor: f.cursor, Since: f.query.Since}
	if f.started {
		return f.run(ctx, c, q, f.give)
	}
	switch {
	case f.query.Last < 0:
		// Only the place where the new lines begin.
		q = journald.Query{Unit: f.unit, Last: 1}
		if err := f.run(ctx, c, q, f.skip); err != nil {
			return err
		}
	case f.query.Last > 0:
		if q.AfterCursor == "" && q.Since.IsZero() && f.query.Keep == nil {
			q.Last = f.query.Last
		}
		newest := ring{max: f.query.Last}
		err := f.run(ctx, c, q, func(e journald.Entry) error {
			if f.wanted(e) && f.query.wants(f.lineOf(e)) {
				newest.add(e)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, e := range newest.all() {
			if err := f.give(e); err != nil {
				return err
			}
		}
	default:
		if err := f.run(ctx, c, q, f.give); err != nil {
			return err
		}
	}
	f.started = true
	return nil
}

func (f *follower) wanted(e journald.Entry) bool {
	return !e.Time.Before(f.query.Since) && (e.Cursor != f.cursor || e.Cursor == "")
}

func (f *follower) lineOf(e journald.Entry) Line {
	return Line{Time: e.Time, Instance: f.target.Instance, Message: e.Message, Priority: e.Priority, Cursor: e.Cursor}
}

func (f *follower) skip(e journald.Entry) error {
	if e.Cursor != "" {
		f.cursor = e.Cursor
	}
	return nil
}

// give hands an entry on and moves the cursor, in this order: a line that was
// not taken is read again.
func (f *follower) give(e journald.Entry) error {
	if f.wanted(e) {
		if line := f.lineOf(e); f.query.wants(line) {
			if err := f.emit(line); err != nil {
				f.refused = err
				return err
			}
		}
	}
	if e.Cursor != "" {
		f.cursor = e.Cursor
	}
	return nil
}

// run runs one journalctl and hands on its entries.
func (f *follower) run(ctx context.Context, c *sshclient.Client, q journald.Query, take func(journald.Entry) error) error {
	entries := 0
	lines := &lineWriter{take: func(line []byte, whole bool) error {
		return f.line(line, whole, func(e journald.Entry) error {
			entries++
			return take(e)
		})
	}}
	stderr, err := c.Stream(ctx, journald.Command(q), lines)
	var exit *sshclient.ExitError
	switch {
	case err == nil && entries == 0 && f.cursor == "" && notAllowed(stderr), errors.As(err, &exit) && notAllowed(exit.Stderr):
		return f.noLogs(err, "the user "+f.target.SSH.User+" may not read the system's journal there",
			"The service may well log; this login does not see it.",
			"Add the user to the group systemd-journal on the instance.")
	case errors.As(err, &exit) && exit.Status == 127:
		return f.noLogs(err, "there is no journalctl there",
			"The instance is no systemd machine.", "Look at the logs on the instance itself.")
	}
	return err
}

func (f *follower) noLogs(err error, cause, meaning, next string) error {
	return &failure.Error{
		Code: failure.Failed, Cause: "read the logs of " + f.target.Instance + ": " + cause,
		Meaning: meaning, Next: next, Err: errors.Join(ErrNoLogs, err),
	}
}

// line takes one line of journalctl's output. An entry that cannot be read is
// told of in its place.
func (f *follower) line(line []byte, whole bool, take func(journald.Entry) error) error {
	e, err := journald.Parse(line)
	switch {
	case !whole:
		return take(journald.Entry{Time: time.Now(), Priority: 4, Message: "skysail: a log line is left out here: it is larger than 4 MiB"})
	case err == nil:
		return take(e)
	case strings.HasPrefix(string(line), "{"):
		return take(journald.Entry{Time: time.Now(), Priority: 4, Message: "skysail: a log line is left out here: " + err.Error()})
	}
	return nil // "-- No entries --" and the like
}

func notAllowed(stderr string) bool {
	return strings.Contains(stderr, "insufficient permissions") || strings.Contains(stderr, "not seeing messages from other users")
}
