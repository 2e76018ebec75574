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
	// Version counts the changes; 0 is an alert that never fired.
	Version int64 `json:"-"`
}

// AlertChange is an alert in a state that it was not in, and what people are
// told of it. Alert.Version is that of the state before.
type AlertChange struct {
	Alert         Alert
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
// it or nothing. A change of an alert that another process changed meanwhile is
// left out with its notifications, and so is a notification that is there
// already.
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
			if err := changeAlert(ctx, tx, &b.Changes[i], now); err != nil {
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

func changeAlert(ctx context.Context, tx *sql.Tx, c *AlertChange, now time.Time) error {
	a := &c.Alert
	labels, err := json.Marshal(a.Labels)
	if err != nil {
		return err
	}
	res, err := tx.ExecContext(ctx, `INSERT INTO alerts (key, deployment, name, severity, labels, state, summary, fired_at, resolved_at, version, channels)
		VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10+1,?11)
		ON CONFLICT DO UPDATE SET severity = excluded.severity, labels = excluded.labels, state = excluded.state, summary = excluded.summary, channels = excluded.channels,
			fired_at = excluded.fired_at, resolved_at = excluded.resolved_at, version = excluded.version WHERE version = ?10`,
		a.Key, a.Deployment, a.Name, a.Severity, string(labels), a.State, a.Summary, millis(a.FiredAt), millis(a.ResolvedAt), a.Version, string(a.Channels))
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err
	}
	for i := range c.Notifications {
		if err := addNotification(ctx, tx, &c.Notifications[i], now); err != nil {
			return err
		}
	}
	return nil
}

// Alerts returns the alerts of a deployment's name, or of all for "", those that
// fire first and the newest before older ones.
func (s *Store) Alerts(ctx context.Context, deployment string) ([]Alert, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT key, deployment, name, severity, labels, state, summary, channels, fired_at, resolved_at, version FROM alerts
		WHERE ?1 = '' OR deployment = ?1 ORDER BY state <> 'firing', fired_at DESC, key`, deployment)
	if err != nil {
		return nil, s.writeError(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	out := []Alert{}
	for rows.Next() {
		var a Alert
		var labels []byte
		var fired, resolved int64
		if err := rows.Scan(&a.Key, &a.Deployment, &a.Name, &a.Severity, &labels, &a.State, &a.Summary, &a.Channels, &fired, &resolved, &a.Version); err != nil {
			return nil, s.writeError(err)
		}
		if err := json.Unmarshal(labels, &a.Labels); err != nil {
			return nil, err
		}
		a.FiredAt, a.ResolvedAt = fromMillis(fired), fromMillis(resolved)
		out = append(out, a)
	}
	return out, s.writeError(rows.Err())
}
