package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
)

// Phase is where a deployment stands.
//
//	                      updating
//	                        ▲ │
//	                        │ ▼
//	pending ─▶ applying ─▶ running ─▶ destroying ─▶ destroyed
//	               │                      │  ▲
//	               ├─▶ failed             ▼  │
//	               └──────────────────▶ stuck ┘
//
// updating: what runs is changed in place to another revision. failed: every candidate failed and everything was removed. stuck: something
// may still exist; destroy tries again.
type Phase string

// The phases.
const (
	Pending    Phase = "pending"
	Applying   Phase = "applying"
	Running    Phase = "running"
	Updating   Phase = "updating"
	Destroying Phase = "destroying"
	Destroyed  Phase = "destroyed"
	FailedAll  Phase = "failed"
	Stuck      Phase = "stuck"
)

// Ended says that nothing of the deployment exists any more.
func (p Phase) Ended() bool { return p == Destroyed || p == FailedAll }

// Passing says that somebody works on the deployment, or died while at it.
func (p Phase) Passing() bool {
	return p == Pending || p == Applying || p == Updating || p == Destroying
}

// follows are the phases that a phase can lead to. Each can lead to itself,
// with another reason.
var follows = map[Phase][]Phase{
	Pending:    {Applying, FailedAll, Destroying},
	Applying:   {Running, FailedAll, Stuck, Destroying},
	Running:    {Updating, Destroying, Stuck},
	Updating:   {Running, Destroying, Stuck},
	Destroying: {Destroyed, Stuck, FailedAll},
	Stuck:      {Destroying, FailedAll},
	FailedAll:  {Stuck}, // asked again, the provider shows something after all
	Destroyed:  {Stuck},
}

// TransitionError says that a phase does not lead to another: a mistake of
// the program, or of two that work on one deployment.
type TransitionError struct{ From, To string }

func (e *TransitionError) Error() string {
	return fmt.Sprintf("%s does not lead to %s", e.From, e.To)
}

// move checks a transition inside the transaction that makes it.
func move(ctx context.Context, tx *sql.Tx, id string, to Phase) error {
	var from Phase
	if err := tx.QueryRowContext(ctx, `SELECT phase FROM deployments WHERE id = ?`, id).Scan(&from); err != nil {
		return notFound(err)
	}
	if from != to && !slices.Contains(follows[from], to) {
		return &TransitionError{From: string(from), To: string(to)}
	}
	return nil
}

// AttemptPhase is where one try of one candidate stands.
//
//	applying ─▶ succeeded
//	    └─▶ cleaning ─▶ cleaned
//	            └─▶ stuck
type AttemptPhase string

// The attempt phases. A succeeded attempt that is destroyed later becomes
// cleaning and cleaned as well; one that is cleaned is looked at again by
// every later destroy.
const (
	AttemptApplying  AttemptPhase = "applying"
	AttemptSucceeded AttemptPhase = "succeeded"
	AttemptCleaning  AttemptPhase = "cleaning"
	AttemptCleaned   AttemptPhase = "cleaned"
	AttemptStuck     AttemptPhase = "stuck"
)

var attemptFollows = map[AttemptPhase][]AttemptPhase{
	AttemptApplying:  {AttemptSucceeded, AttemptCleaning},
	AttemptSucceeded: {AttemptCleaning},
	AttemptCleaning:  {AttemptCleaned, AttemptStuck},
	AttemptCleaned:   {AttemptCleaning},
	AttemptStuck:     {AttemptCleaning},
}

func moveAttempt(ctx context.Context, tx *sql.Tx, deployment string, n int, to AttemptPhase) error {
	var from AttemptPhase
	if err := tx.QueryRowContext(ctx, `SELECT phase FROM attempts WHERE deployment_id = ? AND n = ?`, deployment, n).Scan(&from); err != nil {
		return notFound(err)
	}
	if from != to && !slices.Contains(attemptFollows[from], to) {
		return &TransitionError{From: "attempt " + string(from), To: string(to)}
	}
	return nil
}
