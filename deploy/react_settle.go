package deploy

import (
	"context"
	"fmt"
	"time"

	"skysail/policies"
	"skysail/store"
)

const (
	// settleEvery is how often a Reactor looks for reactions that nobody ended.
	settleEvery = 30 * time.Second
	// settleAfter is for how long what is under way is left to whoever began it,
	// beside the time for which it holds the deployment's lock.
	settleAfter = time.Minute
)

// settle puts on record what became of reactions whose monitor ended before it
// could say so, and tells people. One that goes on is left alone.
func (r *Reactor) settle(ctx context.Context, now time.Time) error {
	if now.Sub(r.settled) < settleEvery {
		return nil
	}
	open, err := r.d.store.OpenReactions(ctx, now.Add(-settleAfter))
	if err != nil {
		return err
	}
	for _, x := range open {
		restart := x.Kind == string(policies.Restart)
		if r.isBusy(x.Name) || !r.d.ownerGone(x.Name) || restart && now.Sub(x.BeganAt) < restartTimeout+settleAfter {
			continue
		}
		row, err := r.d.store.Get(ctx, x.Deployment)
		if err != nil {
			return err
		}
		x.Outcome, x.Note = store.ReactionFailed, "the monitor ended before it could say what became of it"
		if !restart {
			if err := r.outcome(ctx, &row, &x, now); err != nil {
				return err
			}
		}
		if err := r.end(ctx, &row, x); err != nil {
			return err
		}
	}
	r.settled = now
	return nil
}

// outcome finds in the revisions what became of a replacement.
func (r *Reactor) outcome(ctx context.Context, row *store.Deployment, x *store.Reaction, now time.Time) error {
	all, err := r.d.store.Revisions(ctx, x.Name)
	if err != nil {
		return err
	}
	x.Note = "the process that did it ended before anything was made"
	for _, rev := range all {
		if rev.MadeBy != store.ByReaction || rev.BeganAt.Before(x.BeganAt) || rev.Deployment == x.Deployment {
			continue
		}
		ended := rev.EndedAt
		switch rev.Outcome {
		case store.OutcomeDone:
			x.Outcome, x.Note, x.Replacement = store.ReactionDone, "", rev.Deployment
		case store.OutcomeFailed:
			x.Note = rev.Note
		default:
			ended, x.Note = now, fmt.Sprintf("the process that did it ended: `skysail recover %s` removes what it left", x.Name)
		}
		x.USD = bothCost(row, ended.Sub(x.BeganAt))
		return nil
	}
	return nil
}
