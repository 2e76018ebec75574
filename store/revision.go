package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"skysail/policies"
	"skysail/spec"
)

// Role says what a deployment is to its name.
type Role string

// The roles. A name has one current deployment. While that is replaced there
// is a next one, which takes its place only when it is healthy; after that the
// old one is previous until it is destroyed.
const (
	RoleCurrent  Role = "current"
	RoleNext     Role = "next"
	RolePrevious Role = "previous"
)

// MadeBy says what made a revision.
type MadeBy string

// What makes revisions.
const (
	ByDeploy   MadeBy = "deploy"
	ByUpdate   MadeBy = "update"
	ByRollback MadeBy = "rollback"
	ByReaction MadeBy = "reaction" // of a monitor, to what was not healthy
)

// Revision is what was wanted of a name at a time. Revisions of a name are
// numbered from 1 on over all its deployments. One without outcome is being
// made, or was when its process died.
type Revision struct {
	N          int
	Deployment string
	MadeBy     MadeBy
	Service    spec.Service
	Policy     policies.Policy
	// PriceUSD is US dollars an hour for all instances.
	PriceUSD float64
	Outcome  string // OutcomeDone or OutcomeFailed
	Note     string // why it failed, which revision was rolled back to, or to what it reacts
	BeganAt  time.Time
	EndedAt  time.Time
}

// nextRevision is the number of a name's next revision.
func nextRevision(ctx context.Context, tx *sql.Tx, name string) (n int, err error) {
	err = tx.QueryRowContext(ctx, `SELECT coalesce(max(n), 0) + 1 FROM revisions
		WHERE deployment_id IN (SELECT id FROM deployments WHERE name = ?)`, name).Scan(&n)
	return n, err
}

