package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"skysail/deploy"
	"skysail/selector"
)

func newSelect(a *app) *cobra.Command {
	var t target
	var explain bool
	limit := 0
	cmd := &cobra.Command{
		Use:   "select [FILE]",
		Short: "Show where a remote deployment would go, best first, and why",
		Long: `Orders all offers of the catalog that fit the service under the policy, as a
remote deployment would try them, with the whole price an hour of all instances.
Providers without credentials are refused, with the reason. Asks no cloud and
creates nothing; --sandbox takes the credentials of the simulated clouds.`,
		Example: `  skysail select service.hcl --sandbox --explain
  skysail select service.hcl --policy policy.hcl -o json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			svc, policy, err := t.load(args)
			if err != nil {
				return err
			}
			opts := t.options(policy)
			opts.Remote = true
			return withDeployer(cmd.Context(), opts, func(d *deploy.Deployer) error {
				r, err := d.Select(cmd.Context(), svc)
				if err != nil {
					return err
				}
				if err := a.printSelection(r, explain, limit); err != nil {
					return err
				}
				if len(r.Candidates) > 0 {
					return nil
				}
				return deploy.NothingFits(svc, r)
			})
		},
	}
	t.flags(cmd, false)
	cmd.Flags().BoolVar(&explain, "explain", false, "show the reasons for each place and each refusal")
	cmd.Flags().IntVar(&limit, "limit", shownCandidates, "how many candidates to show; 0 is all (-o json always has all)")
	return cmd
}

// shownCandidates is more than a deployment tries by default.
const shownCandidates = 10

type candidateJSON struct {
	Provider  string  `json:"provider"`
	Region    string  `json:"region"`
	Type      string  `json:"type"`
	Zone      string  `json:"zone,omitempty"`
	Spot      bool    `json:"spot"`
	VCPU      float64 `json:"vcpu"`
	MemoryGiB float64 `json:"memory_gib"`
	// PriceUSD is of one instance with disks and address, Price its parts.
	PriceUSD float64        `json:"price_usd_hour"`
	TotalUSD float64        `json:"total_usd_hour"`
	Price    selector.Price `json:"price"`
	Reasons  []string       `json:"reasons"`
}

func candidateOf(c *selector.Candidate) candidateJSON {
	return candidateJSON{
		Provider: c.Offer.Provider, Region: c.Offer.Region, Type: c.Offer.Type, Zone: c.Zone(), Spot: c.Spot, VCPU: c.Offer.VCPU,
		MemoryGiB: c.Offer.MemoryGB, PriceUSD: c.PriceUSD, TotalUSD: c.TotalUSD, Price: c.Price(), Reasons: c.Reasons(),
	}
}

func (a *app) printSelection(r selector.Result, explain bool, limit int) error {
	if a.output == "json" {
		cs := make([]candidateJSON, 0, len(r.Candidates))
		for i := range r.Candidates {
			cs = append(cs, candidateOf(&r.Candidates[i]))
		}
		refused := r.Refused
		if refused == nil {
			refused = []selector.Refusal{}
		}
		return a.printJSON(map[string]any{"rule": r.Rule, "why": r.Why, "candidates": cs, "refused": refused, "closest": r.Closest})
	}
	if len(r.Candidates) > 0 {
		a.printCandidates(r, explain, limit)
	}
	if explain && len(r.Refused) > 0 {
		a.printRefused(r)
	}
	return nil
}

func (a *app) printCandidates(r selector.Result, explain bool, limit int) {
	wrap(a.io.Out, "Rule: ", fmt.Sprintf("%s (%s)", r.Rule, r.Why), a.width())
	a.printf("\n")
	rows, notes := [][]string{}, [][]string{}
	for i := range r.Candidates {
		if limit > 0 && i == limit {
			break
		}
		c := &r.Candidates[i]
		rows = append(rows, []string{
			fmt.Sprint(i + 1), c.Offer.Provider, c.Offer.Region, c.Offer.Type, kindOf(c),
			fmt.Sprintf("%g", c.Offer.VCPU), fmt.Sprintf("%g", c.Offer.MemoryGB), fmt.Sprintf("%.4g", c.TotalUSD),
		})
		if explain {
			notes = append(notes, c.Reasons())
		} else {
			notes = append(notes, nil)
		}
	}
	annotated(a.io.Out, []string{"#", "PROVIDER", "REGION", "TYPE", "KIND", "VCPU", "GIB", "$/H"}, rows, notes, a.width())
	if more := len(r.Candidates) - len(rows); more > 0 {
		a.printf("… and %d more; --limit 0 shows all\n", more)
	}
}

// printRefused lists what was refused by provider and reason.
func (a *app) printRefused(r selector.Result) {
	a.printf("\nRefused:\n")
	last := ""
	for _, x := range r.Refused {
		if x.Provider != last {
			a.printf("%s\n", x.Provider)
			last = x.Provider
		}
		wrap(a.io.Out, fmt.Sprintf("  %5d  ", x.Count), refusalText(x), a.width())
	}
}

func refusalText(x selector.Refusal) string {
	if x.Example == "" {
		return x.Reason
	}
	return x.Reason + " (for example " + x.Example + ")"
}
