package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"skysail/deploy"
	"skysail/deploy/review"
	"skysail/internal/failure"
)

func newApply(a *app) *cobra.Command {
	var o deploy.ApplyOptions
	var auto bool
	cmd := &cobra.Command{
		Use:   "apply DIR",
		Short: "Deploy exactly what was planned for review, once",
		Long: `Deploys what ` + "`skysail plan --out DIR`" + ` wrote, exactly that and once: the saved
plans in their order, and no other candidate when all of them fail. Service,
policy and sandbox are those of the plan; the values of the service's secrets
are taken from this command's environment.

A folder in which one byte was changed or something was added, that is too old,
that was used before, or whose deployment lives already is refused with the
reason and exit status 2, and nothing is changed. --hash takes only the plan
that was approved: ` + "`skysail show DIR`" + ` prints its hash.`,
		Example: `  skysail plan service.hcl --remote --out ./review
  skysail apply ./review
  skysail apply ./review --hash 82403f1fcd5e --auto-approve`,
		Args: exactlyOneFolder,
		RunE: func(cmd *cobra.Command, args []string) error { return a.runApply(cmd.Context(), args[0], o, auto) },
	}
	f := cmd.Flags()
	f.BoolVar(&auto, "auto-approve", false, "do not ask")
	f.StringVar(&o.Hash, "hash", "", "the hash of the plan that was approved")
	f.DurationVar(&o.MaxAge, "max-age", deploy.MaxBundleAge, "how old the plan may be")
	return cmd
}

func exactlyOneFolder(cmd *cobra.Command, args []string) error {
	if len(args) == 1 {
		return nil
	}
	return failure.New(failure.Input, fmt.Sprintf("%s takes one folder, not %d", cmd.CommandPath(), len(args)), "",
		"Name the folder that `skysail plan --out` wrote.")
}

func (a *app) runApply(ctx context.Context, dir string, o deploy.ApplyOptions, auto bool) error {
	m, err := review.Open(dir)
	if err != nil {
		return err
	}
	if o.MaxAge <= 0 {
		return failure.New(failure.Input, "--max-age "+o.MaxAge.String(), "A plan is older than that at once.", "Give a time such as "+(24*time.Hour).String()+".")
	}
	if !auto && (a.output == formJSON || !isTerminal(a.io.In)) {
		return failure.New(failure.Input, "nobody can be asked for approval here",
			"apply shows what it will do and asks before it creates anything; nothing was changed.",
			"Add --auto-approve, or run it on a terminal.")
	}
	progress := a.newProgress()
	defer progress.stop()
	stopNotice := context.AfterFunc(ctx, func() {
		progress.line("Interrupted: stopping in order and removing what was made. This can take a minute.")
	})
	defer stopNotice()
	opts := deploy.Options{Remote: m.Remote, Sandbox: m.Sandbox, Policy: &m.Policy, ReadyTimeout: readyTimeout(m.Sandbox), Progress: progress.event}
	if !auto {
		opts.Approve = func(ctx context.Context, p deploy.Preview) (bool, error) {
			progress.stop()
			defer progress.start()
			a.printf("%s", m.Text(o.MaxAge))
			return a.ask(ctx, "Apply this?")
		}
	}
	return withDeployer(ctx, opts, func(d *deploy.Deployer) error {
		dep, err := d.Apply(ctx, dir, o)
		progress.stop()
		if errors.Is(err, deploy.ErrNotApproved) {
			return failure.Wrap(err, failure.Failed, fmt.Sprintf("deployment %q", m.Name), "Nothing was created, and the bundle is not used.", "")
		}
		if dep.ID != "" {
			if perr := a.printDeployed(dep); perr != nil {
				return errors.Join(err, perr)
			}
		}
		return err
	})
}
