package qos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"skysail/clouds/kubernetes"
	"skysail/internal/journal"
	"skysail/qos/journald"
	"skysail/qos/logline"
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
	case t.Kube != nil:
		return t.LogRules != nil // it is a call for each container
	case t.SSH != nil:
		return strings.HasPrefix(t.Logs, "journald:") || t.LogRules != nil
	case t.local():
		return strings.HasPrefix(t.Logs, "file:") || t.LogRules != nil
	}
	return false
}

func (s logSource) Read(ctx context.Context, t Target) (Reading, error) {
	from := logtail.Target{DeploymentID: t.DeploymentID, Instance: t.Instance, Logs: t.LogRules}
	var notes []string
	switch {
	case t.Kube != nil:
		if t.Kube.Err != nil {
			return Reading{}, t.Kube.Err
		}
		rules := *t.LogRules
		if len(rules.Files) > 0 {
			notes = append(notes, "files are not read in a pod: let the service print to its standard output")
		}
		rules.Files = nil
		from.Logs, from.Entries = &rules, t.Kube.entries
	case t.SSH != nil:
		from.Unit, _ = strings.CutPrefix(t.Logs, "journald:")
		from.Run = func(ctx context.Context, script string) ([]byte, error) {
			if s.pool != nil {
				return s.pool.Script(ctx, t.ssh(), script)
			}
			return sshclient.Run(ctx, t.ssh(), sshclient.Command(script), nil)
		}
	default:
		from.Run = runHere
		if path, ok := strings.CutPrefix(t.Logs, "file:"); ok {
			from.Entries = func(_ context.Context, after string, count int) ([]logtail.Entry, bool, error) {
				return journalHere(path, after, count)
			}
		}
	}
	res, err := s.reader.Read(ctx, from)
	if err != nil {
		return Reading{}, err
	}
	return Reading{Metrics: res.Metrics, Notes: append(notes, res.Notes...), ObservedAt: time.Now()}, nil
}

// journalHere reads the journal of a service on this machine. A cursor that is
// none any more, of a damaged store, begins anew.
func journalHere(path, after string, count int) (entries []logtail.Entry, more bool, err error) {
	read, err := journal.Read(path, journal.Query{AfterCursor: after, First: count})
	if errors.Is(err, journal.ErrCursor) {
		read, err = journal.Read(path, journal.Query{First: count})
	}
	for _, e := range read {
		entries = append(entries, logtail.Entry{Entry: journald.Entry{Time: e.Time, Message: e.Message, Priority: e.Priority, Cursor: e.Cursor}})
	}
	return entries, len(read) >= count, err
}

// entries reads what the pod's containers wrote; the cursor is their marks. The
// source of a line is its container.
func (k *KubeTarget) entries(ctx context.Context, after string, count int) (entries []logtail.Entry, more bool, err error) {
	marks := map[string]kubernetes.LogMark{}
	if after != "" {
		if err := json.Unmarshal([]byte(after), &marks); err != nil {
			return nil, false, fmt.Errorf("the kept place in the logs of pod %s is damaged: %w", k.Pod.Name, err)
		}
	}
	lines, next, more, err := k.Cluster.NewLines(ctx, k.Pod, marks, count)
	if err != nil || len(lines) == 0 {
		return nil, false, err
	}
	for _, l := range lines {
		entries = append(entries, logtail.Entry{Source: l.Container, Entry: journald.Entry{Time: l.At, Message: l.Text, Priority: logline.Level(l.Text)}})
	}
	place, err := json.Marshal(next)
	entries[len(entries)-1].Cursor = string(place)
	return entries, more, err
}
