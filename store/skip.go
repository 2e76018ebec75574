package store

import (
	"context"
	"database/sql"
	"time"
)

// Skip says of candidates why they were not tried. What is empty in it was
// not looked at: a Skip with a provider alone is about all that it has.
type Skip struct {
	Attempt    int       `json:"attempt"` // the one that it follows from, or 0 for none
	Provider   string    `json:"provider"`
	Region     string    `json:"region,omitempty"`
	Zone       string    `json:"zone,omitempty"`
	Type       string    `json:"type,omitempty"`
	Spot       bool      `json:"spot,omitempty"`
	Class      string    `json:"class,omitempty"`
	Scope      string    `json:"scope,omitempty"`
	Candidates int       `json:"candidates"` // how many
	Reason     string    `json:"reason"`
	At         time.Time `json:"at"` // set by AddSkip
}

// AddSkip records candidates that are not tried, with an event.
func (s *Store) AddSkip(ctx context.Context, deployment string, k Skip) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO skips (deployment_id, attempt, provider, region, zone, type, spot, class, scope, candidates, reason, at)
			VALUES (?,?,?,?,?,?,?,?,?,?,?,?)`, deployment, k.Attempt, k.Provider, k.Region, k.Zone, k.Type, k.Spot, k.Class, k.Scope,
			k.Candidates, k.Reason, millis(s.now())); err != nil {
			return err
		}
		return s.event(ctx, tx, deployment, "skip", joinNonEmpty(k.Provider, k.Reason))
	})
}

// Skips returns what a deployment did not try, in the order in which that was
// found out.
func (s *Store) Skips(ctx context.Context, deployment string) ([]Skip, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT attempt, provider, region, zone, type, spot, class, scope, candidates, reason, at
		FROM skips WHERE deployment_id = ? ORDER BY seq`, deployment)
	if err != nil {
		return nil, s.writeError(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	out := []Skip{}
	for rows.Next() {
		var k Skip
		var at int64
		if err := rows.Scan(&k.Attempt, &k.Provider, &k.Region, &k.Zone, &k.Type, &k.Spot, &k.Class, &k.Scope, &k.Candidates, &k.Reason, &at); err != nil {
			return nil, s.writeError(err)
		}
		k.At = fromMillis(at)
		out = append(out, k)
	}
	return out, s.writeError(rows.Err())
}
