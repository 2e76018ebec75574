package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"skysail/deploy"
	"skysail/internal/failure"
)

func newAttach(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "attach NAME",
		Short: "Watch the operation that works on a deployment",
		Long: `Shows what the running operation did from its beginning, follows it, and ends
with its result and its exit status, as the command that began it does. Ctrl-C
stops watching only (exit status 130). When nothing runs, it says what the last
operation was and how it ended, and has that exit status.`,
		Example: `  skysail attach hello
  skysail attach hello -o json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runAttach(cmd.Context(), args[0])
		},
	}
}

func (a *app) runAttach(ctx context.Context, name string) error {
	progress := a.newProgress()
	defer progress.stop()
	return withDeployer(ctx, deploy.Options{Progress: progress.event}, func(d *deploy.Deployer) error {
		op, err := d.Attach(ctx, name)
		progress.stop()
		if ctx.Err() != nil && errors.Is(err, context.Canceled) && op.Running {
			return stoppedWatching(op)
		}
		return errors.Join(a.printOperation(op, err), err)
	})
}

func stoppedWatching(op deploy.Operation) error {
	return failure.New(failure.Interrupted, fmt.Sprintf("stopped watching the %s of %q", op.Op, op.Name), "It goes on.",
		fmt.Sprintf("Watch it again with `skysail attach %s`, stop it with `skysail cancel %s`.", op.Name, op.Name))
}

// printOperation shows what an operation returned as its own command does.
func (a *app) printOperation(op deploy.Operation, ended error) error {
	if op.Op == "" {
		return nil
	}
	if a.output == "json" {
		return a.printJSON(map[string]any{"operation": op, "done": ended == nil})
	}
	if !op.Running {
		how := "It ended well."
		if ended != nil {
			how = "It failed:"
		}
		a.printf("Nothing works on %s. Its last operation was a %s, begun %s. %s\n",
			op.Name, op.Op, op.StartedAt.Local().Format(time.DateTime), how)
	}
	if ended != nil {
		return nil //nolint:nilerr // whoever calls this returns it as well
	}
	switch op.Op {
	case "deploy":
		var dep deploy.Deployment
		if err := json.Unmarshal(op.Value, &dep); err != nil {
			return err
		}
		if op.Running {
			return a.printDeployed(dep)
		}
		a.printf("%s ran on %s, %s (%s)%s\n", dep.Name, dep.Provider, dep.Region, dep.Type, sandboxMark(dep.Sandbox))
	case "destroy":
		var proofs []deploy.Proof
		if err := json.Unmarshal(op.Value, &proofs); err != nil {
			return err
		}
		a.printf("%s is destroyed.\n", op.Name)
		a.printProofs(proofs)
	case "recover":
		var r deploy.Recovery
		if err := json.Unmarshal(op.Value, &r); err != nil {
			return err
		}
		return a.printRecovered([]deploy.Recovery{r}, true)
	default:
		if op.Running {
			a.printf("The %s of %s ended well.\n", op.Op, op.Name)
		}
	}
	return nil
}
