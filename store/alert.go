package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"
)

// Alert is one that fires or did.
type Alert struct {
	// Key tells alerts apart; it names the deployment, not its identifier.
	Key        string            `json:"key"`
	Deployment string            `json:"deployment"` // name
	Name       string            `json:"alert"`
	Severity   string            `json:"severity"`
	Labels     map[string]string `json:"labels"`
	State      string            `json:"state"`
	Summary    string            `json:"summary"`
	// Channels is JSON of its owner: who was told that it fires, and is told of
	// its end, whatever became of the deployment.
	Channels   []byte    `json:"-"`
	FiredAt    time.Time `json:"fired_at"`
	ResolvedAt time.Time `json:"resolved_at,omitzero"`
	// ToldAt is when people were first told of what it belongs to. It is zero of
	// one that they are not told of while another of the same cause fires.
	ToldAt time.Time `json:"told_at,omitzero"`
	// Version counts the changes; 0 is an alert that never fired.
	Version int64 `json:"-"`
}

// AlertChange is alerts of one cause that are not as they were, and what people
// are told of that. Each Version is that of the state before.
type AlertChange struct {
	Alerts        []Alert
	Notifications []Notification
}

// AlertBatch is what one evaluation brought.
type AlertBatch struct {
	Counts  []ObjectiveCount
	Changes []AlertChange
}

// alertRetention is how long alerts and notifications that ended are kept.
const alertRetention = 30 * 24 * time.Hour

// KeepAlerts keeps counts, states and notifications in one transaction: all of
// it or nothing. A change of which another process changed an alert meanwhile is
// left out as a whole, and so is a notification that is there already.
func (s *Store) KeepAlerts(ctx context.Context, b AlertBatch) error {
	now := s.now()
	s.alerts.Lock()
	due := now.Sub(s.compacted) >= compactEvery || now.Before(s.compacted)
	s.alerts.Unlock()
	err := s.write(ctx, func(tx *sql.Tx) error {
		for _, c := range b.Counts {
			if err := addCount(ctx, tx, c); err != nil {
				return err
			}
		}
		for i := range b.Changes {
			if err := change(ctx, tx, &b.Changes[i], now); err != nil {
				return err
			}
		}
		if !due {
			return nil
		}
		old := millis(now.Add(-alertRetention))
		for _, q := range []string{
			`DELETE FROM alerts WHERE state <> 'firing' AND resolved_at < ?`,
			`DELETE FROM notifications WHERE ended_at <> 0 AND ended_at < ?`,
			`DELETE FROM maintenance WHERE ends_at < ?`,
		} {
			if _, err := tx.ExecContext(ctx, q, old); err != nil {
				return err
			}
		}
		return compactCounts(ctx, tx, now)
	})
	if err == nil && due {
		s.alerts.Lock()
		s.compacted = now
		s.alerts.Unlock()
	}
	return err
}

func change(ctx context.Context, tx *sql.Tx, c *AlertChange, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `SAVEPOINT change`); err != nil {
		return err
	}
	for i := range c.Alerts {
		changed, err := putAlert(ctx, tx, &c.Alerts[i])
		if err != nil {
			return err
		}
		if !changed {
			_, err := tx.ExecContext(ctx, `ROLLBACK TO change; RELEASE change`)
			return err
		}
	}
	if err := addNotifications(ctx, tx, c.Notifications, now); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `RELEASE change`)
	return err
}

// putAlert says false when it is not as it was before the change.
func putAlert(ctx context.Context, tx *sql.Tx, a *Alert) (bool, error) {
	labels, err := json.Marshal(a.Labels)
	if err != nil {
		return false, err
	}
	res, err := tx.ExecContext(ctx, `INSERT INTO alerts (key, deployment, name, severity, labels, state, summary, fired_at, resolved_at, version, channels, told_at)
		VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10+1,?11,?12)
		ON CONFLICT DO UPDATE SET severity = excluded.severity, labels = excluded.labels, state = excluded.state, summary = excluded.summary, channels = excluded.channels,
			fired_at = excluded.fired_at, resolved_at = excluded.resolved_at, version = excluded.version, told_at = excluded.told_at WHERE version = ?10`,
		a.Key, a.Deployment, a.Name, a.Severity, string(labels), a.State, a.Summary, millis(a.FiredAt), millis(a.ResolvedAt), a.Version, string(a.Channels), millis(a.ToldAt))
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// Alerts returns the alerts of a deployment's name, or of all for "", those that
// fire first and the newest before older ones.
func (s *Store) Alerts(ctx context.Context, deployment string) ([]Alert, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT key, deployment, name, severity, labels, state, summary, channels, fired_at, resolved_at, told_at, version FROM alerts
		WHERE ?1 = '' OR deployment = ?1 ORDER BY state <> 'firing', fired_at DESC, key`, deployment)
	if err != nil {
		return nil, s.writeError(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	out := []Alert{}
	for rows.Next() {
		var a Alert
		var labels []byte
		var fired, resolved, told int64
		if err := rows.Scan(&a.Key, &a.Deployment, &a.Name, &a.Severity, &labels, &a.State, &a.Summary, &a.Channels, &fired, &resolved, &told, &a.Version); err != nil {
			return nil, s.writeError(err)
		}
		if err := json.Unmarshal(labels, &a.Labels); err != nil {
			return nil, err
		}
		a.FiredAt, a.ResolvedAt, a.ToldAt = fromMillis(fired), fromMillis(resolved), fromMillis(told)
		out = append(out, a)
	}
	return out, s.writeError(rows.Err())
}
