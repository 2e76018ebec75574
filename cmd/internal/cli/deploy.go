package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"skysail/deploy"
	"skysail/internal/failure"
)

func newDeploy(a *app) *cobra.Command {
	var t target
	var auto bool
	var parallel int
	cmd := &cobra.Command{
		Use:   "deploy [FILE|FOLDER]...",
		Short: "Run services on this machine, or with --remote on clouds",
		Long: `Selects a target, shows the plan and the price, asks, and applies. When an
apply fails, what was half made is removed and the next candidate is tried.
Returns when the service is healthy and its first samples are stored.

The values of the service's secrets are taken from this command's environment.

Several files, or a folder whose subfolders have a service.hcl, are deployed at
once: one table with the total price is approved, as many are worked on side by
side as this machine's memory and processors bear (--parallel), in their order,
and one that fails does not stop the others. Each is an operation of its own and
goes on when this command ends; what still waits then is not begun. The exit
status is the worst one: 5, 130, 1, 4, 3, 6, 2, in this order.`,
		Example: `  skysail deploy examples/hello/service.hcl
  skysail deploy service.hcl --remote --policy policy.hcl
  skysail deploy service.hcl --remote --sandbox --auto-approve
  skysail deploy ./services --sandbox --auto-approve -o jsonl`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			files, many, err := serviceFiles(args)
			if err != nil {
				return err
			}
			if many {
				return a.deployMany(cmd.Context(), t, files, parallel, auto)
			}
			return a.runDeploy(cmd.Context(), t, args, auto)
		},
	}
	t.flags(cmd, true)
	cmd.Flags().BoolVar(&auto, "auto-approve", false, "do not ask")
	parallelFlag(cmd, &parallel)
	return cmd
}

func (a *app) runDeploy(ctx context.Context, t target, args []string, auto bool) error {
	svc, policy, err := t.load(args)
	if err != nil {
		return err
	}
	if err := a.canAsk(auto); err != nil {
		return err
	}
	progress := a.newProgress()
	defer progress.stop()
	stopNotice := context.AfterFunc(ctx, func() {
		progress.line("Interrupted: stopping in order and removing what was made. This can take a minute.")
	})
	defer stopNotice()
	opts := t.options(policy)
	opts.Progress = progress.event
	if !auto {
		opts.Approve = func(ctx context.Context, p deploy.Preview) (bool, error) {
			progress.stop()
			defer progress.start()
			printPreview(a.io.Out, p)
			return a.ask(ctx, "Deploy this?")
		}
	}
	return withDeployer(ctx, opts, func(d *deploy.Deployer) error {
		dep, err := d.Deploy(ctx, svc)
		progress.stop()
		if errors.Is(err, deploy.ErrNotApproved) {
			return failure.Wrap(err, failure.Failed, fmt.Sprintf("deployment %q", svc.Name), "Nothing was created.", "")
		}
		if dep.ID != "" {
			if perr := a.printDeployed(dep); perr != nil {
				return errors.Join(err, perr)
			}
		}
		return err
	})
}

// canAsk says whether somebody can approve, or need not.
func (a *app) canAsk(auto bool) error {
	if auto || a.output != "json" && isTerminal(a.io.In) {
		return nil
	}
	return failure.New(failure.Input, "nobody can be asked for approval here",
		"deploy shows a plan and asks before it creates anything; nothing was changed.",
		"Add --auto-approve, or run it on a terminal. `skysail plan` shows the plan.")
}

// parallelFlag adds the bound of what is done at once.
func parallelFlag(cmd *cobra.Command, n *int) {
	cmd.Flags().IntVar(n, "parallel", 0, "work on so many at once, when there are several; 0 is what this machine bears")
}

func (a *app) printDeployed(d deploy.Deployment) error {
	if a.output == "json" {
		return a.printJSON(map[string]any{"deployment": d, "deployments": []deploy.Deployment{d}})
	}
	a.printf("%s runs on %s, %s (%s)%s\n", d.Name, d.Provider, d.Region, d.Type, sandboxMark(d.Sandbox))
	for _, i := range d.Instances {
		a.printf("  %s  %s  %s\n", i.Name, i.Address, i.HealthURL)
	}
	a.printf("Next: skysail status %[1]s | qos %[1]s | logs %[1]s -f | destroy %[1]s\n", d.Name)
	return nil
}

func sandboxMark(sandbox bool) string {
	if sandbox {
		return " [sandbox]"
	}
	return ""
}

// ask reads a yes from the terminal. The end of ctx counts as no answer.
func (a *app) ask(ctx context.Context, question string) (bool, error) {
	a.printf("%s [y/N] ", question)
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(a.io.In).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		return false, context.Cause(ctx)
	case s := <-answer:
		return s == "y" || s == "yes", nil
	}
}
