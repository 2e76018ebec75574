package qos

import (
	"context"
	"errors"

	"skysail/internal/failure"
	"skysail/internal/journal"
)

// fileLogs reads the journal of a service on this machine.
func fileLogs(ctx context.Context, t Target, path string, q LogQuery, emit func(Line) error) error {
	jq := journal.Query{AfterCursor: q.AfterCursor, Since: q.Since, Last: max(q.Last, 0)}
	if q.Keep != nil && q.Last > 0 {
		place, err := lastKept(path, t, q)
		if err != nil {
			return fileFault(t, err)
		}
		jq.Last = place
	}
	if q.Last < 0 {
		if !q.Follow {
			return nil
		}
		newest, err := journal.Read(path, journal.Query{Last: 1})
		if err != nil {
			return fileFault(t, err)
		}
		if len(newest) > 0 {
			jq.AfterCursor = newest[0].Cursor
		}
	}
	var refused error
	give := func(e journal.Entry) error {
		if l := fileLine(t, e); q.wants(l) {
			refused = emit(l)
		}
		return refused
	}
	var err error
	if q.Follow {
		err = journal.Follow(ctx, path, jq, give)
	} else {
		var entries []journal.Entry
		entries, err = journal.Read(path, jq)
		for i := 0; err == nil && i < len(entries); i++ {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			err = give(entries[i])
		}
	}
	switch {
	case err == nil, refused != nil:
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	default:
		return fileFault(t, err)
	}
}

func fileFault(t Target, err error) error {
	next := "Look whether the file can be read by you."
	if errors.Is(err, journal.ErrCursor) {
		next = "Give a cursor that a line of this service had, or none."
	}
	return failure.Wrap(err, failure.Failed, "read the logs of "+t.Instance, "", next)
}

func fileLine(t Target, e journal.Entry) Line {
	return Line{Time: e.Time, Instance: t.Instance, Message: e.Message, Priority: e.Priority, Cursor: e.Cursor}
}

// lastKept returns how many of the newest entries hold the last lines that the
// query keeps.
func lastKept(path string, t Target, q LogQuery) (int, error) {
	entries, err := journal.Read(path, journal.Query{AfterCursor: q.AfterCursor, Since: q.Since})
	kept := 0
	for i := len(entries) - 1; i >= 0; i-- {
		if q.wants(fileLine(t, entries[i])) {
			if kept++; kept == q.Last {
				return len(entries) - i, err
			}
		}
	}
	return 0, err
}
