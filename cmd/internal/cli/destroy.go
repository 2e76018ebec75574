package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"skysail/deploy"
	"skysail/internal/failure"
)

// destroying holds the flags of destroy.
type destroying struct {
	auto     bool
	all      bool
	sandbox  bool
	parallel int
}

func newDestroy(a *app) *cobra.Command {
	var f destroying
	cmd := &cobra.Command{
		Use:   "destroy NAME... | --all",
		Short: "Remove deployments and prove that nothing of them is left",
		Long: `Destroys what Terraform knows, deletes what carries the deployment's tag, and
asks the provider again. When something is left it is listed with its cost and
the exit status is 5. On a terminal it asks first, unless --auto-approve.

Several names, or --all that have not ended (--sandbox: only those in the
sandbox), are destroyed at once and proven one by one; one that fails does not
stop the others, and the exit status is the worst one, as deploy's. Where nobody
can be asked, --all wants --auto-approve.`,
		Example: `  skysail destroy hello
  skysail destroy hello --auto-approve -o json
  skysail destroy --all --sandbox --auto-approve`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case f.all && len(args) > 0:
				return failure.New(failure.Input, "names and --all", "Nothing was changed.", "Give names, or --all without any.")
			case f.sandbox && !f.all:
				return failure.New(failure.Input, "--sandbox without --all", "A name says which deployment is meant; nothing was changed.", "Leave it out, or add --all.")
			case !f.all && len(args) == 0:
				return failure.New(failure.Input, "no name was given", "Nothing was changed.", "`skysail list` shows what there is; --all destroys everything.")
			case f.all || len(args) > 1:
				return a.destroyMany(cmd.Context(), args, f)
			}
			return a.runDestroy(cmd.Context(), args[0], f.auto)
		},
	}
	fl := cmd.Flags()
	fl.BoolVar(&f.auto, "auto-approve", false, "do not ask")
	fl.BoolVar(&f.all, "all", false, "every deployment that has not ended")
	fl.BoolVar(&f.sandbox, "sandbox", false, "with --all: only those in the sandbox")
	parallelFlag(cmd, &f.parallel)
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

func (a *app) destroyMany(ctx context.Context, names []string, f destroying) error {
	progress := a.progressOf(true)
	defer progress.stop()
	return withDeployer(ctx, deploy.Options{Progress: progress.event}, func(d *deploy.Deployer) error {
		if f.all {
			var err error
			if names, err = a.live(ctx, d, f.sandbox); err != nil {
				return err
			}
		}
		if ok, err := a.approveDestroy(ctx, names, f); err != nil || !ok {
			if err == nil {
				err = failure.New(failure.Failed, "not approved", "Nothing was changed.", "")
			}
			return err
		}
		if len(names) > 0 {
			progress.start()
		}
		all, err := d.DestroyAll(ctx, names, deploy.Many{Parallel: f.parallel})
		progress.stop()
		if err != nil {
			return err
		}
		return a.printRemovedAll(all)
	})
}

// live are the names of what --all destroys.
func (a *app) live(ctx context.Context, d *deploy.Deployer, sandbox bool) ([]string, error) {
	ds, err := d.List(ctx, false)
	names := []string{}
	for _, x := range ds {
		if !sandbox || x.Sandbox {
			names = append(names, x.Name)
		}
	}
	return names, err
}

// approveDestroy asks on a terminal. Names were typed one by one, so that
// scripts need no flag for those; --all says less than it does.
func (a *app) approveDestroy(ctx context.Context, names []string, f destroying) (bool, error) {
	switch {
	case f.auto || len(names) == 0:
		return true, nil
	case a.output == "text" && isTerminal(a.io.In):
		return a.ask(ctx, fmt.Sprintf("Destroy these %d: %s?", len(names), strings.Join(names, ", ")))
	case f.all:
		return false, failure.New(failure.Input, "nobody can be asked for approval here",
			fmt.Sprintf("destroy --all would remove %s; nothing was changed.", strings.Join(names, ", ")),
			"Add --auto-approve, or run it on a terminal.")
	}
	return true, nil
}

func (a *app) printRemovedAll(all []deploy.Removed) error {
	type removed struct {
		outcomeJSON
		Destroyed bool           `json:"destroyed"`
		Proofs    []deploy.Proof `json:"proofs"`
	}
	out := []removed{}
	var errs []error
	var rows [][]string
	for _, x := range all {
		errs = append(errs, x.Err)
		out = append(out, removed{outcomeOf(x.Name, x.Err, x.Took), x.Err == nil, append([]deploy.Proof{}, x.Proofs...)})
		what := proven(x.Proofs)
		if x.Err != nil {
			what = firstOf(asFailure(x.Err).Cause)
		}
		rows = append(rows, []string{x.Name, x.Took.Round(time.Second).String(), what})
	}
	switch {
	case a.output == "json":
		if err := a.printJSON(map[string]any{"destroyed": out}); err != nil {
			return err
		}
	case len(all) == 0:
		a.printf("There is nothing to destroy.\n")
	default:
		table(a.io.Out, []string{"NAME", "TOOK", "OUTCOME"}, rows)
	}
	return manyFailed(len(all), "are destroyed", errs)
}

// proven says in a line what providers said of one deployment.
func proven(proofs []deploy.Proof) string {
	removed, swept := 0, 0
	var asked, not []string
	for _, p := range proofs {
		removed, swept = removed+len(p.Destroyed), swept+len(p.Swept)
		if p.Unasked != "" {
			not = append(not, p.Provider)
		} else {
			asked = append(asked, p.Provider)
		}
	}
	text := fmt.Sprintf("destroyed: %d removed, %d swept", removed, swept)
	if len(asked) > 0 {
		text += "; " + strings.Join(asked, ", ") + " asked again: nothing is left"
	}
	if len(not) > 0 {
		text += "; not asked again: " + strings.Join(not, ", ")
	}
	return text
}
