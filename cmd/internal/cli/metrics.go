package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"skysail/deploy"
	"skysail/internal/failure"
	"skysail/qos"
	"skysail/qos/exporter"
	"skysail/qos/sshclient"
)

func newMetrics(a *app) *cobra.Command {
	var listen string
	var interval time.Duration
	cmd := &cobra.Command{
		Use:         "metrics",
		Annotations: map[string]string{ownStream: "yes"},
		Short:       "Serve the metrics of all deployments to Prometheus",
		Long: `Collects from every running deployment at an interval and serves the newest
values at /metrics, until it is interrupted. Deployments that come and go are
noticed at the next collection. Scrape it with honor_labels: true.`,
		Example: `  skysail metrics --listen 127.0.0.1:9464
  skysail metrics --listen :9464 --interval 1m`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if interval < time.Second {
				return failure.New(failure.Input, fmt.Sprintf("--interval %s", interval), "Instances would be asked more often than they can answer.", "Give at least 1s.")
			}
			return withDeployer(cmd.Context(), deploy.Options{}, func(d *deploy.Deployer) error {
				return a.runMetrics(cmd.Context(), d, listen, interval)
			})
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:9464", "address to serve on")
	cmd.Flags().DurationVar(&interval, "interval", 15*time.Second, "time between collections")
	return cmd
}

func (a *app) runMetrics(ctx context.Context, d *deploy.Deployer, listen string, interval time.Duration) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return failure.Wrap(err, failure.Input, "--listen", "Nothing is served.", "Choose a free address, such as 127.0.0.1:0.")
	}
	pool := sshclient.NewPool()
	defer pool.Close() //nolint:errcheck // the connections end with it
	e := exporter.New(
		func(ctx context.Context) (qos.Result, error) {
			return d.CollectAll(ctx, qos.Options{Connections: pool})
		},
		exporter.WithInterval(interval), exporter.WithVersion(Version),
		exporter.WithDeployments(d.CountPhases),
	)
	if a.output == "json" {
		if err := a.printJSON(map[string]any{"listen": l.Addr().String(), "url": "http://" + l.Addr().String() + "/metrics"}); err != nil {
			return err
		}
	} else {
		a.printf("Serving http://%s/metrics\n", l.Addr())
	}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return e.Run(gctx) })
	g.Go(func() error { return e.Serve(gctx, l) })
	err = g.Wait()
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = nil // the way in which serving ends
	}
	return err
}
