package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"skysail/deploy"
	"skysail/store"
)

func newList(a *app) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List deployments as recorded; status asks what is really there",
		Example: `  skysail list
  skysail list --all -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withDeployer(cmd.Context(), deploy.Options{}, func(d *deploy.Deployer) error {
				ds, err := d.List(cmd.Context(), all)
				if err != nil {
					return err
				}
				if a.output == "json" {
					return a.printJSON(map[string]any{"deployments": ds})
				}
				if len(ds) == 0 {
					a.printf("No deployments.\n")
					return nil
				}
				rows := make([][]string, 0, len(ds))
				for _, x := range ds {
					if x.Role != store.RoleCurrent {
						x.Reason = strings.TrimSpace(string(x.Role) + "; " + x.Reason)
					}
					rows = append(rows, []string{
						x.Name, string(x.Phase), x.Provider + sandboxMark(x.Sandbox), x.Region, x.Type, usd(x.PriceUSD),
						fmt.Sprint(len(x.Instances)), x.CreatedAt.Local().Format(time.DateTime), firstLine(x.Reason),
					})
				}
				table(a.io.Out, []string{"NAME", "PHASE", "PROVIDER", "REGION", "TYPE", "$/H", "INSTANCES", "CREATED", "NOTE"}, rows)
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "ended deployments as well")
	return cmd
}
