package deploy

import (
	"context"
	"time"

	"skysail/clouds/faults"
	"skysail/store"
)

// reportUnknown is what to do with words that no rule knows.
const reportUnknown = "No rule knows these words, so nothing was guessed from them. Report them to the skysail project as they stand, with the provider's name, so that a rule can be added (CONTRIBUTING.md, Add a provider, step 2)."

// Explanation is what became of a deployment's candidates, from the store
// alone: it stays when everything else is gone.
type Explanation struct {
	Name      string      `json:"name"`
	ID        string      `json:"id"`
	Phase     store.Phase `json:"phase"`
	Reason    string      `json:"reason,omitempty"`
	Sandbox   bool        `json:"sandbox"`
	CreatedAt time.Time   `json:"created_at"`
	// Attempts are all, in order.
	Attempts []Explained `json:"attempts"`
	// Skipped were ruled out before the first attempt failed.
	Skipped []store.Skip `json:"skipped"`
	// Seconds are those of all attempts together. One that is in service counts
	// until it was.
	Seconds float64 `json:"seconds"`
	// SpentUSD is what the attempts that were removed have cost; BudgetUSD is
	// failover.budget_usd, 0 for none.
	SpentUSD  float64 `json:"spent_usd"`
	BudgetUSD float64 `json:"budget_usd,omitempty"`
	// Reactions are what was done about it when it was not healthy, and the one
	// that made it, oldest first.
	Reactions []store.Reaction `json:"reactions,omitempty"`
}

// Explained is one attempt, afterwards.
type Explained struct {
	store.Attempt
	// Known says that a rule knew the fault's words; false as well for what
	// needs no words, such as the end of the time.
	Known bool `json:"known"`
	// Remedy says how to mend the fault, Report what to do with words that are
	// not known; each may be empty.
	Remedy string `json:"remedy,omitempty"`
	Report string `json:"report,omitempty"`
	// Seconds of all of it, of Terraform's applies, and of the clean-up.
	Seconds      float64 `json:"seconds"`
	ApplySeconds float64 `json:"apply_seconds"`
	CleanSeconds float64 `json:"clean_seconds"`
	// Skipped are the candidates that were not tried because of it.
	Skipped []store.Skip `json:"skipped"`
}

// Explain tells every attempt of a deployment: what was tried where, what the
// provider said and what that was taken for, what was done about it, how long
// it took and what it cost. It reads the store only and changes nothing. It
// works for ended deployments as for live ones; of a name it takes the live
// one, else the newest.
func (d *Deployer) Explain(ctx context.Context, name string) (Explanation, error) {
	row, err := d.get(ctx, name)
	if err != nil {
		return Explanation{}, err
	}
	attempts, err := d.store.Attempts(ctx, row.ID)
	if err != nil {
		return Explanation{}, err
	}
	steps, err := d.store.Steps(ctx, row.ID)
	if err != nil {
		return Explanation{}, err
	}
	skips, err := d.store.Skips(ctx, row.ID)
	if err != nil {
		return Explanation{}, err
	}
	e := Explanation{
		Name: row.Name, ID: row.ID, Phase: row.Phase, Reason: row.Reason, Sandbox: row.Sandbox, CreatedAt: row.CreatedAt,
		Attempts: []Explained{}, Skipped: []store.Skip{}, BudgetUSD: row.Policy.Failover.BudgetUSD,
	}
	now := time.Now()
	for _, a := range attempts {
		x := explained(a, steps, now)
		for _, k := range skips {
			if k.Attempt == a.N {
				x.Skipped = append(x.Skipped, k)
			}
		}
		e.Seconds += x.Seconds
		e.SpentUSD += x.SpentUSD
		e.Attempts = append(e.Attempts, x)
	}
	for _, k := range skips {
		if k.Attempt == 0 || k.Attempt > len(attempts) {
			e.Skipped = append(e.Skipped, k)
		}
	}
	reactions, err := d.store.Reactions(ctx, row.Name, time.Time{})
	for _, r := range reactions {
		if r.Deployment == row.ID || r.Replacement == row.ID {
			e.Reactions = append(e.Reactions, r)
		}
	}
	return e, err
}

func explained(a store.Attempt, steps []store.Step, now time.Time) Explained {
	class := faults.Class(a.Class)
	x := Explained{Attempt: a, Known: a.Source != "", Remedy: class.Remedy(), Skipped: []store.Skip{}}
	if class == faults.Unknown && len(a.Said) > 0 {
		x.Report = reportUnknown
	}
	ended := func(t time.Time) time.Time {
		if t.IsZero() {
			return now
		}
		return t
	}
	// One that came into service was removed later, if it was.
	succeeded := a.Class == ""
	var cleaning, inService time.Time
	for _, s := range steps {
		if s.Attempt != a.N {
			continue
		}
		switch s.Kind {
		case store.StepApply:
			x.ApplySeconds += ended(s.EndedAt).Sub(s.BeganAt).Seconds()
			if !succeeded {
				cleaning = s.EndedAt
			}
		case store.StepRegister:
			inService = s.EndedAt
		case store.StepDestroy, store.StepSweep:
			if cleaning.IsZero() {
				cleaning = s.BeganAt
			}
		}
	}
	if cleaning.IsZero() && !succeeded {
		cleaning = a.StartedAt // it failed before its apply
	}
	switch {
	case succeeded && !inService.IsZero():
		x.Seconds = inService.Sub(a.StartedAt).Seconds()
	default:
		x.Seconds = ended(a.EndedAt).Sub(a.StartedAt).Seconds()
	}
	if (a.Phase == store.AttemptCleaned || a.Phase == store.AttemptStuck) && !cleaning.IsZero() {
		x.CleanSeconds = max(a.EndedAt.Sub(cleaning).Seconds(), 0)
	}
	return x
}
