package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"skysail/deploy"
	"skysail/internal/failure"
	"skysail/qos"
	"skysail/qos/exporter"
	"skysail/qos/health"
	"skysail/qos/metric"
	"skysail/qos/notify"
	"skysail/qos/remotewrite"
	"skysail/qos/sshclient"
)

// defaultAnchors are resolvers that anybody may ask, of three operators.
var defaultAnchors = []string{"1.1.1.1:443", "8.8.8.8:443", "9.9.9.9:443"}

func newMonitor(a *app) *cobra.Command {
	var listen string
	var interval time.Duration
	var anchors []string
	var dryRun, reacts bool
	var push string
	cmd := &cobra.Command{
		Use:         "monitor",
		Aliases:     []string{"metrics"},
		Annotations: map[string]string{ownStream: "yes"},
		Short:       "Watch all deployments, keep what is read and serve it to Prometheus",
		Long: `Reads every source of every running deployment at an interval, each at its own
moment in it, keeps the readings and log lines in the store, and serves the newest
ones until it is interrupted. Deployments that come and go are noticed within a
second. What can not be read is unknown and never taken for down, and is asked for
less often, down to an eighth.

  /                    a status page with the last 24 hours of each instance
  /deployments/NAME    the same of one deployment, with charts
  /metrics             all of it, for Prometheus, in its text format or OpenMetrics
  /metrics?deployment= of one deployment
  /sd                  HTTP service discovery: a target for each deployment
  /healthz, /readyz    whether it lives, and whether it knows what to watch

Scrape it with honor_labels: true. Before a service that does not answer counts as
down, the --anchor addresses are tried: where none of them answers any more this
machine's own network is cut and the service is unknown. Anchors that never
answered prove nothing.

With --remote-write it sends what it reads to a Prometheus or whatever else takes the
remote-write protocol as well; SKYSAIL_REMOTE_WRITE_TOKEN, or _USER and _PASSWORD,
are the credentials. What can not be sent waits, up to 300,000 samples.

What a policy's reaction block says is done about a deployment that is not healthy is
done by the monitor: a line on stderr tells each time, and why nothing is done where
something could be; the people of notify blocks are told as well. --react=false only
watches.

It evaluates alerts at each interval, of the objectives of service files and others,
and tells people as policies say: see skysail alerts and skysail maintenance.

With --dry-run it says how many calls and dollars a day that is, and does nothing.`,
		Example: `  skysail monitor --listen 127.0.0.1:9464
  skysail monitor --listen :9464 --interval 1m --anchor 192.0.2.1:443
  skysail monitor --dry-run
  skysail monitor rules --out /etc/prometheus/skysail`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if interval < time.Second {
				return failure.New(failure.Input, fmt.Sprintf("--interval %s", interval), "Instances would be asked more often than they can answer.", "Give at least 1s.")
			}
			for _, x := range anchors {
				if _, _, err := net.SplitHostPort(x); err != nil {
					return failure.New(failure.Input, fmt.Sprintf("--anchor %q is not host:port", x), "", "Give an address that takes connections, such as 192.0.2.1:443.")
				}
			}
			o := deploy.MonitorOptions{Interval: interval, Anchors: anchors}
			return withDeployer(cmd.Context(), deploy.Options{}, func(d *deploy.Deployer) error {
				if dryRun {
					return a.runMonitorCost(cmd.Context(), d, o)
				}
				return a.runMonitor(cmd.Context(), d, monitorOptions{o, listen, push, reacts})
			})
		},
	}
	cmd.AddCommand(newMonitorRules(a))
	f := cmd.Flags()
	f.StringVar(&listen, "listen", "127.0.0.1:9464", "address to serve on")
	f.DurationVar(&interval, "interval", 15*time.Second, "time between two readings of a source")
	f.StringSliceVar(&anchors, "anchor", defaultAnchors, "addresses that show whether this machine's own network works")
	f.StringVar(&push, "remote-write", "", "URL to send samples to, such as http://prometheus:9090/api/v1/write")
	f.BoolVar(&reacts, "react", true, "do what policies say about deployments that are not healthy")
	f.BoolVar(&dryRun, "dry-run", false, "say what watching takes a day, and do nothing")
	return cmd
}

// monitorOptions are what the flags of monitor say.
type monitorOptions struct {
	deploy.MonitorOptions
	listen, push string
	reacts       bool
}

