package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"skysail/deploy"
)

func newCatalog(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "catalog",
		Short: "Show where prices are from, and bring them up to date",
		Long: `The catalog is what selection, cost caps and estimates go by: the offers of AWS,
Google Cloud, DigitalOcean and Vultr with their prices, each with its source and
day. This program carries one; a refreshed file of a provider replaces its part.`,
		Example: `  skysail catalog show
  skysail catalog refresh vultr --dry-run`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCatalogRefresh(a), newCatalogShow(a))
	return cmd
}

func newCatalogRefresh(a *app) *cobra.Command {
	var q deploy.RefreshQuery
	var sandbox bool
	cmd := &cobra.Command{
		Use:   "refresh [PROVIDER...]",
		Short: "Ask the clouds what they sell now and what it costs",
		Long: `Asks every provider side by side and writes its answer into the catalog folder.
From then on it replaces the offers of that provider that came with this program.

A provider without credentials is skipped, unless it is named; Vultr needs none.
One that fails keeps its file, with its old dates, and does not disturb the
others; the exit status is 1 then. With --sandbox the simulated clouds are asked;
their answers are kept apart, for commands with --sandbox only.`,
		Example: `  skysail catalog refresh
  skysail catalog refresh vultr aws --dry-run`,
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Providers = args
			p := a.newProgress()
			defer p.stop()
			return withDeployer(cmd.Context(), deploy.Options{Sandbox: sandbox, Progress: p.event}, func(d *deploy.Deployer) error {
				all, err := d.RefreshCatalog(cmd.Context(), q)
				p.stop()
				if a.output == "json" && all != nil {
					if err := a.printJSON(map[string]any{"providers": all, "dry_run": q.DryRun}); err != nil {
						return err
					}
				}
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&q.DryRun, "dry-run", false, "ask and compare, write nothing")
	cmd.Flags().BoolVar(&sandbox, "sandbox", false, "ask the simulated clouds")
	return cmd
}

func newCatalogShow(a *app) *cobra.Command {
	var sandbox bool
	cmd := &cobra.Command{
		Use:     "show",
		Short:   "Show where each provider's prices are from and how old they are",
		Example: `  skysail catalog show -o json`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			files, err := deploy.Catalog("", sandbox)
			if err != nil {
				return err
			}
			if a.output == "json" {
				return a.printJSON(map[string]any{"providers": files})
			}
			now := time.Now()
			rows := make([][]string, 0, len(files))
			for _, f := range files {
				from := "this program"
				if f.Path != "" {
					from = f.Path
				}
				rows = append(rows, []string{
					f.Provider, fmt.Sprint(f.Offers), fmt.Sprint(f.Types), fmt.Sprint(f.Regions), asOf(f.Oldest, now), asOf(f.Newest, now), from,
				})
			}
			table(a.io.Out, []string{"PROVIDER", "OFFERS", "TYPES", "REGIONS", "OLDEST PRICE", "NEWEST PRICE", "FROM"}, rows)
			a.printf("\n`skysail catalog refresh` asks the providers.\n")
			return nil
		},
	}
	cmd.Flags().BoolVar(&sandbox, "sandbox", false, "of the simulated clouds")
	return cmd
}
