package qos

import (
	"context"
	"errors"
	"strings"
	"time"

	"skysail/internal/failure"
)

// Line is one log line of an instance.
type Line struct {
	Time     time.Time `json:"time"`
	Instance string    `json:"instance"`
	// Message is as the service wrote it; show it through Printable.
	Message string `json:"message"`
	// Priority is that of syslog, 0 to 7; -1 where it is not known.
	Priority int `json:"priority"`
	// Cursor names the line's place for LogQuery.AfterCursor. It is empty for
	// lines that stand for what could not be read.
	Cursor string `json:"cursor,omitempty"`
}

// LogQuery chooses log lines.
type LogQuery struct {
	// Follow goes on with new lines as they are written, over cuts of the
	// connection and restarts of the instance, until the context ends.
	Follow bool
	// Last keeps the newest lines of those that are there; 0 keeps all, less
	// than 0 none.
	Last int
	// Since leaves out what is older.
	Since time.Time
	// AfterCursor leaves out what is not after the line with this cursor.
	AfterCursor string
	// Keep, where it is set, says which lines are wanted; Last counts only
	// those. Lines that stand for what could not be read are always given.
	Keep func(Line) bool
	// Interrupted, where it is set, is told of each cut while following and of
	// the pause before the next try.
	Interrupted func(err error, pause time.Duration)
}

// ErrNoLogs is a target whose log lines cannot be read.
var ErrNoLogs = errors.New("the target has no logs that can be read")

// wants reports whether a line passes the filter.
func (q LogQuery) wants(l Line) bool { return q.Keep == nil || l.Cursor == "" || q.Keep(l) }

// Logs gives emit the target's log lines, oldest first, one at a time. It
// returns when they are all given, or with Follow when ctx ends, and returns
// emit's error when that returns one. The first connection is not tried twice:
// only one that stood is taken up again.
func Logs(ctx context.Context, t Target, q LogQuery, emit func(Line) error) error {
	kind, name, _ := strings.Cut(t.Logs, ":")
	switch {
	case kind == "journald" && name != "" && t.SSH != nil:
		return journaldLogs(ctx, t, name, q, emit)
	case kind == "file" && name != "" && t.SSH == nil:
		return fileLogs(ctx, t, name, q, emit)
	default:
		return failure.Wrap(ErrNoLogs, failure.Failed, "read the logs of "+t.Instance,
			"Its logs are said to be at \""+t.Logs+"\", where this program cannot read them.",
			"Look at them on the instance itself.")
	}
}
