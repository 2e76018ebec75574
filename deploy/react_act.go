package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"skysail/internal/failure"
	"skysail/policies"
	"skysail/qos"
	"skysail/qos/react"
	"skysail/selector"
	"skysail/store"
)

// act does it, and records what became of it.
func (r *Reactor) act(ctx context.Context, row store.Deployment, entry store.Reaction, v react.Verdict) {
	began := time.Now()
	var err error
	switch kind := row.Policy.Reaction.OnUnhealthy; kind {
	case policies.Restart:
		err = r.d.restart(ctx, &row, v)
	default:
		var res UpdateResult
		res, err = supervised[UpdateResult](ctx, r.d, opUpdate, row.Name, updateOrder{
			Name: row.Name, Replace: true,
			Reaction: &reactionOrder{Why: string(kind) + " as it was not healthy: " + entry.Why, Away: kind == policies.FailoverAway},
		})
		if res.Deployment.ID != row.ID {
			entry.Replacement = res.Deployment.ID
		}
		entry.USD = bothCost(&row, time.Since(began))
	}
	entry.Outcome = store.ReactionDone
	if err != nil {
		entry.Outcome, entry.Note = store.ReactionFailed, err.Error()
	}
	if err := r.end(ctx, &row, entry); err != nil {
		r.note(r.about(&row, store.ReactionFailed, "what became of it can not be recorded: "+err.Error()))
	}
}

// end records what became of a reaction and tells of it.
func (r *Reactor) end(ctx context.Context, row *store.Deployment, entry store.Reaction) error {
	tell, err := r.telling(ctx, row)
	if err == nil {
		err = r.d.store.EndReaction(ctx, entry, tell)
	}
	text := entry.Note
	if text == "" {
		text = "the service was restarted"
	}
	if entry.Replacement != "" {
		text = "replaced by " + entry.Replacement
	}
	r.note(r.about(row, entry.Outcome, text))
	return err
}

// bothCost is what it cost that a deployment and the one that replaces it were
// paid for at once. The dearer rate is not known before, so the old one's stands
// for both.
func bothCost(row *store.Deployment, t time.Duration) float64 {
	return billingOf(row.Provider).cost(row.PriceUSD, max(row.Service.Instances, 1), t)
}

// elsewhere are the candidates away from where a deployment is: at other
// providers, else in other regions.
func elsewhere(row *store.Deployment, all []selector.Candidate) ([]selector.Candidate, error) {
	for _, away := range []func(c selector.Candidate) bool{
		func(c selector.Candidate) bool { return c.Offer.Provider != row.Provider },
		func(c selector.Candidate) bool { return c.Offer.Region != row.Region },
	} {
		if out := slices.DeleteFunc(slices.Clone(all), func(c selector.Candidate) bool { return !away(c) }); len(out) > 0 {
			return out, nil
		}
	}
	return nil, failure.New(failure.Exhausted, fmt.Sprintf("there is nowhere for %q to fail over to", row.Name),
		fmt.Sprintf("Nothing that its policy allows is away from %s in %s; nothing was changed.", row.Provider, row.Region),
		`Allow another provider or region, or set on_unhealthy = "replace".`)
}

// restart restarts the service on the machines that the evidence is against.
func (d *Deployer) restart(ctx context.Context, row *store.Deployment, v react.Verdict) error {
	targets, err := d.registered(ctx, row)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, restartTimeout)
	defer cancel()
	var errs []error
	found := false
	for _, t := range targets {
		if !slices.ContainsFunc(v.Evidence, func(e react.Evidence) bool { return e.Instance == t.Instance }) {
			continue
		}
		found = true
		if _, err := qos.Run(ctx, t, "sudo -n systemctl restart "+t.Unit, nil); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", t.Instance, err))
		}
	}
	if !found {
		return fmt.Errorf("no machine of %s that is not healthy is on record: nothing was restarted, and `skysail status %s` shows what there is", row.Name, row.Name)
	}
	return errors.Join(errs...)
}

// restartTimeout is over systemd's own, TimeoutStopSec and TimeoutStartSec.
const restartTimeout = 5 * time.Minute
