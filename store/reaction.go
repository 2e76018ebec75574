package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"
)

// The outcomes of a reaction. One without outcome is under way, or its process
// ended before it could say.
const (
	ReactionDone   = "done"
	ReactionFailed = "failed"
	ReactionTold   = "dry-run" // it was only said what would be done
)

// Reaction is what was done about a deployment that was not healthy.
type Reaction struct {
	Seq        int64           `json:"seq"`
	Name       string          `json:"name"`
	Deployment string          `json:"id"`
	Kind       string          `json:"kind"`     // restart, replace, failover
	Evidence   json.RawMessage `json:"evidence"` // what spoke against it
	Why        string          `json:"why"`      // the same in words
	Outcome    string          `json:"outcome"`
	Note       string          `json:"note,omitempty"` // why it failed
	// Replacement is the deployment that took over.
	Replacement string `json:"replacement,omitempty"`
	// USD is what it cost beside what ran anyway.
	USD     float64   `json:"usd"`
	BeganAt time.Time `json:"began_at"`
	EndedAt time.Time `json:"ended_at,omitzero"`
}

// Tell makes what people are told of a reaction as it is on record. It is called
// in a transaction, so it must not use the store.
type Tell func(Reaction) ([]Notification, error)

// BeginReaction records a reaction before anything is done, together with what
// people are told of it, and returns it with its Seq and time. It is not
// idempotent: each call is one more. Tell may be nil.
func (s *Store) BeginReaction(ctx context.Context, r Reaction, tell Tell) (Reaction, error) {
	err := s.write(ctx, func(tx *sql.Tx) error {
		began := millis(s.now())
		res, err := tx.ExecContext(ctx, `INSERT INTO reactions (name, deployment_id, kind, evidence, why, outcome, began_at) VALUES (?,?,?,?,?,?,?)`,
			r.Name, r.Deployment, r.Kind, string(r.Evidence), r.Why, r.Outcome, began)
		if err != nil {
			return err
		}
		r.BeganAt = fromMillis(began)
		if r.Seq, err = res.LastInsertId(); err != nil {
			return err
		}
		return s.tell(ctx, tx, r, tell)
	})
	return r, err
}

// EndReaction records what became of a reaction, together with what people are
// told of it. Of one that has an outcome nothing is changed and nobody is told.
// Tell may be nil.
func (s *Store) EndReaction(ctx context.Context, r Reaction, tell Tell) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		ended := millis(s.now())
		res, err := tx.ExecContext(ctx, `UPDATE reactions SET outcome = ?, note = ?, replacement = ?, usd = ?, ended_at = ? WHERE seq = ? AND outcome = ''`,
			r.Outcome, r.Note, r.Replacement, r.USD, ended, r.Seq)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		r.EndedAt = fromMillis(ended)
		return s.tell(ctx, tx, r, tell)
	})
}

func (s *Store) tell(ctx context.Context, tx *sql.Tx, r Reaction, tell Tell) error {
	if tell == nil {
		return nil
	}
	all, err := tell(r)
	if err != nil {
		return err
	}
	return addNotifications(ctx, tx, all, s.now())
}

// Reactions returns those of a name since a time, oldest first.
func (s *Store) Reactions(ctx context.Context, name string, since time.Time) ([]Reaction, error) {
	return s.reactions(ctx, `WHERE name = ? AND began_at >= ?`, name, millis(since))
}

// OpenReactions returns those that began before a time and have no outcome,
// oldest first.
func (s *Store) OpenReactions(ctx context.Context, before time.Time) ([]Reaction, error) {
	return s.reactions(ctx, `WHERE outcome = '' AND began_at < ?`, millis(before))
}

const reactionColumns = `seq, name, deployment_id, kind, evidence, why, outcome, note, replacement, usd, began_at, ended_at`

func (s *Store) reactions(ctx context.Context, where string, args ...any) ([]Reaction, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT `+reactionColumns+` FROM reactions `+where+` ORDER BY seq`, args...) //nolint:gosec // where is one of the constants above
	if err != nil {
		return nil, s.writeError(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	var out []Reaction
	for rows.Next() {
		var r Reaction
		var evidence []byte
		var began, ended int64
		if err := rows.Scan(&r.Seq, &r.Name, &r.Deployment, &r.Kind, &evidence, &r.Why, &r.Outcome, &r.Note, &r.Replacement, &r.USD, &began, &ended); err != nil {
			return nil, s.writeError(err)
		}
		r.Evidence, r.BeganAt, r.EndedAt = evidence, fromMillis(began), fromMillis(ended)
		out = append(out, r)
	}
	return out, s.writeError(rows.Err())
}
