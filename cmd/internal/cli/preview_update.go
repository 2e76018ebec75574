package cli

import (
	"fmt"
	"io"

	"skysail/deploy"
	"skysail/policies"
)

// printUpdatePreview writes what a change does to what runs; after is the
// price afterwards, in dollars an hour.
func printUpdatePreview(w io.Writer, u *deploy.UpdatePreview, after float64) {
	if u == nil {
		return
	}
	from := fmt.Sprintf("revision %d, %s, %s, %s", u.From, u.Before.Provider, u.Before.Region, u.Before.Type)
	if u.To > 0 {
		from += fmt.Sprintf("; back to revision %d", u.To)
	}
	_, _ = fmt.Fprintf(w, "  now     %s\n", from)
	switch {
	case u.InPlace && u.Before.Provider == policies.Local:
		_, _ = fmt.Fprintf(w, "  how     in place: what has to be made anew is stopped first, and its folder removed\n")
	case u.InPlace:
		_, _ = fmt.Fprintf(w, "  how     in place: the instances stay\n")
	default:
		_, _ = fmt.Fprintf(w, "  how     replaced (%s): the old one is destroyed when the new one is healthy\n", u.Reason)
	}
	if u.Before.PriceUSD > 0 || after > 0 {
		_, _ = fmt.Fprintf(w, "  cost    %s an hour before, %s after", usd(u.Before.PriceUSD), usd(after))
		if u.OverlapUSD > 0 {
			_, _ = fmt.Fprintf(w, ", at most %s while both run", usd(u.OverlapUSD))
		}
		_, _ = fmt.Fprintln(w)
	}
	for _, c := range u.Changes {
		_, _ = fmt.Fprintf(w, "  field   %s\n", c)
	}
	if u.Secrets {
		_, _ = fmt.Fprintf(w, "  secrets other values are handed over, and the service restarts\n")
	}
}
