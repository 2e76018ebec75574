package review

import (
	"fmt"
	"strings"
	"time"
)

// Text is a summary for a terminal.
func (m *Manifest) Text(maxAge time.Duration) string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	mark := ""
	if m.Sandbox {
		mark = " [sandbox: simulated, costs nothing]"
	}
	say("%s (%s)%s", m.Name, m.ID, mark)
	say("  hash     %s", m.Hash)
	say("  planned  %s by skysail %s with %s; to be applied by %s", m.CreatedAt.Format(time.RFC3339), m.Skysail, m.Engine, m.CreatedAt.Add(maxAge).Format(time.RFC3339))
	say("  rule     %s: %s", m.Rule, m.Why)
	say("  SSH from %s", m.ssh())
	for i := range m.Candidates {
		e := &m.Candidates[i]
		say("  %2d. %s, %s an hour, price as of %s", e.N, e.where(), m.price(e), m.asOf(e))
		if why := e.Refusal(); why != "" {
			say("      not applied: %s", why)
			continue
		}
		say("      %s", strings.ToLower(counted(e.Changes)))
		for _, o := range e.Openings {
			say("      port %s open to %s", o.Port, strings.Join(o.From, ", "))
		}
		if e.Verdict != nil {
			for _, w := range e.Verdict.Warn {
				say("      warning: %s", w)
			}
		}
	}
	if len(m.Approved()) > 1 {
		say("  at most %s an hour", usd(m.MaxUSD()))
	}
	return b.String()
}
