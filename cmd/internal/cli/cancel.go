package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"skysail/deploy"
	"skysail/internal/failure"
)

func newCancel(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "cancel NAME",
		Short: "Stop the operation that works on a deployment, in order",
		Long: `Asks the running operation to stop, as Ctrl-C in its own command does, and waits
for its end. A deploy removes what it had made. A destroy, and the clean-up after
a failure, are not stopped: they go on to their end. When nothing runs, nothing is
done. Ctrl-C stops waiting only (exit status 130).`,
		Example: `  skysail cancel hello
  skysail cancel hello -o json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runCancel(cmd.Context(), args[0])
		},
	}
}

func (a *app) runCancel(ctx context.Context, name string) error {
	return withDeployer(ctx, deploy.Options{}, func(d *deploy.Deployer) error {
		op, err := d.Cancel(ctx, name)
		if ctx.Err() != nil && errors.Is(err, context.Canceled) && op.Running {
			return stoppedWatching(op)
		}
		stopped := failure.CodeOf(err) == failure.Interrupted
		if err != nil && !stopped {
			return err
		}
		if a.output == "json" {
			return a.printJSON(map[string]any{"operation": op, "stopped": stopped})
		}
		switch {
		case !op.Running:
			a.printf("Nothing works on %s; nothing was done.\n", op.Name)
		case stopped:
			a.printf("The %s of %s is stopped.\n%s\n", op.Op, op.Name, err)
		default:
			a.printf("The %s of %s went on to its end.\n", op.Op, op.Name)
		}
		return nil
	})
}
