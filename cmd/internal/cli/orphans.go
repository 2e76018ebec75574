package cli

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"time"

	"github.com/spf13/cobra"

	"skysail/deploy"
	"skysail/internal/failure"
)

// orphansOptions are the flags of orphans.
type orphansOptions struct {
	query               deploy.OrphanQuery
	delete, adopt, auto bool
}

func newOrphans(a *app) *cobra.Command {
	var o orphansOptions
	cmd := &cobra.Command{
		Use:   "orphans",
		Short: "Find what carries our tags at the clouds and no deployment owns",
		Long: `Asks every cloud that has credentials for all that carries a deployment's tag, and
lists what no live deployment of this store owns, with the reason: its ID is not
known here (perhaps another installation's), its deployment has ended here, or its
attempt there was cleaned. Without --delete or --adopt nothing is changed.

--delete removes what is proven to be of this store's making: the ID in its tag is
in the journal, with an attempt at that cloud, and its time of creation fits. A tag
alone is never enough, as tags are copied with machines; the rest is listed as
refused. It asks first, unless --auto-approve, and asks the cloud again after.

--adopt puts a deployment that had ended here, and of which something is still
there, under management again: it is stuck, list and status show it, and
"skysail destroy NAME" removes it with proof.`,
		Example: `  skysail orphans
  skysail orphans --provider aws --delete
  skysail orphans --sandbox --adopt --auto-approve -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.runOrphans(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.query.Providers, "provider", nil, "ask only this cloud; may be repeated")
	f.BoolVar(&o.query.Sandbox, "sandbox", false, "ask the simulated clouds")
	f.BoolVar(&o.delete, "delete", false, "remove what is proven to be ours")
	f.BoolVar(&o.adopt, "adopt", false, "put it under management again")
	f.BoolVar(&o.auto, "auto-approve", false, "do not ask")
	return cmd
}

func (a *app) runOrphans(ctx context.Context, o orphansOptions) error {
	if o.delete && o.adopt {
		return failure.New(failure.Input, "--delete and --adopt exclude each other", "Nothing was changed.", "Give one of them.")
	}
	if (o.delete || o.adopt) && !o.auto && (a.output == "json" || !isTerminal(a.io.In)) {
		return failure.New(failure.Input, "nobody can be asked for approval here", "Nothing was changed.",
			"Add --auto-approve, or run it on a terminal. Without --delete and --adopt it only lists.")
	}
	return withDeployer(ctx, deploy.Options{}, func(d *deploy.Deployer) error {
		list, failed := d.Orphans(ctx, o.query)
		if failed != nil && len(list.Asked) == 0 {
			return failed
		}
		if a.output == "text" {
			a.printOrphans(list)
		}
		var out deploy.OrphanOutcome
		var err error
		ours := 0
		for _, x := range list.Orphans {
			if x.Foreign == "" {
				ours++
			}
		}
		if (o.delete || o.adopt) && len(list.Orphans) > 0 {
			if ours > 0 && !o.auto {
				if err := a.confirmOrphans(ctx, o, ours); err != nil {
					return errors.Join(err, failed)
				}
			}
			if o.delete {
				out, err = d.DeleteOrphans(ctx, list)
			} else {
				out, err = d.AdoptOrphans(ctx, list)
			}
		}
		return errors.Join(a.printOrphanOutcome(list, out), err, failed)
	})
}

func (a *app) confirmOrphans(ctx context.Context, o orphansOptions, n int) error {
	what := "Delete"
	if o.adopt {
		what = "Adopt"
	}
	ok, err := a.ask(ctx, fmt.Sprintf("%s the %d that are ours?", what, n))
	if err == nil && !ok {
		err = failure.New(failure.Failed, "not approved", "Nothing was changed.", "")
	}
	return err
}

func (a *app) printOrphans(list deploy.OrphanList) {
	unasked := make([]string, 0, len(list.Unasked))
	for p := range list.Unasked {
		unasked = append(unasked, p)
	}
	sort.Strings(unasked)
	for _, p := range unasked {
		a.printf("%s was not asked: %s\n", p, firstLine(list.Unasked[p]))
	}
	if len(list.Orphans) == 0 {
		a.printf("No orphans%s.\n", sandboxMark(list.Sandbox))
		return
	}
	rows, notes := make([][]string, 0, len(list.Orphans)), make([][]string, 0, len(list.Orphans))
	for _, o := range list.Orphans {
		age, price := "unknown", "-"
		if !o.CreatedAt.IsZero() {
			age = time.Since(o.CreatedAt).Round(time.Second).String()
		}
		if o.PriceUSD > 0 {
			price = usd(o.PriceUSD)
		}
		rows = append(rows, []string{o.Deployment, o.Provider + sandboxMark(list.Sandbox), o.Kind, o.ID, o.Name, o.Region, age, price})
		note := []string{o.Why}
		if o.Owner != "" {
			note[0] = o.Owner + ": " + o.Why
		}
		notes = append(notes, note)
	}
	annotated(a.io.Out, []string{"DEPLOYMENT", "PROVIDER", "KIND", "ID", "NAME", "REGION", "AGE", "$/H"}, rows, notes, a.width())
}

func (a *app) printOrphanOutcome(list deploy.OrphanList, out deploy.OrphanOutcome) error {
	if a.output == "json" {
		fields := map[string]any{"sandbox": list.Sandbox, "orphans": list.Orphans, "asked": list.Asked, "unasked": list.Unasked}
		if out.Refused != nil {
			fields["proofs"], fields["adopted"], fields["refused"] = out.Proofs, out.Adopted, out.Refused
		}
		return a.printJSON(fields)
	}
	a.printProofs(out.Proofs)
	for _, name := range out.Adopted {
		a.printf("%s is under management again, as stuck; `skysail destroy %s` removes it\n", name, name)
	}
	for _, r := range out.Refused {
		a.printf("refused %s %s %s: %s\n", r.Provider, r.Kind, r.ID, r.Reason)
	}
	return nil
}
