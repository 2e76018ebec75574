package store

import (
	"context"
	"database/sql"
	"time"
)

// shortagesKept is how long shortages stay in the store; they have lost their
// weight long before.
const shortagesKept = 30 * 24 * time.Hour

// Shortage is a stockout or an exhausted quota that an attempt met. What the
// simulated clouds say and what real ones say are kept apart.
type Shortage struct {
	Provider string
	Region   string
	Type     string
	Spot     bool
	Kind     string // a fault class: capacity or quota
	Sandbox  bool
	At       time.Time // set by AddShortage
}

// AddShortage records a shortage as of now, and drops those of long ago.
func (s *Store) AddShortage(ctx context.Context, sh Shortage) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		now := s.now()
		if _, err := tx.ExecContext(ctx, `DELETE FROM shortages WHERE at < ?`, millis(now.Add(-shortagesKept))); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO shortages (provider, region, type, spot, kind, sandbox, at) VALUES (?,?,?,?,?,?,?)`,
			sh.Provider, sh.Region, sh.Type, sh.Spot, sh.Kind, sh.Sandbox, millis(now))
		return err
	})
}

// Shortages returns those of the simulated or of the real clouds since a
// time, oldest first.
func (s *Store) Shortages(ctx context.Context, sandbox bool, since time.Time) ([]Shortage, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT provider, region, type, spot, kind, sandbox, at FROM shortages
		WHERE sandbox = ? AND at >= ? ORDER BY at, rowid`, sandbox, millis(since))
	if err != nil {
		return nil, s.writeError(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	var out []Shortage
	for rows.Next() {
		var sh Shortage
		var at int64
		if err := rows.Scan(&sh.Provider, &sh.Region, &sh.Type, &sh.Spot, &sh.Kind, &sh.Sandbox, &at); err != nil {
			return nil, s.writeError(err)
		}
		sh.At = fromMillis(at)
		out = append(out, sh)
	}
	return out, s.writeError(rows.Err())
}

// EndShortages forgets what was recorded of a type in a region, and of the
// region's quota: there was room for one just now.
func (s *Store) EndShortages(ctx context.Context, sh Shortage) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM shortages WHERE sandbox = ? AND provider = ? AND region = ? AND spot = ?
			AND (type = ? OR kind = 'quota')`, sh.Sandbox, sh.Provider, sh.Region, sh.Spot, sh.Type)
		return err
	})
}

// ForgetShortages drops all that is remembered of the simulated or of the
// real clouds.
func (s *Store) ForgetShortages(ctx context.Context, sandbox bool) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM shortages WHERE sandbox = ?`, sandbox)
		return err
	})
}
