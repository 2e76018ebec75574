package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"skysail/internal/failure"
)

// chunkOverhead is what a chunk of log lines takes on disk beside its lines,
// roughly: the row and its place in the index.
const chunkOverhead = 128

// ErrLogConflict is returned by KeepLogs when another process read the same
// instance's logs meanwhile. Nothing was kept; read again from its cursor.
var ErrLogConflict = errors.New("another process has read these logs meanwhile")

// LogCursor is how far the logs of one instance were read.
type LogCursor struct {
	// Version counts what was kept; 0 is an instance whose logs were never
	// read.
	Version int64
	// State is the reader's own, whole.
	State  []byte
	ReadAt time.Time
}

// LogSeries is one series that rules made of log lines: a running total, so
// that writing it twice changes nothing.
type LogSeries struct {
	Name   string
	Labels map[string]string
	Rule   string // of the service file; empty for what the reading itself counts
	// Value is that of a counter or gauge, and the sum of a histogram.
	Value        float64
	Observations uint64
	// Buckets are a histogram's observations by bucket, not cumulative, with
	// those above the highest bound last; nil for other series.
	Buckets    []uint64
	ObservedAt time.Time
}

// LogRetention bounds what is kept of a deployment's log lines.
type LogRetention struct {
	Bytes int64         // on disk, compressed
	Age   time.Duration // since the lines were taken in
}

// LogBatch is what one reading of an instance's logs brought.
type LogBatch struct {
	DeploymentID, Instance string
	Cursor                 LogCursor // Version is the one that the reading began with
	Lines                  []LogLine
	Series                 []LogSeries
	Retention              LogRetention
}

// KeepLogs keeps the cursor, the lines and the series of one reading in one
// transaction, and drops what retention does not allow any more. Either all of
// it is kept or nothing.
func (s *Store) KeepLogs(ctx context.Context, b LogBatch) error {
	chunks := packLines(b.Lines)
	return s.write(ctx, func(tx *sql.Tx) error {
		now := millis(s.now())
		res, err := tx.ExecContext(ctx, `INSERT INTO log_cursors (deployment_id, instance, version, state, read_at) VALUES (?1,?2,?3+1,?4,?5)
			ON CONFLICT DO UPDATE SET version = version + 1, state = excluded.state, read_at = excluded.read_at WHERE version = ?3`,
			b.DeploymentID, b.Instance, b.Cursor.Version, b.Cursor.State, now)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			return errors.Join(err, conflict(b.Instance))
		}
		for _, c := range chunks {
			if _, err := tx.ExecContext(ctx, `INSERT INTO log_chunks (deployment_id, instance, first_at, last_at, lines, taken_at, data) VALUES (?,?,?,?,?,?,?)`,
				b.DeploymentID, b.Instance, c.first, c.last, c.lines, now, c.data); err != nil {
				return err
			}
		}
		for _, x := range b.Series {
			labels, err := json.Marshal(x.Labels)
			if err != nil {
				return err
			}
			buckets, err := json.Marshal(x.Buckets)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO log_series VALUES (?,?,?,?,?,?,?,?,?)`, b.DeploymentID, b.Instance,
				x.Name, string(labels), x.Rule, x.Value, int64(x.Observations), string(buckets), millis(x.ObservedAt)); err != nil { //nolint:gosec // far below 2^63
				return err
			}
		}
		if len(chunks) == 0 {
			return nil
		}
		return retain(ctx, tx, b, now)
	})
}

func conflict(instance string) error {
	return failure.Wrap(ErrLogConflict, failure.Busy, "keep the logs of "+instance, "Nothing was kept by this process.", "It reads on from where the other one came to.")
}

// retain drops the oldest lines until what is left is within bounds.
func retain(ctx context.Context, tx *sql.Tx, b LogBatch, now int64) error {
	if b.Retention.Age > 0 {
		if _, err := tx.ExecContext(ctx, `DELETE FROM log_chunks WHERE deployment_id = ? AND taken_at < ?`,
			b.DeploymentID, now-b.Retention.Age.Milliseconds()); err != nil {
			return err
		}
	}
	if b.Retention.Bytes <= 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM log_chunks WHERE deployment_id = ?1 AND seq <= coalesce((
		SELECT max(seq) FROM (SELECT seq, sum(length(data) + ?3) OVER (ORDER BY seq DESC) AS total FROM log_chunks WHERE deployment_id = ?1)
		WHERE total > ?2), -1)`, b.DeploymentID, b.Retention.Bytes, chunkOverhead)
	return err
}

// LogCursor returns how far the logs of an instance were read, with Version 0
// when they never were.
func (s *Store) LogCursor(ctx context.Context, deploymentID, instance string) (LogCursor, error) {
	var c LogCursor
	var at int64
	err := s.db.QueryRowContext(ctx, `SELECT version, state, read_at FROM log_cursors WHERE deployment_id = ? AND instance = ?`,
		deploymentID, instance).Scan(&c.Version, &c.State, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return LogCursor{}, nil
	}
	c.ReadAt = fromMillis(at)
	return c, s.writeError(err)
}

// LogSeries returns the series of an instance's logs, by name and labels.
func (s *Store) LogSeries(ctx context.Context, deploymentID, instance string) ([]LogSeries, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT name, labels, rule, value, observations, buckets, observed_at FROM log_series
		WHERE deployment_id = ? AND instance = ? ORDER BY name, labels`, deploymentID, instance)
	if err != nil {
		return nil, s.writeError(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	var out []LogSeries
	for rows.Next() {
		var x LogSeries
		var labels, buckets []byte
		var observations, at int64
		if err := rows.Scan(&x.Name, &labels, &x.Rule, &x.Value, &observations, &buckets, &at); err != nil {
			return nil, s.writeError(err)
		}
		if err := errors.Join(json.Unmarshal(labels, &x.Labels), json.Unmarshal(buckets, &x.Buckets)); err != nil {
			return nil, err
		}
		x.Observations, x.ObservedAt = uint64(observations), fromMillis(at) //nolint:gosec // written as such
		out = append(out, x)
	}
	return out, s.writeError(rows.Err())
}
