package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"skysail/deploy"
	"skysail/store"
)

func newAlerts(a *app) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "alerts [NAME]",
		Short: "List the alerts that fire, of one deployment or of all",
		Long: `Shows the alerts that fire, as ` + "`skysail monitor`" + ` left them in the store, and what
people could not be told of them and of reactions; with --all those of the last 30
days that are over as well. Nobody is asked. A deployment in maintenance is said to
be: its alerts stay as they are until that ends.`,
		Example: `  skysail alerts
  skysail alerts hello --all
  skysail alerts -o json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			return withDeployer(cmd.Context(), deploy.Options{}, func(d *deploy.Deployer) error {
				alerts, lost, err := d.Alerts(cmd.Context(), name)
				if err != nil {
					return err
				}
				windows, err := d.Maintenance(cmd.Context())
				if err != nil {
					return err
				}
				return a.printAlerts(name, all, alerts, lost, windows)
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "also those that are over")
	return cmd
}

func (a *app) printAlerts(name string, all bool, alerts []deploy.Alert, lost []deploy.Undelivered, windows []store.Maintenance) error {
	shown := []deploy.Alert{}
	for _, x := range alerts {
		if all || x.State == "firing" {
			shown = append(shown, x)
		}
	}
	here := []store.Maintenance{}
	for _, m := range windows {
		if name == "" || m.Deployment == name {
			here = append(here, m)
		}
	}
	if a.output == "json" {
		return a.printJSON(map[string]any{"alerts": shown, "undelivered": lost, "maintenance": here})
	}
	if len(shown) == 0 {
		a.printf("No alert fires.\n")
	} else {
		rows, notes := make([][]string, len(shown)), make([][]string, len(shown))
		for i, x := range shown {
			since := x.FiredAt
			if !x.ResolvedAt.IsZero() {
				since = x.ResolvedAt
			}
			rows[i] = []string{x.State, x.Severity, x.Deployment + sandboxMark(x.Labels["sandbox"] != ""), x.Name, since.Local().Format(time.DateTime)}
			notes[i] = []string{x.Summary}
			if x.State == "firing" && x.ToldAt.IsZero() {
				notes[i] = append(notes[i], "nobody is told of it by itself: a more urgent or a faster one of the same objective fires")
			}
		}
		annotated(a.io.Out, []string{"STATE", "SEVERITY", "DEPLOYMENT", "ALERT", "SINCE"}, rows, notes, a.width())
	}
	for _, u := range lost {
		next := "tried again at " + u.NextAt.Local().Format(time.DateTime)
		if u.Failed {
			next = "not tried any more"
		}
		wrap(a.io.Out, "", fmt.Sprintf("Not delivered: %s by %s after %d attempt(s): %s; %s", u.Alert, u.Channel, u.Attempts, u.Error, next), a.width())
	}
	for _, m := range here {
		a.printf("%s is in maintenance: %s\n", m.Deployment, maintenanceText(m))
	}
	return nil
}
