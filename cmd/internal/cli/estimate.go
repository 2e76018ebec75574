package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"skysail/deploy"
	"skysail/internal/failure"
	"skysail/policies"
	"skysail/selector"
)

func newEstimate(a *app) *cobra.Command {
	var t target
	var duration string
	var compare bool
	cmd := &cobra.Command{
		Use:   "estimate [FILE]",
		Short: "Show what a remote deployment would cost over a time",
		Long: `Shows what the candidate that a deployment would try first costs over a time:
all instances with their disks and addresses. With --compare also the cheapest
fitting offer of every cloud, on demand and spot, whether there are credentials
for it or not. Creates nothing.`,
		Example: `  skysail estimate service.hcl --duration 720h --compare
  skysail estimate service.hcl --policy policy.hcl -o json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var length time.Duration
			if duration != "" {
				var err error
				if length, err = policies.ParseDuration(duration); err != nil || length <= 0 {
					return failure.New(failure.Input, fmt.Sprintf("--duration %q", duration), "It is no duration of more than 0.", "Give it as 720h, 30d or 1d12h.")
				}
			}
			svc, policy, err := t.load(args)
			if err != nil {
				return err
			}
			opts := t.options(policy)
			opts.Remote = true
			return withDeployer(cmd.Context(), opts, func(d *deploy.Deployer) error {
				e, err := d.Estimate(cmd.Context(), svc, length, compare)
				if err != nil {
					return err
				}
				if err := a.printEstimate(e, policy, t.sandbox, compare); err != nil {
					return err
				}
				if e.Best == nil {
					return deploy.NothingFits(svc, e.Result)
				}
				return nil
			})
		},
	}
	t.flags(cmd, false)
	cmd.Flags().StringVar(&duration, "duration", "", "how long it runs: 720h, 30d (default: 30 days, or the policy's ttl when that is shorter)")
	cmd.Flags().BoolVar(&compare, "compare", false, "show the cheapest fitting offer of every cloud as well")
	return cmd
}

type quoteJSON struct {
	candidateJSON
	CostUSD  float64  `json:"cost_usd"`
	AsOf     string   `json:"as_of"`
	AgeHours *float64 `json:"price_age_hours"`
	Notes    []string `json:"notes"`
}

func quoteOf(q *deploy.Quote) quoteJSON {
	out := quoteJSON{candidateJSON: candidateOf(&q.Candidate), CostUSD: q.TotalUSD, AsOf: q.Candidate.AsOf(), Notes: q.Notes}
	if q.PriceAge >= 0 {
		h := q.PriceAge.Hours()
		out.AgeHours = &h
	}
	return out
}

func (a *app) printEstimate(e deploy.Estimate, policy *policies.Policy, sandbox, compare bool) error {
	if a.output == "json" {
		return a.printJSON(estimateFields(e, policy, sandbox, compare))
	}
	label := ""
	if sandbox {
		label = " [sandbox: simulated, costs nothing]"
	}
	a.printf("%s: %d instance(s) for %s%s\n", e.Name, e.Instances, hours(e.Duration), label)
	if e.Bounded {
		a.printf("  that long because of limits.ttl = %s in the policy\n", hours(e.TTL))
	} else if e.TTL > 0 && e.Duration > e.TTL {
		a.printf("  longer than limits.ttl = %s in the policy\n", hours(e.TTL))
	}
	if q := e.Best; q != nil {
		a.printBest(e, q)
	}
	if most := policy.Limits.MaxHourlyUSD; most > 0 && e.Best != nil {
		a.printf("  cap    %s an hour, of which this takes %.0f %%\n", money(most), 100*e.Best.Candidate.TotalUSD/most)
	}
	if compare {
		a.printCompared(e)
	}
	if e.Best != nil || len(e.Compared) > 0 {
		wrap(a.io.Out, "", "\nNot included: "+strings.Join(deploy.NotIncluded(), ", ")+".", a.width())
	}
	return nil
}

func (a *app) printBest(e deploy.Estimate, q *deploy.Quote) {
	c := &q.Candidate
	a.printf("  where  %s, %s, %s (%s)\n", c.Offer.Provider, c.Offer.Region, c.Offer.Type, kindOf(c))
	if c.Offer.Provider == policies.Kubernetes {
		a.printf("  cost   nothing beside what the cluster costs already\n")
		return
	}
	a.printf("  cost   %s = %d × %s an hour × %g h\n", money(q.TotalUSD), e.Instances, usd(c.PriceUSD), e.Duration.Hours())
	reasons := c.Reasons()
	wrap(a.io.Out, "  price  ", reasons[len(reasons)-1], a.width())
	if q.PriceAge >= 0 {
		a.printf("  age    %s\n", days(q.PriceAge))
	}
}

func (a *app) printCompared(e deploy.Estimate) {
	if len(e.Compared) == 0 {
		a.printf("\nNo cloud has an offer that fits:\n")
	} else {
		a.printf("\nThe cheapest fitting offer of each cloud:\n")
	}
	rows, notes := [][]string{}, [][]string{}
	for i := range e.Compared {
		q := &e.Compared[i]
		c := &q.Candidate
		rows = append(rows, []string{
			c.Offer.Provider, c.Offer.Region, c.Offer.Type, kindOf(c), usd(c.TotalUSD), money(q.TotalUSD), days(q.PriceAge),
		})
		notes = append(notes, q.Notes)
	}
	if len(rows) > 0 {
		annotated(a.io.Out, []string{"PROVIDER", "REGION", "TYPE", "KIND", "AN HOUR", "TOTAL", "PRICE AGE"}, rows, notes, a.width())
	}
	for _, x := range e.Missing {
		wrap(a.io.Out, x.Provider+": ", refusalText(x), a.width())
	}
}

func estimateFields(e deploy.Estimate, policy *policies.Policy, sandbox, compare bool) map[string]any {
	fields := map[string]any{
		"name": e.Name, "sandbox": sandbox, "instances": e.Instances, "duration_hours": e.Duration.Hours(), "bounded_by_ttl": e.Bounded,
		"rule": e.Result.Rule, "why": e.Result.Why, "not_included": deploy.NotIncluded(),
	}
	if most := policy.Limits.MaxHourlyUSD; most > 0 {
		fields["max_hourly_usd"] = most
	}
	if e.Best != nil {
		fields["best"] = quoteOf(e.Best)
	}
	if compare {
		quotes := make([]quoteJSON, 0, len(e.Compared))
		for i := range e.Compared {
			quotes = append(quotes, quoteOf(&e.Compared[i]))
		}
		missing := e.Missing
		if missing == nil {
			missing = []selector.Refusal{}
		}
		fields["compared"], fields["missing"] = quotes, missing
	}
	return fields
}

func kindOf(c *selector.Candidate) string {
	if c.Spot {
		return "spot"
	}
	return "on demand"
}

// hours is a duration as people say it: 720h (30 days).
func hours(d time.Duration) string {
	text := strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "0m")
	if d >= 48*time.Hour && d%(24*time.Hour) == 0 {
		text += fmt.Sprintf(" (%d days)", d/(24*time.Hour))
	}
	return text
}

// days is the age of a price.
func days(d time.Duration) string {
	switch n := int(d.Hours()) / 24; {
	case d < 0:
		return "not known"
	case n == 0:
		return "today's"
	case n == 1:
		return "1 day"
	default:
		return fmt.Sprintf("%d days", n)
	}
}

// money writes sums with cents, and what is less than a dollar with four
// significant digits.
func money(f float64) string {
	if f < 1 {
		return usd(f)
	}
	return fmt.Sprintf("$%.2f", f)
}
