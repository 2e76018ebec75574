package deploy

import (
	"cmp"
	"context"
	"fmt"
	"maps"
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
	return monitor.New(monitor.Options{
		Watches: w.watches, Version: d.store.Version, Keep: keep, Anchors: o.Anchors,
	})
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

// watched are the deployments that have something to watch: of a name that is
// being replaced, the current one.
func (w *watcher) rows(ctx context.Context) ([]store.Deployment, error) {
	rows, err := w.d.store.List(ctx, false)
	return slices.DeleteFunc(rows, func(r store.Deployment) bool {
		return r.Role != store.RoleCurrent || len(r.Instances) == 0
	}), err
}

func (w *watcher) watches(ctx context.Context) ([]monitor.Watch, error) {
	rows, err := w.rows(ctx)
	if err != nil {
		return nil, err
	}
	var out []monitor.Watch
	clusters := map[string][]store.Deployment{}
	providers := map[string][]qos.Target{}
	for i := range rows {
		row := &rows[i]
		if row.Provider == policies.Kubernetes {
			key := fmt.Sprintf("kubernetes %v %s/%s", row.Sandbox, row.Region, row.Type)
			clusters[key] = append(clusters[key], *row)
			continue
		}
		targets, err := w.d.watched(ctx, row)
		if err != nil {
			return nil, fmt.Errorf("deployment %q: %w", row.Name, err)
		}
		for _, t := range targets {
			out = append(out, w.own(t)...)
			if t.Cloud != nil {
				key := fmt.Sprintf("cloud %v %s", t.Sandbox, t.Provider)
				providers[key] = append(providers[key], t)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(providers)) {
		targets := providers[key]
		out = append(out, w.shared(key, func(context.Context) ([]qos.Target, error) { return targets, nil }))
	}
	for _, key := range slices.Sorted(maps.Keys(clusters)) {
		pods := clusters[key]
		out = append(out, w.shared(key, func(ctx context.Context) ([]qos.Target, error) { return w.d.watchedAll(ctx, pods) }))
	}
	return out, nil
}

// own are the sources that are read of one target.
func (w *watcher) own(t qos.Target) []monitor.Watch {
	var out []monitor.Watch
	for _, source := range w.c.Sources(t) {
		out = append(out, monitor.Watch{
			Job: monitor.Job{
				Key: t.DeploymentID + "/" + t.Instance + "/" + source, Every: w.o.Interval, Timeout: readTimeout,
				// A health check that fails is news each time.
				Patient: !slices.Contains(qos.HealthSources(), source),
			},
			Read: func(ctx context.Context) qos.Result { return w.c.CollectOne(ctx, t, source) },
		})
	}
	return out
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
