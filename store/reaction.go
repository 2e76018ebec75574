package store

import (
	"context"
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

// BeginReaction records a reaction before anything is done, and returns its
// Seq. It is not idempotent: each call is one more.
func (s *Store) BeginReaction(ctx context.Context, r Reaction) (int64, error) {
	res, err := s.db.ExecContext(ctx, `INSERT INTO reactions (name, deployment_id, kind, evidence, why, outcome, began_at) VALUES (?,?,?,?,?,?,?)`,
		r.Name, r.Deployment, r.Kind, string(r.Evidence), r.Why, r.Outcome, millis(s.now()))
	if err != nil {
		return 0, s.writeError(err)
	}
	return res.LastInsertId()
}

// EndReaction records what became of it. It is idempotent.
func (s *Store) EndReaction(ctx context.Context, r Reaction) error {
	_, err := s.db.ExecContext(ctx, `UPDATE reactions SET outcome = ?, note = ?, replacement = ?, usd = ?, ended_at = ? WHERE seq = ?`,
		r.Outcome, r.Note, r.Replacement, r.USD, millis(s.now()), r.Seq)
	return s.writeError(err)
}

// Reactions returns those of a name since a time, oldest first.
func (s *Store) Reactions(ctx context.Context, name string, since time.Time) ([]Reaction, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT seq, name, deployment_id, kind, evidence, why, outcome, note, replacement, usd, began_at, ended_at
		FROM reactions WHERE name = ? AND began_at >= ? ORDER BY seq`, name, millis(since))
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
