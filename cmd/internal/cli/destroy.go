package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"skysail/deploy"
	"skysail/internal/failure"
)

func newDestroy(a *app) *cobra.Command {
	var auto bool
	cmd := &cobra.Command{
		Use:   "destroy NAME",
		Short: "Remove a deployment and prove that nothing of it is left",
		Long: `Destroys what Terraform knows, deletes what carries the deployment's tag, and
asks the provider again. When something is left it is listed with its cost and
the exit status is 5. On a terminal it asks first, unless --auto-approve.`,
		Example: `  skysail destroy hello
  skysail destroy hello --auto-approve -o json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runDestroy(cmd.Context(), args[0], auto)
		},
	}
	cmd.Flags().BoolVar(&auto, "auto-approve", false, "do not ask")
	return cmd
}

func (a *app) runDestroy(ctx context.Context, name string, auto bool) error {
	progress := a.newProgress()
	defer progress.stop()
	return withDeployer(ctx, deploy.Options{Progress: progress.event}, func(d *deploy.Deployer) error {
		if !auto && a.output == "text" && isTerminal(a.io.In) {
			progress.stop()
			ok, err := a.ask(ctx, fmt.Sprintf("Destroy %s?", name))
			if err != nil {
				return err
			}
			if !ok {
				return failure.New(failure.Failed, "not approved", "Nothing was changed.", "")
			}
			progress.start()
		}
		proofs, err := d.Destroy(ctx, name)
		progress.stop()
		if a.output == "json" {
			if proofs == nil {
				return err
			}
			if perr := a.printJSON(map[string]any{"name": name, "destroyed": err == nil, "proofs": proofs}); perr != nil {
				return perr
			}
			return err
		}
		if err != nil {
			return err
		}
		a.printf("%s is destroyed.\n", name)
		a.printProofs(proofs)
		return nil
	})
}

// printProofs shows what a removal took away, and the providers' word on it.
func (a *app) printProofs(proofs []deploy.Proof) {
	for _, p := range proofs {
		if p.Unasked != "" {
			a.printf("  %s could not be asked again: %s\n", p.Provider, p.Unasked)
			continue
		}
		switch {
		case p.AskedAt.IsZero():
			a.printf("  %s could not be asked\n", p.Provider)
		case len(p.Left) > 0:
			a.printf("  %s, asked again at %s: %d still there\n", p.Provider, p.AskedAt.Format("15:04:05Z"), len(p.Left))
		default:
			a.printf("  %s, asked again at %s: nothing is left\n", p.Provider, p.AskedAt.Format("15:04:05Z"))
		}
		if len(p.Destroyed) > 0 {
			a.printf("    removed %s\n", strings.Join(p.Destroyed, ", "))
		}
		for _, r := range p.Swept {
			a.printf("    swept   %s %s, which Terraform did not know\n", r.Kind, r.ID)
		}
	}
}
