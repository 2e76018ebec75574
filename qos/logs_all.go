package qos

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"skysail/internal/failure"
)

// LogsAll gives emit the log lines of several targets, one at a time. The
// lines that are there come ordered by time; with Follow new ones are given as
// they arrive. A target whose logs cannot be read leaves the others standing:
// while following, its error is handed to q.Interrupted with no pause, and it
// is part of what LogsAll returns in the end. A cursor is a place in one
// target's log, so AfterCursor needs exactly one target.
func LogsAll(ctx context.Context, targets []Target, q LogQuery, emit func(Line) error) error {
	if q.AfterCursor != "" && len(targets) != 1 {
		return failure.New(failure.Input, fmt.Sprintf("a log cursor was given for %d instances", len(targets)),
			"It names a place in the log of one instance.", "Choose the instance whose line had the cursor.")
	}
	if len(targets) == 1 {
		return Logs(ctx, targets[0], q, emit)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	m := &merger{query: q, emit: emit, stop: cancel, streams: make([]*stream, len(targets))}
	for i, t := range targets {
		m.streams[i] = &stream{target: t, lines: make(chan Line), query: q}
	}
	if err := m.backlog(ctx); err != nil {
		return err
	}
	if q.Follow {
		return m.follow(ctx)
	}
	return m.errors()
}

// merger reads several logs side by side.
type merger struct {
	query   LogQuery
	stop    context.CancelCauseFunc
	streams []*stream

	mu      sync.Mutex // over emit and Interrupted
	emit    func(Line) error
	refused error
}

// stream is one target's log.
type stream struct {
	target Target
	lines  chan Line
	query  LogQuery // for following, once the backlog was read
	err    error
}

// backlog gives the lines that are there: always the oldest of those that
// stand first in the streams.
func (m *merger) backlog(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for _, s := range m.streams {
		wg.Go(func() {
			defer close(s.lines)
			q := s.query
			q.Follow = false
			s.err = Logs(ctx, s.target, q, func(l Line) error {
				select {
				case s.lines <- l:
					return nil
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			})
		})
	}
	first := make([]*Line, len(m.streams))
	for {
		oldest := -1
		for i, s := range m.streams {
			if first[i] == nil {
				if l, open := <-s.lines; open {
					first[i] = &l
				}
			}
			if first[i] != nil && (oldest < 0 || first[i].Time.Before(first[oldest].Time)) {
				oldest = i
			}
		}
		if oldest < 0 {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return nil
		}
		l := first[oldest]
		first[oldest] = nil
		if err := m.emit(*l); err != nil {
			return err
		}
		if l.Cursor != "" {
			// Following goes on from here, with all that is new.
			s := m.streams[oldest]
			s.query.AfterCursor, s.query.Last = l.Cursor, 0
		}
	}
}

// follow goes on with the lines that are new.
func (m *merger) follow(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, s := range m.streams {
		if s.err != nil {
			m.interrupted(s.err, 0)
			continue
		}
		if s.query.Last > 0 {
			s.query.Last = 0 // there was no line: each one is new
		}
		s.query.Interrupted = m.interrupted
		wg.Go(func() {
			s.err = Logs(ctx, s.target, s.query, m.give)
			if ctx.Err() == nil {
				m.interrupted(s.err, 0)
			}
		})
	}
	wg.Wait()
	if m.refused != nil {
		return m.refused
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return m.errors()
}

func (m *merger) give(l Line) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refused == nil {
		if m.refused = m.emit(l); m.refused != nil {
			m.stop(m.refused)
		}
	}
	return m.refused
}

func (m *merger) interrupted(err error, pause time.Duration) {
	if m.query.Interrupted == nil || err == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.query.Interrupted(err, pause)
}

func (m *merger) errors() error {
	var errs []error
	for _, s := range m.streams {
		errs = append(errs, s.err)
	}
	return errors.Join(errs...)
}
