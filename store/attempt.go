package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"
)

// Attempt is one try of one candidate.
type Attempt struct {
	N        int          `json:"n"`
	Provider string       `json:"provider"`
	Region   string       `json:"region"`
	Type     string       `json:"type"`
	Zone     string       `json:"zone,omitempty"`
	Spot     bool         `json:"spot,omitempty"` // interruptible capacity
	PriceUSD float64      `json:"price_usd_hour"` // all instances
	Phase    AttemptPhase `json:"phase"`
	Class    string       `json:"class,omitempty"` // fault class when it failed
	Cause    string       `json:"cause,omitempty"` // the provider's words that decided
	// Scope is how far the fault reaches, Source where the rule that knew it
	// is from, Said all that was said, Next the step that followed.
	Scope  string   `json:"scope,omitempty"`
	Source string   `json:"source,omitempty"`
	Said   []string `json:"said,omitempty"`
	Next   string   `json:"next,omitempty"`
	// SpentUSD is what an attempt that was removed has cost, in US dollars.
	SpentUSD  float64   `json:"spent_usd"`
	Cleaned   []string  `json:"cleaned,omitempty"`
	StartedAt time.Time `json:"started_at"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
}

// StartAttempt records an attempt before anything of it can exist, and makes
// it the deployment's current one, in phase applying.
func (s *Store) StartAttempt(ctx context.Context, deployment string, a Attempt) error {
	return s.transition(ctx, "attempt:"+string(AttemptApplying), func(tx *sql.Tx) error {
		if err := move(ctx, tx, deployment, Applying); err != nil {
			return err
		}
		now := millis(s.now())
		if _, err := tx.ExecContext(ctx, `INSERT INTO attempts (deployment_id, n, provider, region, type, zone, spot, price_usd, phase, started_at)
			VALUES (?,?,?,?,?,?,?,?,?,?)`, deployment, a.N, a.Provider, a.Region, a.Type, a.Zone, a.Spot, a.PriceUSD, AttemptApplying, now); err != nil {
			return err
		}
		if err := one(tx.ExecContext(ctx, `UPDATE deployments SET phase = ?, reason = '', provider = ?, region = ?, type = ?, price_usd = ?, attempt = ?, updated_at = ?
			WHERE id = ?`, Applying, a.Provider, a.Region, a.Type, a.PriceUSD, a.N, now, deployment)); err != nil {
			return err
		}
		return s.event(ctx, tx, deployment, "attempt", a.Provider+" "+a.Region+" "+a.Type)
	})
}

// UpdateAttempt moves an attempt to a phase with what is known of its fault
// and of what was removed.
func (s *Store) UpdateAttempt(ctx context.Context, deployment string, a Attempt) error {
	cleaned, err := json.Marshal(a.Cleaned)
	if err != nil {
		return err
	}
	said, err := json.Marshal(a.Said)
	if err != nil {
		return err
	}
	return s.transition(ctx, "attempt:"+string(a.Phase), func(tx *sql.Tx) error {
		if err := moveAttempt(ctx, tx, deployment, a.N, a.Phase); err != nil {
			return err
		}
		ended := int64(0)
		if a.Phase != AttemptApplying && a.Phase != AttemptCleaning {
			ended = millis(s.now())
		}
		if err := one(tx.ExecContext(ctx, `UPDATE attempts SET phase = ?, class = ?, cause = ?, scope = ?, source = ?, said = ?,
			next = ?, spent_usd = ?, cleaned = ?, ended_at = ? WHERE deployment_id = ? AND n = ?`, a.Phase, a.Class, a.Cause, a.Scope, a.Source,
			string(said), a.Next, a.SpentUSD, string(cleaned), ended, deployment, a.N)); err != nil {
			return err
		}
		return s.event(ctx, tx, deployment, "attempt", joinNonEmpty(string(a.Phase), a.Class))
	})
}

// SetNext records the step that followed a failed attempt.
func (s *Store) SetNext(ctx context.Context, deployment string, n int, next string) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		return one(tx.ExecContext(ctx, `UPDATE attempts SET next = ? WHERE deployment_id = ? AND n = ?`, next, deployment, n))
	})
}

// Attempts returns a deployment's attempts in order.
func (s *Store) Attempts(ctx context.Context, deployment string) ([]Attempt, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT n, provider, region, type, zone, spot, price_usd, phase, class, cause, scope, source, said, next, spent_usd,
		cleaned, started_at, ended_at FROM attempts WHERE deployment_id = ? ORDER BY n`, deployment)
	if err != nil {
		return nil, s.writeError(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	var out []Attempt
	for rows.Next() {
		var a Attempt
		var said, cleaned []byte
		var started, ended int64
		if err := rows.Scan(&a.N, &a.Provider, &a.Region, &a.Type, &a.Zone, &a.Spot, &a.PriceUSD, &a.Phase, &a.Class, &a.Cause,
			&a.Scope, &a.Source, &said, &a.Next, &a.SpentUSD, &cleaned, &started, &ended); err != nil {
			return nil, s.writeError(err)
		}
		if err := errors.Join(json.Unmarshal(said, &a.Said), json.Unmarshal(cleaned, &a.Cleaned)); err != nil {
			return nil, err
		}
		a.StartedAt, a.EndedAt = fromMillis(started), fromMillis(ended)
		out = append(out, a)
	}
	return out, s.writeError(rows.Err())
}

// Event is one entry of a deployment's history.
type Event struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"`
	Text string    `json:"text"`
}

// Events returns a deployment's history, oldest first.
func (s *Store) Events(ctx context.Context, deployment string) ([]Event, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT at, kind, text FROM events WHERE deployment_id = ? ORDER BY seq`, deployment)
	if err != nil {
		return nil, s.writeError(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	var out []Event
	for rows.Next() {
		var e Event
		var at int64
		if err := rows.Scan(&at, &e.Kind, &e.Text); err != nil {
			return nil, s.writeError(err)
		}
		e.At = fromMillis(at)
		out = append(out, e)
	}
	return out, s.writeError(rows.Err())
}

func (s *Store) event(ctx context.Context, tx *sql.Tx, deployment, kind, text string) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO events (deployment_id, at, kind, text) VALUES (?,?,?,?)`,
		deployment, millis(s.now()), kind, text)
	return err
}
