package deploy

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"skysail/policies"
	"skysail/qos"
	"skysail/qos/monitor"
	"skysail/qos/sshclient"
	"skysail/store"
)

// MonitorOptions say how a fleet is watched.
type MonitorOptions struct {
	// Interval is from one reading of a source to the next; 15 seconds unless
	// said otherwise. Logs are read at each interval, providers at most as
	// often as they measure.
	Interval time.Duration
	// Anchors are addresses (host:port) that show whether this machine's own
	// network works, before a service that does not answer is called down.
	Anchors []string
	// Connections are kept between readings; the caller closes them.
	Connections *sshclient.Pool
	// QoS are further options of the readings: Connections, Cloud and Logs of
	// them are set here.
	QoS qos.Options
	// Also is given what is kept; it must not wait.
	Also func(readings []qos.Result)
	// Alerting makes alerts of what is read; nil makes none.
	Alerting *Alerting
}

const defaultInterval = 15 * time.Second

// Monitor watches every running deployment, those that come and go as well,
// and keeps what it reads. Run it with its Run.
func (d *Deployer) Monitor(o MonitorOptions) *monitor.Monitor {
	o.Interval = cmp.Or(o.Interval, defaultInterval)
	w := d.watcher(o)
	keep := d.keepAll
	if o.Also != nil {
		keep = func(ctx context.Context, readings []qos.Result) error {
			o.Also(readings)
			return d.keepAll(ctx, readings)
		}
	}
	if o.Alerting == nil {
		return monitor.New(monitor.Options{Watches: w.watches, Version: d.store.Version, Keep: keep, Anchors: o.Anchors})
	}
	m := monitor.New(monitor.Options{
		Watches: w.watches, Version: d.store.Version, Anchors: o.Anchors,
		Keep: func(ctx context.Context, readings []qos.Result) error {
			o.Alerting.observe(ctx, readings)
			return keep(ctx, readings)
		},
	})
	o.Alerting.follow(m.Network())
	return m
}

// watcher makes what a monitor does of what the store has.
type watcher struct {
	d *Deployer
	o MonitorOptions
	c *qos.Collector
}

func (d *Deployer) watcher(o MonitorOptions) *watcher {
	o.QoS.Connections, o.QoS.Cloud, o.QoS.Logs = o.Connections, &d.poller, &d.logs
	return &watcher{d: d, o: o, c: qos.NewCollector(o.QoS)}
}

// fleet is what there is to watch: instances that are read one by one, and
// deployments whose pods a cluster is asked for.
func (w *watcher) fleet(ctx context.Context) (instances []qos.Target, pods map[clusterKey][]store.Deployment, err error) {
	rows, err := w.d.inService(ctx)
	if err != nil {
		return nil, nil, err
	}
	pods = map[clusterKey][]store.Deployment{}
	for i := range rows {
		if rows[i].Provider == policies.Kubernetes {
			k := clusterKeyOf(&rows[i])
			pods[k] = append(pods[k], rows[i])
			continue
		}
		targets, err := w.d.watched(ctx, &rows[i])
		if err != nil {
			return nil, nil, fmt.Errorf("deployment %q: %w", rows[i].Name, err)
		}
		instances = append(instances, targets...)
	}
	return instances, pods, nil
}

func (w *watcher) watches(ctx context.Context) ([]monitor.Watch, error) {
	instances, clusters, err := w.fleet(ctx)
	if err != nil {
		return nil, err
	}
	var out []monitor.Watch
	measured := map[string][]qos.Target{}
	for _, t := range instances {
		out = append(out, w.own(t)...)
		if t.Cloud != nil {
			key := fmt.Sprintf("cloud %v %s", t.Sandbox, t.Provider)
			measured[key] = append(measured[key], t)
		}
	}
	for key, targets := range measured {
		out = append(out, w.shared(key, func(context.Context) ([]qos.Target, error) { return targets, nil }))
	}
	for k, rows := range clusters {
		out = append(out, w.shared(fmt.Sprintf("kubernetes %v", k), func(ctx context.Context) ([]qos.Target, error) { return w.d.watchedAll(ctx, rows) }))
	}
	return out, nil
}

// own are the sources that are read of one target.
func (w *watcher) own(t qos.Target) []monitor.Watch {
	var out []monitor.Watch
	for _, source := range w.c.Sources(t) {
		out = append(out, monitor.Watch{
			Job: monitor.Job{
				Key: t.DeploymentID + "/" + t.Instance + "/" + source, Every: w.every(t, source), Timeout: readTimeout,
				// A health check that fails is news each time.
				Patient: !slices.Contains(qos.HealthSources(), source),
			},
			Read: func(ctx context.Context) qos.Result { return w.c.CollectOne(ctx, t, source) },
		})
	}
	return out
}

// every is from one reading of a source to the next.
func (w *watcher) every(t qos.Target, source string) time.Duration {
	if source == qos.SourceMetrics && t.Metrics.Interval > 0 {
		return t.Metrics.Interval
	}
	return w.o.Interval
}

// readTimeout is over the deadlines that the collector has itself.
const readTimeout = 2 * time.Minute

// shared is a provider or a cluster, which is asked once for all targets.
func (w *watcher) shared(key string, targets func(context.Context) ([]qos.Target, error)) monitor.Watch {
	return monitor.Watch{
		Job: monitor.Job{Key: key, Every: w.o.Interval, Timeout: readTimeout, Patient: true},
		Read: func(ctx context.Context) qos.Result {
			list, err := targets(ctx)
			if err != nil {
				return qos.Result{}
			}
			return w.c.CollectShared(ctx, list)
		},
	}
}

// keepAll stores readings, all in one transaction.
func (d *Deployer) keepAll(ctx context.Context, readings []qos.Result) error {
	byID := map[string][]qos.Sample{}
	for _, res := range readings {
		ids := map[string]string{}
		for _, r := range res.Reports {
			ids[r.Deployment] = r.DeploymentID
		}
		for _, s := range res.New() {
			byID[ids[s.Deployment]] = append(byID[ids[s.Deployment]], s)
		}
	}
	return d.store.AddAllSamples(ctx, byID)
}
