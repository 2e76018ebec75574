package store

import (
	"context"
	"database/sql"
	"time"
)

// Maintenance is a time in which a deployment may be down: nobody is told, and
// readings do not count.
type Maintenance struct {
	Deployment string    `json:"deployment"` // name
	Why        string    `json:"why"`
	BeginsAt   time.Time `json:"begins_at"`
	EndsAt     time.Time `json:"ends_at,omitzero"`
	// Automatic is that of an operation of our own, which ends with it.
	Automatic bool `json:"automatic"`
}

// AddMaintenance records maintenance that somebody asked for.
func (s *Store) AddMaintenance(ctx context.Context, m Maintenance) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO maintenance (deployment, why, begins_at, ends_at) VALUES (?,?,?,?)`,
			m.Deployment, m.Why, millis(m.BeginsAt), millis(m.EndsAt))
		return err
	})
}

// EndMaintenance ends now what goes on or is to come of a deployment's
// maintenance, and returns how many there were.
func (s *Store) EndMaintenance(ctx context.Context, deployment string) (int64, error) {
	var n int64
	err := s.write(ctx, func(tx *sql.Tx) error {
		now := millis(s.now())
		res, err := tx.ExecContext(ctx, `UPDATE maintenance SET ends_at = ?1, begins_at = min(begins_at, ?1) WHERE deployment = ?2 AND ends_at > ?1`, now, deployment)
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	return n, err
}

// Maintenance returns what has not ended, in order of time.
func (s *Store) Maintenance(ctx context.Context) ([]Maintenance, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT deployment, why, begins_at, ends_at FROM maintenance WHERE ends_at > ? ORDER BY begins_at, id`, millis(s.now()))
	if err != nil {
		return nil, s.writeError(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	out := []Maintenance{}
	for rows.Next() {
		var m Maintenance
		var begins, ends int64
		if err := rows.Scan(&m.Deployment, &m.Why, &begins, &ends); err != nil {
			return nil, s.writeError(err)
		}
		m.BeginsAt, m.EndsAt = fromMillis(begins), fromMillis(ends)
		out = append(out, m)
	}
	return out, s.writeError(rows.Err())
}