func (s *Store) putRevision(ctx context.Context, tx *sql.Tx, r *Revision) error {
	service, err := json.Marshal(r.Service)
	if err != nil {
		return err
	}
	policy, err := json.Marshal(r.Policy)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO revisions (deployment_id, n, made_by, service, policy, price_usd, note, began_at)
		VALUES (?,?,?,?,?,?,?,?)`, r.Deployment, r.N, r.MadeBy, string(service), string(policy), r.PriceUSD, r.Note, millis(s.now()))
	return err
}

// endRevisions gives an outcome to the revisions of a deployment that have
// none.
func (s *Store) endRevisions(ctx context.Context, tx *sql.Tx, deployment, outcome, note string) error {
	_, err := tx.ExecContext(ctx, `UPDATE revisions SET outcome = ?, note = CASE WHEN ?2 = '' THEN note ELSE ?2 END, ended_at = ?3
		WHERE deployment_id = ?4 AND outcome = ''`, outcome, note, millis(s.now()), deployment)
	return err
}

// BeginUpdate records a revision that a running deployment is to become in
// place, and moves it to updating in the same transaction. What runs and what
// is recorded of it stay as they are until FinishUpdate. It returns the
// revision's number.
func (s *Store) BeginUpdate(ctx context.Context, r Revision) (n int, err error) {
	err = s.transition(ctx, "phase:"+string(Updating), func(tx *sql.Tx) error {
		if err := move(ctx, tx, r.Deployment, Updating); err != nil {
			return err
		}
		var name string
		var phase Phase
		if err := tx.QueryRowContext(ctx, `SELECT name, phase FROM deployments WHERE id = ?`, r.Deployment).Scan(&name, &phase); err != nil {
			return notFound(err)
		}
		if phase == Updating { // one that was begun has to end first
			return &TransitionError{From: string(phase), To: string(Updating)}
		}
		if n, err = nextRevision(ctx, tx, name); err != nil {
			return err
		}
		r.N = n
		if err := s.putRevision(ctx, tx, &r); err != nil {
			return err
		}
		return s.phase(ctx, tx, r.Deployment, Updating, "")
	})
	return n, err
}

// FinishUpdate makes the open revision the deployment's own, with the
// instances that it has now, and moves it back to running.
func (s *Store) FinishUpdate(ctx context.Context, deployment string, instances []Instance) error {
	return s.transition(ctx, "phase:"+string(Running), func(tx *sql.Tx) error {
		if err := move(ctx, tx, deployment, Running); err != nil {
			return err
		}
		if err := one(tx.ExecContext(ctx, `UPDATE deployments SET (service, policy, revision, price_usd) =
			(SELECT service, policy, n, price_usd FROM revisions WHERE deployment_id = ?1 AND outcome = '')
			WHERE id = ?1 AND EXISTS (SELECT 1 FROM revisions WHERE deployment_id = ?1 AND outcome = '')`, deployment)); err != nil {
			return err
		}
		if err := s.endRevisions(ctx, tx, deployment, OutcomeDone, ""); err != nil {
			return err
		}
		if err := putInstances(ctx, tx, deployment, instances); err != nil {
			return err
		}
		return s.phase(ctx, tx, deployment, Running, "")
	})
}

// UndoUpdate gives the open revision up: the deployment runs as it was before
// BeginUpdate, with the instances that it has now, and the reason is kept with
// both.
func (s *Store) UndoUpdate(ctx context.Context, deployment string, instances []Instance, reason string) error {
	return s.transition(ctx, "phase:"+string(Running), func(tx *sql.Tx) error {
		if err := move(ctx, tx, deployment, Running); err != nil {
			return err
		}
		if err := s.endRevisions(ctx, tx, deployment, OutcomeFailed, reason); err != nil {
			return err
		}
		if err := putInstances(ctx, tx, deployment, instances); err != nil {
			return err
		}
		return s.phase(ctx, tx, deployment, Running, "")
	})
}

// Switch makes a next deployment, which runs, the current one of its name, and
// the one that it replaces the previous one, which is to be destroyed: in one
// transaction.
func (s *Store) Switch(ctx context.Context, next string) error {
	return s.transition(ctx, "phase:"+string(Destroying), func(tx *sql.Tx) error {
		var old string
		err := tx.QueryRowContext(ctx, `SELECT replaces FROM deployments WHERE id = ? AND role = ? AND phase = ?`, next, RoleNext, Running).Scan(&old)
		if err != nil {
			return notFound(err)
		}
		if err := move(ctx, tx, old, Destroying); err != nil {
			return err
		}
		if err := one(tx.ExecContext(ctx, `UPDATE deployments SET role = ? WHERE id = ? AND role = ?`, RolePrevious, old, RoleCurrent)); err != nil {
			return err
		}
		if err := s.phase(ctx, tx, old, Destroying, "replaced by "+next); err != nil {
			return err
		}
		if err := one(tx.ExecContext(ctx, `UPDATE deployments SET role = ? WHERE id = ?`, RoleCurrent, next)); err != nil {
			return err
		}
		if err := s.endRevisions(ctx, tx, next, OutcomeDone, ""); err != nil {
			return err
		}
		return s.event(ctx, tx, next, "role", "current in place of "+old)
	})
}

// phase writes a phase that was checked by move, with its event.
func (s *Store) phase(ctx context.Context, tx *sql.Tx, id string, phase Phase, reason string) error {
	if err := one(tx.ExecContext(ctx, `UPDATE deployments SET phase = ?, reason = ?, updated_at = ? WHERE id = ?`,
		phase, reason, millis(s.now()), id)); err != nil {
		return err
	}
	return s.event(ctx, tx, id, "phase", joinNonEmpty(string(phase), reason))
}

// OpenRevision returns the revision of a deployment that is being made, else
// ErrNotFound.
func (s *Store) OpenRevision(ctx context.Context, deployment string) (Revision, error) {
	rs, err := s.revisions(ctx, `WHERE deployment_id = ? AND outcome = ''`, deployment)
	if err == nil && len(rs) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Revision{}, err
	}
	return rs[0], nil
}

// Revisions returns all revisions of a name, oldest first, those of ended
// deployments as well.
func (s *Store) Revisions(ctx context.Context, name string) ([]Revision, error) {
	return s.revisions(ctx, `WHERE deployment_id IN (SELECT id FROM deployments WHERE name = ?) ORDER BY n`, name)
}

const revisionColumns = `n, deployment_id, made_by, service, policy, price_usd, outcome, note, began_at, ended_at`

func (s *Store) revisions(ctx context.Context, where string, args ...any) ([]Revision, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT `+revisionColumns+` FROM revisions `+where, args...) //nolint:gosec // where is one of the constants above
	if err != nil {
		return nil, s.writeError(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	var out []Revision
	for rows.Next() {
		var r Revision
		var service, policy []byte
		var began, ended int64
		if err := rows.Scan(&r.N, &r.Deployment, &r.MadeBy, &service, &policy, &r.PriceUSD, &r.Outcome, &r.Note, &began, &ended); err != nil {
			return nil, s.writeError(err)
		}
		if err := errors.Join(json.Unmarshal(service, &r.Service), json.Unmarshal(policy, &r.Policy)); err != nil {
			return nil, err
		}
		r.BeganAt, r.EndedAt = fromMillis(began), fromMillis(ended)
		out = append(out, r)
	}
	return out, s.writeError(rows.Err())
}