func (a *app) runMonitor(ctx context.Context, d *deploy.Deployer, o monitorOptions) error {
	g, gctx := errgroup.WithContext(ctx)
	own := func() []metric.Described { return nil }
	var send func(context.Context) error
	if o.push != "" {
		w, err := remotewrite.New(remotewrite.Options{
			URL: o.push, Token: os.Getenv("SKYSAIL_REMOTE_WRITE_TOKEN"),
			User: os.Getenv("SKYSAIL_REMOTE_WRITE_USER"), Password: os.Getenv("SKYSAIL_REMOTE_WRITE_PASSWORD"),
		})
		if err != nil {
			return failure.Wrap(err, failure.Input, "--remote-write", "Nothing is watched.", "Give the URL that the receiver documents.")
		}
		o.Also, own, send = w.Add, w.Metrics, w.Run
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.listen)
	if err != nil {
		return failure.Wrap(err, failure.Input, "--listen", "Nothing is served.", "Choose a free address, such as 127.0.0.1:0.")
	}
	pool := sshclient.NewPool()
	defer pool.Close() //nolint:errcheck // the connections end with it
	o.Connections, o.QoS.Health = pool, health.NewProber()
	var reactor *deploy.Reactor
	if o.reacts {
		reactor = d.Reactor(o.Interval, a.tellReaction)
		also := o.Also
		o.Also = func(readings []qos.Result) {
			reactor.Take(readings)
			if also != nil {
				also(readings)
			}
		}
	}
	alerting, err := d.Alerting(ctx, o.MonitorOptions, &notify.Sender{})
	if err != nil {
		return err
	}
	o.Alerting = alerting
	m := d.Monitor(o.MonitorOptions)
	e := exporter.New(
		func(context.Context) (qos.Result, error) { return m.State().Snapshot(), nil },
		exporter.WithInterval(time.Second), exporter.WithVersion(Version), exporter.WithDeployments(d.CountPhases),
		exporter.WithTargets(m.State().Targets), exporter.WithReady(m.Ready), exporter.WithPages(d.StatusPage(m).Handler()),
		exporter.WithOwn(func() []metric.Described { return slices.Concat(m.Metrics(), alerting.Metrics(), own()) }),
	)
	if a.output == "json" {
		if err := a.printJSON(map[string]any{"listen": l.Addr().String(), "url": "http://" + l.Addr().String() + "/metrics", "page": "http://" + l.Addr().String() + "/"}); err != nil {
			return err
		}
	} else {
		a.printf("Serving http://%[1]s/metrics, and a status page at http://%[1]s/\n", l.Addr())
	}
	if reactor != nil {
		g.Go(func() error { return reactor.Run(gctx, m.Network()) })
	}
	// Alerting ends after the monitor, whose last readings count.
	actx, end := context.WithCancel(context.WithoutCancel(ctx))
	g.Go(func() error {
		defer end()
		return m.Run(gctx)
	})
	g.Go(func() error { return alerting.Run(actx) })
	if send != nil {
		g.Go(func() error { return send(gctx) })
	}
	g.Go(func() error { return e.Serve(gctx, l) })
	err = g.Wait()
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = nil // the way in which watching ends
	}
	return err
}

// tellReaction writes a line for what was done about a deployment, or was not.
func (a *app) tellReaction(n deploy.ReactionNote) {
	if a.output == "json" {
		if line, err := json.Marshal(n); err == nil {
			_, _ = fmt.Fprintf(a.io.Err, "%s\n", line)
		}
		return
	}
	_, _ = fmt.Fprintf(a.io.Err, "%s %s: %s, %s: %s\n", n.At.Format(time.RFC3339), cmp.Or(n.Name, "monitor"), n.Kind, n.State, n.Text)
}

func (a *app) runMonitorCost(ctx context.Context, d *deploy.Deployer, o deploy.MonitorOptions) error {
	cost, err := d.MonitorCost(ctx, o)
	if err != nil {
		return err
	}
	if a.output == "json" {
		return a.printJSON(map[string]any{"cost": cost})
	}
	if len(cost.Sources) == 0 {
		a.printf("Nothing runs: there is nothing to watch.\n")
		return nil
	}
	rows := make([][]string, len(cost.Sources))
	for i, s := range cost.Sources {
		every := time.Duration(s.EverySeconds * float64(time.Second)).Round(time.Second)
		rows[i] = []string{
			s.Source, cmp.Or(s.Provider, "-"), strconv.Itoa(s.Instances), every.String(), dash(s.Readings), dash(s.Calls), fmt.Sprintf("$%.4f", s.USD), s.Limit,
		}
	}
	table(a.io.Out, []string{"SOURCE", "OF", "INSTANCES", "EVERY", "READINGS/DAY", "CALLS/DAY", "COST/DAY", ""}, rows)
	a.printf("\nProviders charge about $%.2f a day for it. Nothing was read.\n", cost.USD)
	return nil
}

func dash(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}
