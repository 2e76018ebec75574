package store

import (
	"context"
	"database/sql"
	"time"
)

// StepKind names a step that can create or delete something.
type StepKind string

// The steps.
const (
	StepApply    StepKind = "apply"    // terraform apply of an attempt
	StepCluster  StepKind = "cluster"  // a cluster's namespace and Secret, before the apply that needs them
	StepSecrets  StepKind = "secrets"  // secrets to the instances
	StepHostKeys StepKind = "hostkeys" // new host keys on the instances
	StepRegister StepKind = "register" // attempt succeeded, instances into service
	StepUpdate   StepKind = "update"   // terraform apply of another revision in place
	StepSwitch   StepKind = "switch"   // the next deployment becomes the current one
	StepDestroy  StepKind = "destroy"  // terraform destroy of an attempt
	StepSweep    StepKind = "sweep"    // deletes by tag
	StepForget   StepKind = "forget"   // the workspace is removed
)

// Outcomes of a step that ended.
const (
	OutcomeDone   = "done"
	OutcomeFailed = "failed"
)

// Step is one entry of the journal. One that has not ended was begun by a
// process that still works on it, or that died in the middle of it.
type Step struct {
	Seq     int64     `json:"seq"`
	Attempt int       `json:"attempt"`
	Kind    StepKind  `json:"kind"`
	Detail  string    `json:"detail,omitempty"`
	BeganAt time.Time `json:"began_at"`
	EndedAt time.Time `json:"ended_at,omitzero"`
	Outcome string    `json:"outcome,omitempty"`
}

// BeginStep records a step before it is begun, and returns its number. What
// returned is on disk.
func (s *Store) BeginStep(ctx context.Context, deployment string, attempt int, kind StepKind, detail string) (seq int64, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `INSERT INTO steps (deployment_id, attempt, kind, detail, began_at) VALUES (?,?,?,?,?)`,
			deployment, attempt, kind, detail, millis(s.now()))
		if err != nil {
			return err
		}
		seq, err = res.LastInsertId()
		return err
	})
	return seq, err
}

// EndStep records how a step ended.
func (s *Store) EndStep(ctx context.Context, seq int64, outcome string) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		return one(tx.ExecContext(ctx, `UPDATE steps SET ended_at = ?, outcome = ? WHERE seq = ?`, millis(s.now()), outcome, seq))
	})
}

// Steps returns the journal of a deployment, oldest first.
func (s *Store) Steps(ctx context.Context, deployment string) ([]Step, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT seq, attempt, kind, detail, began_at, ended_at, outcome FROM steps
		WHERE deployment_id = ? ORDER BY seq`, deployment)
	if err != nil {
		return nil, s.writeError(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	var out []Step
	for rows.Next() {
		var x Step
		var began, ended int64
		if err := rows.Scan(&x.Seq, &x.Attempt, &x.Kind, &x.Detail, &began, &ended, &x.Outcome); err != nil {
			return nil, s.writeError(err)
		}
		x.BeganAt, x.EndedAt = fromMillis(began), fromMillis(ended)
		out = append(out, x)
	}
	return out, s.writeError(rows.Err())
}
