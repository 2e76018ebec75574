package notify

import (
	"fmt"
	"strings"

	"skysail/policies"
)

// ReactionName is in the place of an alert's name in the news of a reaction.
const ReactionName = "SkysailReaction"

// The states of a reaction as people are told of them. Begun, done and failed
// are one thread of news.
const (
	Begun  = "begun"
	Done   = "done"
	Failed = "failed"
	DryRun = "dry-run" // it was only said what would be done
	Held   = "held"    // nothing is done, as the policy's bound for a day is reached
)

// Reaction is what was done about a deployment that is not healthy.
type Reaction struct {
	Kind string `json:"on_unhealthy"` // restart, replace, failover
	// Seen is the evidence, a line for each instance.
	Seen []string `json:"seen"`
	Did  string   `json:"did"`
	// USD is what it cost beside what runs anyway, once it has ended.
	USD         float64 `json:"usd"`
	Replacement string  `json:"replacement,omitempty"` // the deployment that took over
	DryRun      bool    `json:"dry_run"`
	// More is the command that shows all of it.
	More string `json:"more"`
}

// ReactionSeverity is how urgent the news of a reaction is: somebody must act
// where skysail can not, or no more.
func ReactionSeverity(state string) string {
	if state == Failed || state == Held {
		return policies.SeverityPage
	}
	return policies.SeverityTicket
}

// row is a line of what there is to know of an event.
type row struct{ name, value string }

// rows are the news in order: seen, done, cost, more.
func (r *Reaction) rows(ended bool) []row {
	var out []row
	for _, s := range r.Seen {
		out = append(out, row{"seen", line(s)})
	}
	out = append(out, row{"done", line(r.Did)})
	if ended {
		cost := "nothing beside what runs anyway"
		if r.USD > 0 {
			cost = fmt.Sprintf("$%.4f beside what runs anyway", r.USD)
		}
		out = append(out, row{"cost", cost})
	}
	return append(out, row{"more", line(r.More)})
}

func text(rows []row) string {
	lines := make([]string, len(rows))
	for i, r := range rows {
		lines[i] = r.name + ": " + r.value
	}
	return strings.Join(lines, "\n")
}

// pagerDutySeverity is one of critical, error, warning and info.
func (e *Event) pagerDutySeverity() string {
	switch {
	case e.Severity == policies.SeverityPage:
		return "critical"
	case e.State == DryRun:
		return "info"
	}
	return "warning"
}
