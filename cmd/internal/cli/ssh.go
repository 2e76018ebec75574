package cli

import (
	"github.com/spf13/cobra"

	"skysail/deploy"
)

func newSSH(a *app) *cobra.Command {
	var q deploy.ShellQuery
	cmd := &cobra.Command{
		Use:         "ssh NAME [-- COMMAND [ARG...]]",
		Annotations: map[string]string{ownStream: "yes"},
		Short:       "Open a shell on an instance, or run a command there",
		Long: `Opens a shell on an instance, or runs a command there and returns its exit
status. On a machine that is OpenSSH with the deployment's own key and the host
key that was pinned when the machine was made; no other is accepted. In a pod it
is an exec over the API server: there is no SSH. The command is a program with
its arguments; for pipes and variables give it a shell: -- sh -c '...'.`,
		Example: `  skysail ssh hello
  skysail ssh hello -- uptime
  skysail ssh hello --instance hello-1 -- sh -c 'ps aux'`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Command, q.In, q.Out, q.Err = args[1:], a.io.In, a.io.Out, a.io.Err
			if len(q.Command) == 0 {
				q.TTY = isTerminal(a.io.In)
			}
			return withDeployer(cmd.Context(), deploy.Options{}, func(d *deploy.Deployer) error {
				status, err := d.Shell(cmd.Context(), args[0], q)
				if err == nil && status != 0 {
					err = &exitWith{status: status}
				}
				return err
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.Instance, "instance", "", "which one (default: the first, of pods the first that is ready)")
	f.StringVar(&q.Container, "container", "", "which container of a pod (default: the service's)")
	f.BoolVarP(&q.TTY, "tty", "t", false, "give the command a terminal")
	return cmd
}
