package cli

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"

	"github.com/spf13/cobra"

	"skysail/deploy"
	"skysail/internal/failure"
)

func newOpen(a *app) *cobra.Command {
	var q deploy.OpenQuery
	var browser bool
	cmd := &cobra.Command{
		Use:         "open NAME",
		Annotations: map[string]string{ownStream: "yes"},
		Short:       "Make a port of the service reachable on this machine, and print its URL",
		Long: `Opens a way from a port on this machine's loopback to a port of the service and
prints the URL: a tunnel through the pinned SSH login of a machine, or a
port-forward of the API server to a pod. No firewall is changed. It lasts until
it is interrupted. What runs on this machine needs none: its URL is printed.`,
		Example: `  skysail open hello
  skysail open hello --port metrics --local 9090
  skysail open hello --browser`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if q.Local < 0 || q.Local > 65535 {
				return failure.New(failure.Input, fmt.Sprintf("--local %d is no port", q.Local), "", "Give a number from 1 to 65535, or none.")
			}
			q.Failed = func(err error) { _, _ = fmt.Fprintf(a.io.Err, "a connection could not be handed on: %v\n", err) }
			return withDeployer(cmd.Context(), deploy.Options{}, func(d *deploy.Deployer) error {
				return d.Open(cmd.Context(), args[0], q, func(o deploy.Opened) { a.opened(cmd.Context(), o, browser) })
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.Instance, "instance", "", "which one (default: the first, of pods the first that is ready)")
	f.StringVar(&q.Port, "port", "", "name of the service's port (default: that of the health check, else the first)")
	f.IntVar(&q.Local, "local", 0, "port on this machine (default: one that is free)")
	f.BoolVar(&browser, "browser", false, "show the URL in a browser, where there is one")
	return cmd
}

func (a *app) opened(ctx context.Context, o deploy.Opened, browser bool) {
	if a.output == "json" {
		_ = a.printJSON(map[string]any{"opened": o})
	} else {
		a.printf("%s\n", o.URL)
		if !o.Direct {
			_, _ = fmt.Fprintf(a.io.Err, "Port %d of %s, until this is interrupted.\n", o.Port, o.Instance)
		}
	}
	if browser {
		if err := browse(ctx, o.URL); err != nil {
			_, _ = fmt.Fprintf(a.io.Err, "no browser was opened: %v\n", err)
		}
	}
}

// browse asks the desktop to show an URL.
func browse(ctx context.Context, url string) error {
	program := "xdg-open" // https://www.freedesktop.org/wiki/Software/xdg-utils/
	if runtime.GOOS == "darwin" {
		program = "open"
	}
	path, err := exec.LookPath(program)
	if err != nil {
		return err
	}
	return exec.CommandContext(ctx, path, url).Start() //nolint:gosec // the desktop's own opener
}
