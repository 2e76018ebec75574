package cli

import (
	"github.com/spf13/cobra"

	"skysail/deploy"
)

func newDrift(a *app) *cobra.Command {
	var detailed bool
	cmd := &cobra.Command{
		Use:   "drift NAME",
		Short: "Show what somebody changed or deleted outside of skysail",
		Long: `Compares what was made with what the provider has (Terraform's refresh-only
plan), and asks the provider by tag for what no state knows. Changes nothing.
Exits with 0 also when there is drift, unless --detailed-exitcode.
Afterwards, ` + "`skysail update`" + ` brings back what the service file says.`,
		Example: `  skysail drift hello
  skysail drift hello --detailed-exitcode -o json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			progress := a.newProgress()
			defer progress.stop()
			return withDeployer(cmd.Context(), deploy.Options{Progress: progress.event}, func(d *deploy.Deployer) error {
				drift, err := d.Drift(cmd.Context(), args[0])
				progress.stop()
				if err != nil {
					return err
				}
				if err := a.printDrift(drift); err != nil {
					return err
				}
				if detailed && drift.Drifted {
					return &exitWith{status: 2}
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit with 2 when there is drift")
	return cmd
}

func (a *app) printDrift(d deploy.Drift) error {
	if a.output == "json" {
		return a.printJSON(map[string]any{
			"name": d.Name, "id": d.ID, "provider": d.Provider, "drifted": d.Drifted, "changed": d.Changed, "strange": d.Strange, "asked_at": d.AskedAt,
		})
	}
	if !d.Drifted {
		a.printf("%s is as it was made; %s was asked at %s.\n", d.Name, d.Provider, d.AskedAt.Format("15:04:05Z"))
		return nil
	}
	a.printf("%s (%s) on %s is not as it was made:\n", d.Name, d.ID, d.Provider)
	for _, i := range d.Changed {
		a.printf("  %-6s  %s\n", map[string]string{"delete": "gone", "update": "changed"}[i.Action], i.Address)
		for _, at := range i.Attributes {
			if at.Before == "" && at.After == "" {
				a.printf("            %s (its value is sensitive)\n", at.Name)
				continue
			}
			a.printf("            %s\n", deploy.FieldChange{Field: at.Name, Before: at.Before, After: at.After})
		}
	}
	for _, r := range d.Strange {
		a.printf("  strange   %s %s %s: carries the tag, and no state knows it\n", r.Kind, r.ID, r.Name)
	}
	return nil
}
