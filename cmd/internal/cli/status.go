package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"skysail/deploy"
)

func newStatus(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "status [NAME]",
		Short: "Ask providers and instances what is there now",
		Long: `Asks the provider by tag and each instance by its health check, and shows the
attempts that led there. Of a deployment on Kubernetes the pods are shown that
there are now; ready is what the kubelet's own probe of the health check says.
Without NAME: every live deployment, each namespace of a cluster asked once. What
could not be asked is "unknown", never guessed.`,
		Example: `  skysail status hello
  skysail status -o json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withDeployer(cmd.Context(), deploy.Options{}, func(d *deploy.Deployer) error {
				if len(args) == 0 {
					all, err := d.StatusAll(cmd.Context())
					if err != nil {
						return err
					}
					return a.printStatus(all)
				}
				st, err := d.Status(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.printStatus([]deploy.Status{st})
			})
		},
	}
}

func (a *app) printStatus(all []deploy.Status) error {
	if a.output == "json" {
		return a.printJSON(map[string]any{"deployments": all})
	}
	if len(all) == 0 {
		a.printf("No deployments.\n")
	}
	for n, s := range all {
		if n > 0 {
			a.printf("\n")
		}
		a.printf("%s (%s): %s, revision %d%s\n", s.Name, s.ID, s.Phase, s.Revision, sandboxMark(s.Sandbox))
		if s.Reason != "" {
			a.printf("  note    %s\n", strings.ReplaceAll(s.Reason, "\n", "\n          "))
		}
		if s.Provider != "" {
			a.printf("  where   %s, %s, %s\n", s.Provider, s.Region, s.Type)
			a.printf("  price   %s an hour\n", usd(s.PriceUSD))
		}
		if r := s.Release; r != nil {
			a.printf("  release %s in %s, Helm's revision %d\n", r.Name, r.Namespace, r.Revision)
		}
		a.printf("  since   %s\n", s.CreatedAt.Local().Format(time.DateTime))
		for _, x := range s.Beside {
			a.printf("  %-8s%s, %s on %s %s %s, %s an hour%s\n", x.Role, x.ID, x.Phase, x.Provider, x.Region, x.Type, usd(x.PriceUSD), noted(x.Reason))
		}
		if s.Problem != "" {
			a.printf("  asking  failed: %s\n", s.Problem)
		}
		switch {
		case len(s.Live) > 0 && s.Live[0].Pod != nil:
			rows := make([][]string, 0, len(s.Live))
			for _, i := range s.Live {
				rows = append(rows, []string{
					"  " + i.Name, i.Pod.Node, i.Pod.Phase, yesNo(i.Pod.Ready), fmt.Sprint(i.Pod.Restarts), i.Address, firstLine(i.Detail),
				})
			}
			table(a.io.Out, []string{"  POD", "NODE", "PHASE", "READY", "RESTARTS", "ADDRESS", "DETAIL"}, rows)
		case len(s.Live) > 0:
			rows := make([][]string, 0, len(s.Live))
			for _, i := range s.Live {
				rows = append(rows, []string{"  " + i.Name, i.Address, string(i.Exists), string(i.Healthy), i.HealthURL, i.Detail})
			}
			table(a.io.Out, []string{"  INSTANCE", "ADDRESS", "EXISTS", "HEALTHY", "URL", "DETAIL"}, rows)
		}
		for _, t := range s.Attempts {
			a.printf("  attempt %d  %s %s %s: %s", t.N, t.Provider, t.Region, t.Type, t.Phase)
			if t.Class != "" {
				a.printf(" (%s: %s)", t.Class, firstLine(t.Cause))
			}
			if !t.EndedAt.IsZero() {
				a.printf(", %s", t.EndedAt.Sub(t.StartedAt).Round(100*time.Millisecond))
			}
			a.printf("\n")
		}
	}
	return nil
}

func yesNo(b bool) string {
	if b {
		return string(deploy.Yes)
	}
	return string(deploy.No)
}

func noted(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + firstLine(reason)
}

func firstLine(s string) string {
	line, rest, _ := strings.Cut(s, "\n")
	if rest != "" {
		return fmt.Sprintf("%s …", line)
	}
	return line
}
