package cli

import (
	"path/filepath"
	"sort"
	"strings"

	"github.com/spf13/cobra"

	"skysail/deploy"
	"skysail/sandbox"
	"skysail/sandbox/kube"
)

func newSandbox(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Simulated clouds on this machine: no account, no cost",
		Long: `The sandbox simulates the HTTP APIs of AWS, Google Cloud, DigitalOcean and
Vultr. Their instances are real processes on this machine, with an SSH server
and the service itself. Any command with --sandbox starts it when it does not run.
With ` + "`up --kubernetes`" + ` it has a Kubernetes cluster as well.`,
		Example: `  skysail deploy service.hcl --sandbox
  skysail sandbox list
  skysail sandbox fault vultr capacity --times 1
  skysail sandbox down --purge`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSandboxUp(a), newSandboxDown(a), newSandboxList(a), newSandboxFault(a), newSandboxEnv(a))
	return cmd
}

func sandboxDir() string { return filepath.Join(deploy.DefaultHome(), "sandbox") }

func newSandboxUp(a *app) *cobra.Command {
	var cluster bool
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start the sandbox; what it held before starts again",
		Long: `Starts the simulated clouds. --kubernetes starts a cluster as well, with a real
Kubernetes control plane and simulated nodes; its kubeconfig has the contexts
production and staging. From then on the cluster starts with the sandbox, until
` + "`skysail sandbox down --purge`" + `. Its programs are built by ` + "`make tools-kube`" + ` and looked for
in tools/kube beside skysail, or where SKYSAIL_KUBE_TOOLS says.`,
		Example: `  skysail sandbox up
  skysail sandbox up --kubernetes
  skysail sandbox up -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cluster {
				if _, err := kube.Find(); err != nil {
					return err
				}
			}
			c, err := sandbox.Start(cmd.Context(), sandboxDir())
			if err != nil {
				return err
			}
			out := map[string]any{"state": "up", "api": c.Env()["DIGITALOCEAN_API_URL"]}
			if cluster {
				k, err := c.StartKubernetes(cmd.Context())
				if err != nil {
					return err
				}
				out["kubernetes"] = k
			}
			if a.output == "json" {
				return a.printJSON(out)
			}
			a.printf("The sandbox is up. `skysail sandbox env` points other programs at it.\n")
			if cluster {
				a.printf("So is its Kubernetes cluster: %s has the contexts production and staging.\n", c.Env()["KUBECONFIG"])
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&cluster, "kubernetes", false, "start a Kubernetes cluster too")
	return cmd
}

func newSandboxDown(a *app) *cobra.Command {
	var purge bool
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Stop the sandbox and its instances; --purge forgets them",
		Long: `Stops the simulated clouds, the processes of their instances and the cluster.
What they hold is kept for the next start; --purge removes it, with the
shortages that selection remembers of them.`,
		Example: `  skysail sandbox down
  skysail sandbox down --purge`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := sandbox.Down(cmd.Context(), sandboxDir(), purge); err != nil {
				return err
			}
			if purge {
				if err := forgetSimulated(cmd.Context()); err != nil {
					return err
				}
			}
			if a.output == "json" {
				return a.printJSON(map[string]any{"state": "down", "purged": purge})
			}
			if purge {
				a.printf("The sandbox is down and holds nothing any more.\n")
			} else {
				a.printf("The sandbox is down. What it holds is kept; `skysail sandbox up` starts it again.\n")
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&purge, "purge", false, "remove every simulated resource as well")
	return cmd
}

func newSandboxList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List every simulated resource",
		Long:  `Lists what the simulated clouds hold, as they hold it: nothing here is from the store.`,
		Example: `  skysail sandbox list
  skysail sandbox list -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := sandbox.Start(cmd.Context(), sandboxDir())
			if err != nil {
				return err
			}
			rs, err := c.List(cmd.Context())
			if err != nil {
				return err
			}
			if a.output == "json" {
				if rs == nil {
					rs = []sandbox.Resource{}
				}
				return a.printJSON(map[string]any{"resources": rs})
			}
			if len(rs) == 0 {
				a.printf("The sandbox holds nothing.\n")
				return nil
			}
			rows := make([][]string, 0, len(rs))
			for _, r := range rs {
				rows = append(rows, []string{r.Provider, r.Kind, r.ID, r.Name, r.Region, r.State, strings.Join(r.Tags, " ")})
			}
			table(a.io.Out, []string{"PROVIDER", "KIND", "ID", "NAME", "REGION", "STATE", "TAGS"}, rows)
			return nil
		},
	}
}

func newSandboxEnv(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "env",
		Short: "Print what points other programs at the sandbox",
		Long: `Prints shell exports: endpoints, proxy, CA file and tokens, so that real
providers, aws, doctl or an SDK speak to the simulated clouds, and a Terraform
CLI configuration, so that plain terraform works on a bundle by hand; KUBECONFIG
when the sandbox has a cluster.`,
		Example: `  eval "$(skysail sandbox env)"
  doctl compute droplet list`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withDeployer(cmd.Context(), deploy.Options{Sandbox: true}, func(d *deploy.Deployer) error {
				env, err := d.SandboxEnv(cmd.Context())
				if err != nil {
					return err
				}
				if a.output == "json" {
					return a.printJSON(map[string]any{"env": env})
				}
				names := make([]string, 0, len(env))
				for n := range env {
					names = append(names, n)
				}
				sort.Strings(names)
				for _, n := range names {
					a.printf("export %s=%s\n", n, shellQuote(env[n]))
				}
				return nil
			})
		},
	}
}

func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
