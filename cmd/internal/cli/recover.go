package cli

import (
	"context"

	"github.com/spf13/cobra"

	"skysail/deploy"
)

func newRecover(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "recover [NAME]",
		Short: "End what a process that died had begun",
		Long: `Takes over a deployment whose owner is gone: by the kernel's word nobody holds
its lock, and what its owner had started is ended first. Then the journal says
what had been done. What was completely made is brought into service; everything
else is removed and the provider asked again, as destroy does. The deployment
ends as running, failed or destroyed, or it stays stuck and the exit status is 5.

Without NAME: every deployment in a passing phase whose owner is gone, and every
stuck one. It may be interrupted, or killed, and run again at any time.

The secrets of a service that had not got them yet are taken from this command's
environment; when they are missing there, the deployment is removed.`,
		Example: `  skysail recover
  skysail recover hello -o json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runRecover(cmd.Context(), args)
		},
	}
}

func (a *app) runRecover(ctx context.Context, names []string) error {
	progress := a.newProgress()
	defer progress.stop()
	return withDeployer(ctx, deploy.Options{Progress: progress.event}, func(d *deploy.Deployer) error {
		var list []deploy.Recovery
		var err error
		if len(names) == 0 {
			list, err = d.RecoverAll(ctx)
		} else {
			var r deploy.Recovery
			if r, err = d.Recover(ctx, names[0]); r.ID != "" {
				list = append(list, r)
			}
		}
		progress.stop()
		if perr := a.printRecovered(list, err == nil); perr != nil {
			return perr
		}
		return err
	})
}

func (a *app) printRecovered(list []deploy.Recovery, whole bool) error {
	if a.output == "json" {
		if list == nil {
			list = []deploy.Recovery{}
		}
		return a.printJSON(map[string]any{"recovered": list})
	}
	if len(list) == 0 && whole {
		a.printf("Nothing to recover.\n")
	}
	for _, r := range list {
		if r.Did == deploy.RecoveredNothing {
			if r.Why != "" { // else the error says it
				a.printf("%s (%s) is %s: %s\n", r.Name, r.ID, r.Phase, r.Why)
			}
			continue
		}
		phase := string(r.Phase)
		if phase == "" {
			phase = "no longer recorded"
		}
		a.printf("%s (%s): was %s, is %s: %s\n", r.Name, r.ID, r.Was, phase, r.Why)
		a.printProofs(r.Proofs)
	}
	return nil
}
