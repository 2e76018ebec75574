package cli

import (
	"context"

	"github.com/spf13/cobra"

	"skysail/deploy"
	"skysail/internal/failure"
)

func newRollback(a *app) *cobra.Command {
	var to int
	var auto bool
	cmd := &cobra.Command{
		Use:   "rollback NAME",
		Short: "Change what runs back to an earlier revision",
		Long: `An update to the service and the policy of an earlier revision, the one before
unless --to names it: planned, shown, asked about and applied as update does it.
It makes a new revision. Values of secrets come from this command's environment.`,
		Example: `  skysail rollback hello
  skysail rollback hello --to 3 --auto-approve`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if to < 0 || cmd.Flags().Changed("to") && to == 0 {
				return failure.New(failure.Input, "--to: revisions are numbered from 1", "Nothing was changed.", "`skysail history "+args[0]+"` lists them.")
			}
			return a.changeRunning(cmd.Context(), auto, "Rollback", args[0], func(ctx context.Context, d *deploy.Deployer) (deploy.UpdateResult, error) {
				return d.Rollback(ctx, args[0], to)
			})
		},
	}
	cmd.Flags().IntVar(&to, "to", 0, "revision (default: the newest one before the current)")
	cmd.Flags().BoolVar(&auto, "auto-approve", false, "do not ask")
	return cmd
}
