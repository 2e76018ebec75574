package policies

import (
	"fmt"
	"slices"
	"time"

	"skysail/internal/hclfile"
)

// OnUnhealthy says what is done about a deployment that is not healthy.
type OnUnhealthy string

// The values of reaction.on_unhealthy. Alert does nothing but tell. Restart
// restarts the service on its machine, Replace makes a new deployment beside
// it from the same candidates, Failover makes it at another provider or, where
// no other is allowed, in another region.
const (
	Alert           OnUnhealthy = "alert"
	Restart         OnUnhealthy = "restart"
	Replace         OnUnhealthy = "replace"
	FailoverAway    OnUnhealthy = "failover"
	maxReactionsDay             = 24
)

func onUnhealthy() []string {
	return []string{string(Alert), string(Restart), string(Replace), string(FailoverAway)}
}

// Reaction says what the monitor may do about a deployment that is not
// healthy, and how sure it must be. Its zero value tells and does nothing.
type Reaction struct {
	OnUnhealthy OnUnhealthy `json:"on_unhealthy,omitempty"`
	// After is for how long two independent signs must both say so.
	After time.Duration `json:"after,omitempty"`
	// Cooldown is the least time from one reaction to the next.
	Cooldown time.Duration `json:"cooldown,omitempty"`
	// MaxPerDay and MaxUSDPerDay bound the reactions of 24 hours, and what they
	// cost beside what runs anyway; 0 dollars is no bound.
	MaxPerDay    int     `json:"max_per_day,omitempty"`
	MaxUSDPerDay float64 `json:"max_usd_per_day,omitempty"`
	// MinHealthy is the share of all watched deployments, 0 to 1, that must be
	// healthy: when fewer are, it is taken for a false alarm.
	MinHealthy float64 `json:"min_healthy,omitempty"`
	// DryRun tells what would be done, and does nothing.
	DryRun bool `json:"dry_run,omitempty"`
}

// defaultReaction is what a reaction block leaves out.
func defaultReaction() Reaction {
	return Reaction{OnUnhealthy: Alert, After: 2 * time.Minute, Cooldown: 30 * time.Minute, MaxPerDay: 3, MinHealthy: 0.5}
}

var reactionSchema = &hclfile.Schema{
	What:       "a reaction block",
	Attributes: []string{"on_unhealthy", "after", "cooldown", "max_per_day", "max_usd_per_day", "min_healthy", "dry_run"},
}

func decodeReaction(b *hclfile.Body, into *Reaction) {
	if b == nil {
		return
	}
	*into = defaultReaction()
	what := string(into.OnUnhealthy)
	b.String("on_unhealthy", &what)
	b.Require("on_unhealthy", "what is done: "+hclfile.Join(onUnhealthy(), "or"))
	into.OnUnhealthy = OnUnhealthy(what)
	duration(b, "after", &into.After)
	duration(b, "cooldown", &into.Cooldown)
	b.Int("max_per_day", &into.MaxPerDay)
	b.Number("max_usd_per_day", &into.MaxUSDPerDay)
	b.Number("min_healthy", &into.MinHealthy)
	b.Bool("dry_run", &into.DryRun)
}

func (r Reaction) mistakes() []hclfile.Mistake {
	if r == (Reaction{}) {
		return nil
	}
	var out []hclfile.Mistake
	if !slices.Contains(onUnhealthy(), string(r.OnUnhealthy)) {
		out = append(out, hclfile.Mistake{
			Path: "reaction.on_unhealthy", Summary: "Unknown reaction", Value: string(r.OnUnhealthy),
			Detail: "{value} is nothing that can be done about a deployment that is not healthy.",
			Hint:   hclfile.DidYouMean(string(r.OnUnhealthy), onUnhealthy()),
		})
	}
	out = append(out, bounds("reaction.after", r.After, false)...)
	out = append(out, bounds("reaction.cooldown", r.Cooldown, false)...)
	if r.MaxPerDay < 1 || r.MaxPerDay > maxReactionsDay {
		out = append(out, hclfile.Mistake{
			Path: "reaction.max_per_day", Summary: "Invalid max_per_day", Value: r.MaxPerDay,
			Detail: fmt.Sprintf("There are between 1 and %d reactions a day, not {value}.", maxReactionsDay),
			Hint:   `on_unhealthy = "alert" does nothing`,
		})
	}
	if !(r.MaxUSDPerDay >= 0 && r.MaxUSDPerDay <= maxBudgetUSD) {
		out = append(out, hclfile.Mistake{
			Path: "reaction.max_usd_per_day", Summary: "Invalid max_usd_per_day", Value: r.MaxUSDPerDay,
			Detail: fmt.Sprintf("It is more than 0 and at most %d dollars, and this is {value}.", maxBudgetUSD),
			Hint:   "leave it out for no bound",
		})
	}
	if !(r.MinHealthy >= 0 && r.MinHealthy < 1) {
		out = append(out, hclfile.Mistake{
			Path: "reaction.min_healthy", Summary: "Invalid min_healthy", Value: r.MinHealthy,
			Detail: "It is a share from 0 to less than 1, and this is {value}.",
			Hint:   "0.5 reacts as long as half of what is watched is healthy",
		})
	}
	return out
}
