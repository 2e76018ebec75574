package cli

import (
	"fmt"
	"io"

	"skysail/deploy"
)

// shownFallbacks is how many of them a person is shown by name.
const shownFallbacks = 3

// printPreview writes what a person decides on.
func printPreview(w io.Writer, p deploy.Preview) {
	c := p.Candidate
	sandbox := ""
	if p.Sandbox {
		sandbox = " [sandbox: simulated, costs nothing]"
	}
	_, _ = fmt.Fprintf(w, "%s (%s)%s\n", p.Name, p.ID, sandbox)
	printUpdatePreview(w, p.Update, c.TotalUSD)
	kind := ""
	if c.Spot {
		kind = " (spot)"
	}
	_, _ = fmt.Fprintf(w, "  where   %s, %s, %s%s (%s: %s)\n", c.Offer.Provider, c.Offer.Region, c.Offer.Type, kind, p.Rule, p.Why)
	if c.TotalUSD > 0 {
		_, _ = fmt.Fprintf(w, "  price   %s an hour for %d instance(s), about %s a month; as of %s\n",
			usd(c.TotalUSD), p.Instances, usd(c.TotalUSD*730), c.AsOf())
	} else {
		_, _ = fmt.Fprintf(w, "  price   nothing\n")
	}
	if len(p.Fallbacks) > 0 {
		_, _ = fmt.Fprintf(w, "  else    ")
		for i := range p.Fallbacks {
			if i == shownFallbacks {
				_, _ = fmt.Fprintf(w, ", and %d more", len(p.Fallbacks)-i)
				break
			}
			if i > 0 {
				_, _ = fmt.Fprint(w, ", ")
			}
			f := p.Fallbacks[i].Offer
			_, _ = fmt.Fprintf(w, "%s %s %s", f.Provider, f.Region, f.Type)
		}
		_, _ = fmt.Fprintf(w, "; at most %s an hour\n", usd(p.MaxUSD))
	}
	for _, x := range p.Denied {
		_, _ = fmt.Fprintf(w, "  denied  %s\n", x)
	}
	for _, warning := range p.Warnings {
		_, _ = fmt.Fprintf(w, "  warning %s\n", warning)
	}
	for _, ch := range p.Changes {
		_, _ = fmt.Fprintf(w, "  %-7s %s\n", ch.Action, ch.Address)
	}
}
