package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"skysail/deploy"
	"skysail/selector"
)

func newSelect(a *app) *cobra.Command {
	var t target
	var explain bool
	cmd := &cobra.Command{
		Use:   "select [FILE]",
		Short: "Show where a remote deployment would go, best first, and why",
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
				if err := a.printSelection(r, explain); err != nil {
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
	return cmd
}

type candidateJSON struct {
	Provider  string   `json:"provider"`
	Region    string   `json:"region"`
	Type      string   `json:"type"`
	VCPU      float64  `json:"vcpu"`
	MemoryGiB float64  `json:"memory_gib"`
	PriceUSD  float64  `json:"price_usd_hour"`
	TotalUSD  float64  `json:"total_usd_hour"`
	Reasons   []string `json:"reasons"`
}

func candidateOf(c *selector.Candidate) candidateJSON {
	return candidateJSON{
		Provider: c.Offer.Provider, Region: c.Offer.Region, Type: c.Offer.Type, VCPU: c.Offer.VCPU,
		MemoryGiB: c.Offer.MemoryGB, PriceUSD: c.PriceUSD, TotalUSD: c.TotalUSD, Reasons: c.Reasons(),
	}
}

// shownCandidates is how many places the table has without --explain.
const shownCandidates = 10

func (a *app) printSelection(r selector.Result, explain bool) error {
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
	if len(r.Candidates) == 0 {
		return nil
	}
	a.printf("Rule: %s (%s)\n\n", r.Rule, r.Why)
	head := []string{"#", "PROVIDER", "REGION", "TYPE", "VCPU", "GIB", "$/H"}
	if explain {
		head = append(head, "WHY")
	}
	var rows [][]string
	for i := range r.Candidates {
		if !explain && i == shownCandidates {
			break
		}
		c := &r.Candidates[i]
		row := []string{
			fmt.Sprint(i + 1), c.Offer.Provider, c.Offer.Region, c.Offer.Type,
			fmt.Sprintf("%g", c.Offer.VCPU), fmt.Sprintf("%g", c.Offer.MemoryGB), fmt.Sprintf("%.4g", c.TotalUSD),
		}
		if explain {
			row = append(row, strings.Join(c.Reasons(), "; "))
		}
		rows = append(rows, row)
	}
	table(a.io.Out, head, rows)
	if more := len(r.Candidates) - len(rows); more > 0 {
		a.printf("… and %d more; --explain shows all\n", more)
	}
	if !explain || len(r.Refused) == 0 {
		return nil
	}
	a.printf("\nRefused:\n")
	rows = nil
	for _, x := range r.Refused {
		rows = append(rows, []string{x.Provider, fmt.Sprint(x.Count), x.Reason})
	}
	table(a.io.Out, []string{"PROVIDER", "OFFERS", "REASON"}, rows)
	return nil
}
