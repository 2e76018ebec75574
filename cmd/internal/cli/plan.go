package cli

import (
	"github.com/spf13/cobra"

	"skysail/deploy"
)

func newPlan(a *app) *cobra.Command {
	var t target
	var out string
	cmd := &cobra.Command{
		Use:   "plan [FILE]",
		Short: "Show what a deployment would create, and write it as Terraform",
		Long: `Generates the Terraform of the best candidate, plans it and shows the result.
Creates nothing. With --out the reviewable files are written to DIR: the same
input gives the same bytes, and no secret is in them.`,
		Example: `  skysail plan examples/hello/service.hcl --remote --sandbox
  skysail plan service.hcl --remote --out ./review && terraform fmt -check -recursive ./review`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			svc, policy, err := t.load(args)
			if err != nil {
				return err
			}
			progress := a.newProgress()
			defer progress.stop()
			opts := t.options(policy)
			opts.Progress = progress.event
			return withDeployer(cmd.Context(), opts, func(d *deploy.Deployer) error {
				p, err := d.Plan(cmd.Context(), svc, out)
				progress.stop()
				if err != nil {
					return err
				}
				return a.printPlan(p)
			})
		},
	}
	t.flags(cmd, true)
	cmd.Flags().StringVar(&out, "out", "", "write the reviewable files to this folder")
	return cmd
}

func (a *app) printPlan(p deploy.Preview) error {
	if a.output == "json" {
		fallbacks := make([]candidateJSON, 0, len(p.Fallbacks))
		for i := range p.Fallbacks {
			fallbacks = append(fallbacks, candidateOf(&p.Fallbacks[i]))
		}
		return a.printJSON(map[string]any{
			"name": p.Name, "id": p.ID, "sandbox": p.Sandbox, "rule": p.Rule, "candidate": candidateOf(&p.Candidate),
			"changes": p.Changes, "fallbacks": fallbacks, "max_usd_hour": p.MaxUSD, "out": p.Bundle,
			"warnings": nonNil(p.Warnings), "denied": nonNil(p.Denied),
		})
	}
	printPreview(a.io.Out, p)
	if p.Bundle != "" {
		a.printf("\nWritten to %s\n", p.Bundle)
	}
	return nil
}

// nonNil makes [] of an empty list in JSON.
func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
