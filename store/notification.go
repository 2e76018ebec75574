package store

import (
	"context"
	"database/sql"
	"time"
)

// Notification is something that people are to be told by one channel. It is
// delivered at least once: a process that dies between sending it and saying so
// leaves it to be sent again, with the same Dedupe.
type Notification struct {
	ID int64
	// Dedupe is the same for the same news by the same channel: such a one is
	// kept once.
	Dedupe string
	Alert  string // its key
	// Channel and Event are JSON of their owners. No secret is in them.
	Channel   []byte
	Event     []byte
	Attempts  int
	CreatedAt time.Time
}

func addNotifications(ctx context.Context, tx *sql.Tx, all []Notification, now time.Time) error {
	for i := range all {
		n := &all[i]
		if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO notifications (dedupe, alert, channel, event, state, attempts, next_at, error, created_at, ended_at)
			VALUES (?,?,?,?,'waiting',0,?,'',?,0)`, n.Dedupe, n.Alert, string(n.Channel), string(n.Event), millis(now), millis(now)); err != nil {
			return err
		}
	}
	return nil
}

// KeepNotifications keeps what people are to be told, all or nothing. It is
// idempotent: what is there already, by its Dedupe, is left as it is.
func (s *Store) KeepNotifications(ctx context.Context, all []Notification) error {
	return s.write(ctx, func(tx *sql.Tx) error { return addNotifications(ctx, tx, all, s.now()) })
}

// ClaimNotifications returns notifications that are due, the oldest first, and
// keeps them from other processes for the length of lease. Of an alert a channel
// is told one thing after the other: what comes later waits.
func (s *Store) ClaimNotifications(ctx context.Context, limit int, lease time.Duration) ([]Notification, error) {
	var out []Notification
	now := s.now()
	err := s.write(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `UPDATE notifications SET attempts = attempts + 1, next_at = ?1 WHERE id IN (
				SELECT id FROM notifications n WHERE state = 'waiting' AND next_at <= ?2 AND NOT EXISTS (
					SELECT 1 FROM notifications o WHERE o.state = 'waiting' AND o.id < n.id AND o.alert = n.alert AND o.channel = n.channel)
				ORDER BY id LIMIT ?3)
			RETURNING id, dedupe, alert, channel, event, attempts, created_at`, millis(now.Add(lease)), millis(now), limit)
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // rows.Err is checked
		for rows.Next() {
			var n Notification
			var created int64
			if err := rows.Scan(&n.ID, &n.Dedupe, &n.Alert, &n.Channel, &n.Event, &n.Attempts, &created); err != nil {
				return err
			}
			n.CreatedAt = fromMillis(created)
			out = append(out, n)
		}
		return rows.Err()
	})
	return out, err
}

// NotificationsDue says whether ClaimNotifications would return any. It only
// reads, so it is cheap to ask often.
func (s *Store) NotificationsDue(ctx context.Context) (bool, error) {
	var due bool
	err := s.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM notifications WHERE state = 'waiting' AND next_at <= ?)`, millis(s.now())).Scan(&due)
	return due, s.writeError(err)
}

// EndNotification says that a notification was sent, or with a reason that it
// never will be.
func (s *Store) EndNotification(ctx context.Context, id int64, reason string) error {
	state := "sent"
	if reason != "" {
		state = "failed"
	}
	return s.write(ctx, func(tx *sql.Tx) error {
		return one(tx.ExecContext(ctx, `UPDATE notifications SET state = ?, error = ?, ended_at = ? WHERE id = ?`, state, reason, millis(s.now()), id))
	})
}

// RetryNotification says that a notification could not be sent and when to try
// again.
func (s *Store) RetryNotification(ctx context.Context, id int64, at time.Time, reason string) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		return one(tx.ExecContext(ctx, `UPDATE notifications SET next_at = ?, error = ? WHERE id = ?`, millis(at), reason, id))
	})
}

// Undelivered is what a channel was not told.
type Undelivered struct {
	Alert    string    `json:"alert"`
	Channel  []byte    `json:"-"`
	Failed   bool      `json:"failed"` // and is not tried any more
	Attempts int       `json:"attempts"`
	Error    string    `json:"error"`
	NextAt   time.Time `json:"next_at"`
}

// Undelivered returns the notifications that wait after a failure, and those
// that failed within the last day.
func (s *Store) Undelivered(ctx context.Context) ([]Undelivered, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT alert, channel, state = 'failed', attempts, error, next_at FROM notifications
		WHERE state = 'waiting' AND error <> '' OR state = 'failed' AND ended_at > ? ORDER BY id`, millis(s.now().Add(-24*time.Hour)))
	if err != nil {
		return nil, s.writeError(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	out := []Undelivered{}
	for rows.Next() {
		var u Undelivered
		var next int64
		if err := rows.Scan(&u.Alert, &u.Channel, &u.Failed, &u.Attempts, &u.Error, &next); err != nil {
			return nil, s.writeError(err)
		}
		u.NextAt = fromMillis(next)
		out = append(out, u)
	}
	return out, s.writeError(rows.Err())
}
