package cli

import (
	"time"

	"github.com/spf13/cobra"

	"skysail/deploy"
	"skysail/internal/failure"
	"skysail/policies"
	"skysail/qos"
	"skysail/store"
)

func newMaintenance(a *app) *cobra.Command {
	var length, why string
	var end bool
	cmd := &cobra.Command{
		Use:   "maintenance [NAME]",
		Short: "Let a deployment be down for a while without an alert",
		Long: `In maintenance nobody is told of a deployment's alerts, their states stay as they
are, and readings do not count for its objectives. That its SSH host key changed
is told all the same.

Without NAME, or without --for and --end, it lists what goes on. Operations of
skysail itself (update, rollback, destroy, recover) bring maintenance with them,
from their beginning to their end.`,
		Example: `  skysail maintenance
  skysail maintenance hello --for 1h --why move
  skysail maintenance hello --end`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o := deploy.MaintenanceOptions{Why: why, End: end}
			if length != "" {
				var err error
				if o.For, err = policies.ParseDuration(length); err != nil {
					return failure.Wrap(err, failure.Input, "--for", "", "Give a time such as 30m, 2h or 1d.")
				}
			}
			switch {
			case end && length != "":
				return failure.New(failure.Input, "--for and --end", "One begins maintenance, the other ends it.", "Give one of the two.")
			case len(args) == 0 && (end || length != ""):
				return failure.New(failure.Input, "no deployment is named", "", "`skysail list` shows what there is.")
			case why != "" && length == "":
				return failure.New(failure.Input, "--why without --for", "", "Say for how long, such as --for 1h.")
			}
			return withDeployer(cmd.Context(), deploy.Options{}, func(d *deploy.Deployer) error {
				if end || length != "" {
					return a.runMaintenance(cmd, d, args[0], o)
				}
				return a.listMaintenance(cmd, d, args)
			})
		},
	}
	cmd.Flags().StringVar(&length, "for", "", "begin maintenance now, for so long: 30m, 2h, 1d")
	cmd.Flags().StringVar(&why, "why", "", "why, for people")
	cmd.Flags().BoolVar(&end, "end", false, "end it now")
	return cmd
}

func (a *app) runMaintenance(cmd *cobra.Command, d *deploy.Deployer, name string, o deploy.MaintenanceOptions) error {
	n, err := d.OpenMaintenance(cmd.Context(), name, o)
	if err != nil {
		return err
	}
	if a.output == "json" {
		return a.listMaintenance(cmd, d, []string{name})
	}
	switch {
	case !o.End:
		a.printf("%s is in maintenance until %s.\n", name, time.Now().Add(o.For).Format(time.DateTime))
	case n == 0:
		a.printf("%s was not in maintenance that somebody asked for; nothing was done.\n", name)
	default:
		a.printf("The maintenance of %s is over.\n", name)
	}
	return nil
}

func (a *app) listMaintenance(cmd *cobra.Command, d *deploy.Deployer, names []string) error {
	all, err := d.Maintenance(cmd.Context())
	if err != nil {
		return err
	}
	shown := []store.Maintenance{}
	for _, m := range all {
		if len(names) == 0 || m.Deployment == names[0] {
			shown = append(shown, m)
		}
	}
	if a.output == "json" {
		return a.printJSON(map[string]any{"maintenance": shown})
	}
	if len(shown) == 0 {
		a.printf("Nothing is in maintenance.\n")
		return nil
	}
	for _, m := range shown {
		a.printf("%s: %s\n", m.Deployment, maintenanceText(m))
	}
	return nil
}

func maintenanceText(m store.Maintenance) string {
	text := "until its operation ends"
	if !m.Automatic {
		text = "until " + m.EndsAt.Local().Format(time.DateTime)
	}
	if m.Why != "" {
		text += " (" + qos.Printable(m.Why) + ")"
	}
	return text
}
