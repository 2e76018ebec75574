package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"skysail/deploy"
)

func newHistory(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "history NAME",
		Short: "List the revisions of a deployment and what changed between them",
		Long: `Every revision with what made it, where it ran, its price, how it ended, and the
fields of service and policy in which it differs from the one before it. Those
of destroyed deployments of the name are there as well. Of secrets there are
names only. Reads what is recorded; nobody is asked.`,
		Example: `  skysail history hello
  skysail history hello -o json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withDeployer(cmd.Context(), deploy.Options{}, func(d *deploy.Deployer) error {
				h, err := d.History(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.printHistory(args[0], h)
			})
		},
	}
}

func (a *app) printHistory(name string, h []deploy.Revision) error {
	if a.output == "json" {
		return a.printJSON(map[string]any{"name": name, "revisions": h})
	}
	rows := make([][]string, 0, len(h))
	notes := make([][]string, 0, len(h))
	for _, r := range h {
		mark := ""
		if r.Current {
			mark = "*"
		}
		rows = append(rows, []string{
			fmt.Sprintf("%d%s", r.N, mark), r.ID, r.BeganAt.Local().Format(time.DateTime), string(r.By), r.Provider, r.Region, r.Type,
			usd(r.PriceUSD), string(r.Phase), outcomeWord(r.Outcome),
		})
		var note []string
		if r.Note != "" {
			note = append(note, firstLine(r.Note))
		}
		for _, c := range r.Changes {
			note = append(note, c.String())
		}
		notes = append(notes, note)
	}
	annotated(a.io.Out, []string{"REVISION", "ID", "BEGAN", "BY", "PROVIDER", "REGION", "TYPE", "$/H", "PHASE", "OUTCOME"}, rows, notes, a.width())
	if strings.Contains(fmt.Sprint(rows), "*") {
		a.printf("* is the current one\n")
	}
	return nil
}

func outcomeWord(s string) string {
	if s == "" {
		return "being made"
	}
	return s
}
