package cli

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"skysail/deploy"
	"skysail/store"
)

func newExplain(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "explain NAME",
		Short: "Every attempt of a deployment: what failed, why, how long, for how much",
		Long: `Tells of each attempt where it was, what the provider said and what that was
taken for, how far the fault reaches, what was done next, what was removed, and
the seconds and dollars. Candidates that were not tried stand under the attempt
because of which. It reads what is recorded, so it works for deployments that
ended as well; NAME may be an ID.`,
		Example: `  skysail explain hello
  skysail explain hello -o json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withDeployer(cmd.Context(), deploy.Options{}, func(d *deploy.Deployer) error {
				e, err := d.Explain(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if a.output == "json" {
					return a.printJSON(map[string]any{"explanation": e})
				}
				a.printExplanation(e)
				return nil
			})
		},
	}
}

func (a *app) printExplanation(e deploy.Explanation) {
	a.printf("%s (%s): %s%s, %s\n", e.Name, e.ID, e.Phase, sandboxMark(e.Sandbox), e.CreatedAt.Local().Format(time.DateTime))
	if e.Reason != "" {
		wrap(a.io.Out, "  reason   ", e.Reason, a.width())
	}
	a.printSkips(e.Skipped, "  skipped  ")
	for _, x := range e.Attempts {
		a.printAttempt(x)
	}
	a.printReactions(e)
	a.printf("\n%d attempt(s), %s", len(e.Attempts), seconds(e.Seconds))
	if e.BudgetUSD > 0 {
		a.printf("; those that were removed cost %s of failover.budget_usd = %s\n", usd(e.SpentUSD), usd(e.BudgetUSD))
		return
	}
	a.printf("; those that were removed cost %s\n", usd(e.SpentUSD))
}

func (a *app) printReactions(e deploy.Explanation) {
	for _, r := range e.Reactions {
		what := "about it"
		if r.Replacement == e.ID {
			what = "that made it, about " + r.Deployment
		}
		a.printf("\nreaction %s, %s: %s, %s\n", what, r.BeganAt.Local().Format(time.DateTime), r.Kind, cmp.Or(r.Outcome, "under way, or its monitor ended"))
		wrap(a.io.Out, "  evidence ", r.Why, a.width())
		if r.Note != "" {
			wrap(a.io.Out, "  note     ", r.Note, a.width())
		}
		if r.Replacement != "" && r.Replacement != e.ID {
			wrap(a.io.Out, "  replaced ", "by "+r.Replacement, a.width())
		}
		if r.USD > 0 {
			wrap(a.io.Out, "  cost     ", usd(r.USD)+" beside what ran", a.width())
		}
	}
}

func (a *app) printAttempt(x deploy.Explained) {
	where := x.Region
	if x.Zone != "" {
		where += " (zone " + x.Zone + ")"
	}
	kind := x.Type
	if x.Spot {
		kind += " (spot)"
	}
	a.printf("\nattempt %d  %s, %s, %s, %s an hour: %s\n", x.N, x.Provider, where, kind, usd(x.PriceUSD), x.Phase)
	line := func(head, text string) { wrap(a.io.Out, fmt.Sprintf("  %-8s ", head), text, a.width()) }
	if x.Class != "" {
		reach := ""
		if x.Scope != "" {
			reach = ", reaches: " + x.Scope
		}
		line("fault", x.Class+reach)
		if x.Report == "" {
			line("said", x.Cause)
		} else { // as it stands, for whoever reports it
			a.printf("  said     %s\n", strings.ReplaceAll(strings.TrimSpace(x.Cause), "\n", "\n           "))
		}
		for _, s := range x.Said {
			if s != x.Cause && !strings.Contains(x.Cause, s) {
				line("and", s)
			}
		}
		if x.Source != "" {
			line("known by", x.Source)
		}
		if x.Report != "" {
			line("unknown", x.Report)
		}
		if x.Remedy != "" {
			line("mend", x.Remedy)
		}
		if x.Next != "" {
			line("then", x.Next)
		}
	}
	if len(x.Cleaned) > 0 {
		line("removed", strings.Join(x.Cleaned, ", "))
	}
	took := fmt.Sprintf("%s, of which apply %s", seconds(x.Seconds), seconds(x.ApplySeconds))
	if x.CleanSeconds > 0 {
		took += ", clean-up " + seconds(x.CleanSeconds)
	}
	line("took", took)
	if x.Phase != store.AttemptSucceeded {
		line("cost", usd(x.SpentUSD))
	}
	a.printSkips(x.Skipped, "  skipped  ")
}

func (a *app) printSkips(skips []store.Skip, head string) {
	for _, k := range skips {
		where := k.Provider
		for _, part := range []string{k.Region, k.Zone, k.Type} {
			if part != "" {
				where += " " + part
			}
		}
		if k.Spot {
			where += " (spot)"
		}
		wrap(a.io.Out, head, fmt.Sprintf("%d candidate(s) of %s: %s", k.Candidates, where, k.Reason), a.width())
	}
}

func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(100 * time.Millisecond).String()
}
