package deploy

import (
	"context"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"skysail/qos"
	"skysail/qos/alert"
	"skysail/qos/metric"
	"skysail/qos/monitor"
	"skysail/qos/notify"
	"skysail/store"
)

// Alerting makes alerts of what a monitor reads, and tells people. It is made
// by Deployer.Alerting, given to Monitor in its options, and run beside it.
type Alerting struct {
	engine  *alert.Engine
	courier *notify.Courier
	watched *watched

	mu      sync.Mutex
	network *monitor.Network
}

// Alerting makes what evaluates the alerts of all deployments at each interval.
// Sender sends what people are told.
func (d *Deployer) Alerting(ctx context.Context, o MonitorOptions, sender *notify.Sender) (*Alerting, error) {
	installation, err := d.store.Installation(ctx)
	if err != nil {
		return nil, err
	}
	a := &Alerting{courier: &notify.Courier{Outbox: d.store, Sender: sender}, watched: &watched{d: d}}
	a.engine = alert.New(alert.Options{
		Store: d.store, Deployments: a.watched.list, Installation: installation, Interval: o.Interval, NetworkCut: a.cut,
	})
	return a, nil
}

func (a *Alerting) follow(n *monitor.Network) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.network = n
}

func (a *Alerting) cut(ctx context.Context) bool {
	a.mu.Lock()
	n := a.network
	a.mu.Unlock()
	return n != nil && n.Cut(ctx)
}

func (a *Alerting) observe(ctx context.Context, readings []qos.Result) {
	a.engine.Observe(ctx, readings)
}

// Run evaluates and tells until ctx ends, which is to be after the monitor's
// end: what that read last is kept, too.
func (a *Alerting) Run(ctx context.Context) error {
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return a.engine.Run(gctx) })
	g.Go(func() error { return a.courier.Run(gctx) })
	return g.Wait()
}

// Metrics are those of alerts, objectives and notifications.
func (a *Alerting) Metrics() []metric.Described {
	return append(a.engine.Metrics(), a.courier.Metrics()...)
}

// watched are the deployments that alerts are made for.
type watched struct {
	d    *Deployer
	rows rows
}

func (w *watched) list(ctx context.Context) ([]alert.Deployment, error) {
	all, err := w.rows.get(ctx, w.d.store)
	if err != nil {
		return nil, err
	}
	windows, err := w.d.maintenance(ctx, all)
	if err != nil {
		return nil, err
	}
	var out []alert.Deployment
	for i := range all {
		r := &all[i]
		if !serves(r) {
			continue
		}
		out = append(out, alert.Deployment{
			Name: r.Name, ID: r.ID, Sandbox: r.Sandbox, Objectives: r.Service.Objectives, Notify: r.Policy.Notify,
			Maintenance: slices.ContainsFunc(windows, func(m store.Maintenance) bool { return m.Deployment == r.Name }),
		})
	}
	return out, nil
}

// Alert is an alert as callers see it.
type Alert = store.Alert

// Undelivered is what a channel could not be told.
type Undelivered struct {
	store.Undelivered
	// Channel is the channel in words, without secrets.
	Channel string `json:"channel"`
}

// Alerts returns the alerts of a deployment's name, or of all for "", those that
// fire first, and what people could not be told of them and of reactions. It
// reads the store only.
func (d *Deployer) Alerts(ctx context.Context, name string) ([]Alert, []Undelivered, error) {
	alerts, err := d.store.Alerts(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	if name != "" && len(alerts) == 0 {
		if _, err := d.get(ctx, name); err != nil {
			return nil, nil, err
		}
	}
	lost, err := d.store.Undelivered(ctx)
	if err != nil {
		return nil, nil, err
	}
	out := []Undelivered{}
	for _, u := range lost {
		if name != "" && !strings.HasPrefix(u.Alert, name+"/") {
			continue
		}
		channel, err := notify.ParseChannel(u.Channel)
		if err != nil {
			return nil, nil, err
		}
		out = append(out, Undelivered{Undelivered: u, Channel: channel})
	}
	return alerts, out, nil
}
