package cli

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"skysail/deploy"
	"skysail/internal/failure"
	"skysail/spec"
)

func newMonitorRules(a *app) *cobra.Command {
	var o deploy.RulesOptions
	cmd := &cobra.Command{
		Use:   "rules --out DIR [FILE...]",
		Short: "Write the alerts as Prometheus rules, and a Grafana dashboard",
		Long: `Writes skysail.rules.yml, whose recording and alerting rules say what skysail
monitor's own alerts say, skysail.alertmanager.yaml, whose inhibit_rules keep slower
burn rates quiet while a faster one fires, and skysail.dashboard.json for Grafana. They
are of the objectives of the deployments that there are, or of the given service files. The
same deployments give the same bytes. Scrape skysail monitor with honor_labels: true.`,
		Example: `  skysail monitor rules --out /etc/prometheus/skysail
  skysail monitor rules --out rules service.hcl`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.Dir == "" {
				return failure.New(failure.Input, "--out is missing", "Nothing was written.", "Give a folder for the rules and the dashboard.")
			}
			if o.Interval < time.Second {
				return failure.New(failure.Input, "--interval "+o.Interval.String(), "", "Give that of skysail monitor, at least 1s.")
			}
			var errs []error
			for _, file := range args {
				s, err := spec.Load(serviceFile([]string{file}))
				errs = append(errs, err)
				o.Services = append(o.Services, s)
			}
			if err := errors.Join(errs...); err != nil {
				return err
			}
			return withDeployer(cmd.Context(), deploy.Options{}, func(d *deploy.Deployer) error {
				files, err := d.WriteRules(cmd.Context(), o)
				if err != nil {
					return err
				}
				if a.output == "json" {
					return a.printJSON(map[string]any{"files": files})
				}
				for _, f := range files {
					a.printf("%s\n", f)
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&o.Dir, "out", "", "folder to write to")
	cmd.Flags().DurationVar(&o.Interval, "interval", 15*time.Second, "the --interval of skysail monitor")
	return cmd
}
