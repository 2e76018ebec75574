package qos

import (
	"context"
	"errors"
	"strings"
	"time"

	"skysail/internal/journal"
	"skysail/qos/journald"
	"skysail/qos/logtail"
	"skysail/qos/sshclient"
)

// SourceLogs takes in log lines for good, and the metrics that the service's
// rules make of them.
const SourceLogs = "logs"

type logSource struct {
	reader *logtail.Reader
	pool   *sshclient.Pool
}

func (logSource) Name() string { return SourceLogs }

func (logSource) Applies(t Target) bool {
	switch {
	case t.SSH != nil:
		return strings.HasPrefix(t.Logs, "journald:") || t.LogRules != nil
	case t.local():
		return strings.HasPrefix(t.Logs, "file:") || t.LogRules != nil
	}
	return false
}

func (s logSource) Read(ctx context.Context, t Target) (Reading, error) {
	from := logtail.Target{DeploymentID: t.DeploymentID, Instance: t.Instance, Logs: t.LogRules}
	if t.SSH != nil {
		from.Unit, _ = strings.CutPrefix(t.Logs, "journald:")
		from.Run = func(ctx context.Context, script string) ([]byte, error) {
			if s.pool != nil {
				return s.pool.Script(ctx, t.ssh(), script)
			}
			return sshclient.Run(ctx, t.ssh(), sshclient.Command(script), nil)
		}
	} else {
		from.Run = runHere
		if path, ok := strings.CutPrefix(t.Logs, "file:"); ok {
			from.Entries = func(_ context.Context, after string, count int) ([]journald.Entry, error) {
				return journalHere(path, after, count)
			}
		}
	}
	res, err := s.reader.Read(ctx, from)
	if err != nil {
		return Reading{}, err
	}
	return Reading{Metrics: res.Metrics, Notes: res.Notes, ObservedAt: time.Now()}, nil
}

// journalHere reads the journal of a service on this machine. A cursor that is
// none any more, of a damaged store, begins anew.
func journalHere(path, after string, count int) ([]journald.Entry, error) {
	read, err := journal.Read(path, journal.Query{AfterCursor: after, First: count})
	if errors.Is(err, journal.ErrCursor) {
		read, err = journal.Read(path, journal.Query{First: count})
	}
	out := make([]journald.Entry, len(read))
	for i, e := range read {
		out[i] = journald.Entry{Time: e.Time, Message: e.Message, Priority: e.Priority, Cursor: e.Cursor}
	}
	return out, err
}
