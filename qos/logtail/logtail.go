// Package logtail takes in the logs of instances for good: the journal by its
// cursor, files over their rotation. What one reading brought (lines, metrics
// that rules make of them, and the place up to which it read) is kept in one
// transaction, so that at whatever point a process is killed or a connection
// cut, no line is lost and none is there twice.
package logtail

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"skysail/qos/journald"
	"skysail/qos/logrule"
	"skysail/qos/metric"
	"skysail/qos/sshclient"
	"skysail/qos/tail"
	"skysail/spec"
	"skysail/store"
)

const (
	// fullLimit bounds what is read of one file at once, and leastLimit what
	// it shrinks to where that does not arrive in time.
	fullLimit  = 2 << 20
	leastLimit = 8 << 10
	// maxContent bounds all content of one answer.
	maxContent = 16 << 20
	// maxEntries bounds the entries of one transaction, where they are counted.
	maxEntries = 10_000
	// maxRounds bounds the transactions of one reading, so that a log that
	// grows faster than it is read does not hold up other sources.
	maxRounds = 64
	// skewSlack is how far a clock may be off before times are corrected: it
	// is read to the second, and the answer takes its time.
	skewSlack = 5 * time.Second
)

// Target is the logs of one instance.
type Target struct {
	DeploymentID, Instance string
	// Unit is the systemd unit whose journal is read; empty for none.
	Unit string
	// Logs has files, rules and retention; nil is none and the defaults.
	Logs *spec.Logs
	// Entries, where it is set, is the log in place of a unit's journal: about
	// count entries after a cursor, or from the oldest on, oldest first, and
	// whether there are more. The last entry that has a cursor has the place to
	// read on from.
	Entries func(ctx context.Context, after string, count int) (entries []Entry, more bool, err error)
	// Run runs a POSIX shell script on the instance and returns what it printed.
	// It may run it twice. It is not asked where there is neither unit nor file.
	Run func(ctx context.Context, script string) ([]byte, error)
}

// Entry is one line of such a log. Without a Source it is the journal's, without
// a time it is taken for one of now.
type Entry struct {
	journald.Entry
	Source string
}

func (t Target) files() []spec.LogFile {
	if t.Logs == nil {
		return nil
	}
	return t.Logs.Files
}

func (t Target) retention() store.LogRetention {
	mb, days := 0, 0
	if t.Logs != nil {
		mb, days = t.Logs.Retention.SizeMB, t.Logs.Retention.Days
	}
	if mb == 0 {
		mb = spec.DefaultLogMB
	}
	if days == 0 {
		days = spec.DefaultLogDays
	}
	return store.LogRetention{Bytes: int64(mb) << 20, Age: time.Duration(days) * 24 * time.Hour}
}

// Reader takes logs in. It may be used side by side; two readings of the same
// instance at once are noticed by the store, and one of them begins anew.
type Reader struct {
	Store *store.Store

	mu     sync.Mutex
	limits map[string]int // by instance, where less than fullLimit arrives in time
}

// Result is what a reading brought.
type Result struct {
	Lines   int // that are kept now and were not before
	Metrics []metric.Metric
	Notes   []string
	// More is set when there is more to be read at once.
	More bool
	// Skew is how far the instance's clock is ahead of this one's, to seconds;
	// known tells whether it was said.
	Skew      time.Duration
	SkewKnown bool
}

// Read takes in what is new of a target's logs, in transactions of at most a
// few MiB, until all is read or ctx ends. What was kept before an error stays
// kept and is counted in the result.
func (r *Reader) Read(ctx context.Context, t Target) (Result, error) {
	var all Result
	var rules []spec.LogRule
	if t.Logs != nil {
		rules = t.Logs.Rules
	}
	set, err := logrule.Compile(rules)
	if err != nil {
		return all, err
	}
	for range maxRounds {
		res, err := r.round(ctx, t, set)
		if errors.Is(err, store.ErrLogConflict) {
			continue
		}
		if err != nil {
			return all, err
		}
		res.Lines += all.Lines
		all = res
		if !all.More || ctx.Err() != nil {
			return all, nil //nolint:nilerr // what was read is in the store
		}
	}
	return all, nil
}

// round is one question and one transaction.
func (r *Reader) round(ctx context.Context, t Target, set *logrule.Set) (Result, error) {
	cursor, err := r.Store.LogCursor(ctx, t.DeploymentID, t.Instance)
	if err != nil {
		return Result{}, err
	}
	kept, err := r.Store.LogSeries(ctx, t.DeploymentID, t.Instance)
	if err != nil {
		return Result{}, err
	}
	s, err := load(cursor.State)
	if err != nil {
		return Result{}, err
	}
	out, limit := tail.Output{}, fullLimit
	if t.Unit != "" || len(t.files()) > 0 {
		if out, limit, err = r.ask(ctx, t, s); err != nil {
			return Result{}, err
		}
	}
	b := &batch{target: t, state: s, now: time.Now(), totals: set.NewTotals(kept)}
	if !out.Now.IsZero() {
		b.res.Skew, b.res.SkewKnown = out.Now.Sub(b.now).Round(time.Second), true
		if b.res.Skew.Abs() > skewSlack {
			b.skew = b.res.Skew
			b.res.Notes = append(b.res.Notes, fmt.Sprintf("its clock is off by %s; times are corrected", b.skew))
		}
	}
	for _, m := range out.Missing {
		b.res.Notes = append(b.res.Notes, "files are not read: the instance has no "+m)
	}
	b.journal(out)
	if t.Entries != nil {
		entries, more, err := t.Entries(ctx, s.Journal.Cursor, maxEntries)
		if err != nil {
			return Result{}, err
		}
		b.entries(entries)
		b.res.More = b.res.More || more
	}
	if err := b.files(out, limit); err != nil {
		return Result{}, err
	}
	b.res.Metrics = b.totals.Metrics()
	was := cursor.State
	if cursor.State, err = json.Marshal(s); err != nil {
		return Result{}, err
	}
	changed := b.totals.Changed()
	if len(b.lines) == 0 && len(changed) == 0 && bytes.Equal(was, cursor.State) {
		return b.res, nil
	}
	b.res.Lines = len(b.lines)
	return b.res, r.Store.KeepLogs(ctx, store.LogBatch{
		DeploymentID: t.DeploymentID, Instance: t.Instance, Cursor: cursor,
		Lines: b.lines, Series: changed, Retention: t.retention(),
	})
}

// ask runs the script. What does not arrive in time, or is too much at once,
// is asked for in smaller pieces the next time.
func (r *Reader) ask(ctx context.Context, t Target, s *state) (tail.Output, int, error) {
	id := t.DeploymentID + "/" + t.Instance
	r.mu.Lock()
	limit := r.limits[id]
	r.mu.Unlock()
	if limit == 0 {
		limit = fullLimit
	}
	used := limit
	raw, err := t.Run(ctx, t.script(s, limit))
	switch {
	case errors.Is(err, sshclient.ErrTimeout), errors.Is(err, sshclient.ErrOutput), errors.Is(err, context.DeadlineExceeded):
		limit = max(limit/4, leastLimit)
	case err == nil:
		limit = min(2*limit, fullLimit)
	}
	r.mu.Lock()
	if r.limits == nil {
		r.limits = map[string]int{}
	}
	if r.limits[id] = limit; limit == fullLimit {
		delete(r.limits, id)
	}
	r.mu.Unlock()
	if err != nil {
		return tail.Output{}, 0, err
	}
	out, err := tail.Parse(raw, used, maxContent)
	return out, used, err
}
