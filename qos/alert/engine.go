package alert

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"skysail/policies"
	"skysail/qos"
	"skysail/qos/objective"
	"skysail/spec"
	"skysail/store"
)

// Deployment is what there is to know of one that is watched.
type Deployment struct {
	Name, ID   string
	Sandbox    bool
	Objectives []spec.Objective
	Notify     []policies.Notify
	// Maintenance says that it may be down now.
	Maintenance bool
}

// Store keeps what must outlive the process; *store.Store is one. Its calls end
// with ctx, and each may be repeated but KeepAlerts, which adds counts.
type Store interface {
	// Alerts are those of a name, or of all for "".
	Alerts(ctx context.Context, deployment string) ([]store.Alert, error)
	// KeepAlerts keeps counts and changes, all or nothing.
	KeepAlerts(ctx context.Context, b store.AlertBatch) error
	// ObjectiveCounts sums readings of a deployment by objective and window.
	ObjectiveCounts(ctx context.Context, deployment string, windows map[string][]time.Duration, now time.Time) (map[string]map[time.Duration]store.ObjectiveCount, error)
}

// Options are what an Engine works with.
type Options struct {
	Store Store
	// Deployments are those that are watched now. It is asked for about each
	// second, so it must be cheap.
	Deployments func(ctx context.Context) ([]Deployment, error)
	// NetworkCut is whether this machine's own network is known to be down. It
	// is asked when sources are silent. Without it, the network is there.
	NetworkCut func(ctx context.Context) bool
	// Installation tells the alerts of this store from those of others.
	Installation string
	// Interval is from one evaluation to the next; 15 seconds unless said.
	Interval time.Duration
	// Now is time.Now unless said otherwise.
	Now func() time.Time
}

// Engine evaluates. Observe and Metrics may be called side by side with Run.
type Engine struct {
	o       Options
	started time.Time

	mu       sync.Mutex
	view     map[string]Deployment // by identifier
	known    bool                  // view was read once
	pending  map[countKey]objective.Count
	totals   map[countKey]objective.Count // since the start; no minute
	targets  map[targetKey]*target
	measured map[countKey]measure
	alerts   []store.Alert
	errors   uint64
}

type countKey struct {
	deployment, objective string
	minute                time.Time
}

type targetKey struct{ deployment, instance string }

// measure is an objective's state at the last evaluation.
type measure struct {
	objective  spec.Objective
	deployment Deployment
	counts     map[time.Duration]objective.Count
}

// New makes an Engine.
func New(o Options) *Engine {
	o.Interval = cmp.Or(o.Interval, 15*time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Engine{
		o: o, started: o.Now(), view: map[string]Deployment{}, pending: map[countKey]objective.Count{}, totals: map[countKey]objective.Count{},
		targets: map[targetKey]*target{}, measured: map[countKey]measure{},
	}
}

// Observe takes in what a monitor read.
func (e *Engine) Observe(ctx context.Context, readings []qos.Result) {
	e.look(ctx)
	now := e.o.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, res := range readings {
		samples := res.ByReport()
		for i := range res.Reports {
			r := &res.Reports[i]
			d, watched := e.view[r.DeploymentID]
			if !watched || r.Kept {
				continue
			}
			t := e.target(r)
			c := t.observe(r, samples(r), d.Maintenance, now)
			e.count(&d, c, now)
		}
	}
}

func (e *Engine) target(r *qos.Report) *target {
	k := targetKey{r.DeploymentID, r.Instance}
	t := e.targets[k]
	if t == nil {
		t = &target{deployment: r.DeploymentID, instance: r.Instance, sources: map[string]*source{}}
		e.targets[k] = t
	}
	return t
}

// count adds a health check to the objectives. One that was not made is no
// check: c.known is false.
func (e *Engine) count(d *Deployment, c check, now time.Time) {
	if !c.known {
		return
	}
	for _, o := range d.Objectives {
		one := objective.Count{Total: 1}
		switch o.Name {
		case spec.ObjectiveAvailability:
			if c.good {
				one.Good = 1
			}
		case spec.ObjectiveLatency:
			if !c.good || c.seconds < 0 {
				continue
			}
			if c.seconds <= o.Threshold.Seconds() {
				one.Good = 1
			}
		}
		k := countKey{d.ID, o.Name, now.Truncate(time.Minute)}
		e.pending[k] = plus(e.pending[k], one)
		k.minute = time.Time{}
		e.totals[k] = plus(e.totals[k], one)
	}
}

func plus(a, b objective.Count) objective.Count {
	return objective.Count{Good: a.Good + b.Good, Total: a.Total + b.Total}
}

// look asks what is watched. When that can not be told what was known stands.
func (e *Engine) look(ctx context.Context) {
	all, err := e.o.Deployments(ctx)
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil {
		return
	}
	e.known = true
	e.view = make(map[string]Deployment, len(all))
	for _, d := range all {
		e.view[d.ID] = d
	}
}

// Run evaluates until ctx ends, and keeps what was counted until then. What the
// store does not take is tried again the next time.
func (e *Engine) Run(ctx context.Context) error {
	tick := time.NewTicker(e.o.Interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			defer cancel()
			_ = e.flush(end)
			return context.Cause(ctx)
		case <-tick.C:
			if err := e.Evaluate(ctx); err != nil && ctx.Err() == nil {
				e.mu.Lock()
				e.errors++
				e.mu.Unlock()
			}
		}
	}
}

// flush keeps what was counted.
func (e *Engine) flush(ctx context.Context) error {
	e.mu.Lock()
	pending := e.pending
	e.pending = map[countKey]objective.Count{}
	e.mu.Unlock()
	var b store.AlertBatch
	for k, c := range pending {
		b.Counts = append(b.Counts, store.ObjectiveCount{Deployment: k.deployment, Objective: k.objective, At: k.minute, Good: c.Good, Total: c.Total})
	}
	if len(b.Counts) == 0 {
		return nil
	}
	slices.SortFunc(b.Counts, func(x, y store.ObjectiveCount) int {
		return cmp.Or(cmp.Compare(x.Deployment, y.Deployment), cmp.Compare(x.Objective, y.Objective), x.At.Compare(y.At))
	})
	err := e.o.Store.KeepAlerts(ctx, b)
	if err != nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		for k, c := range pending {
			e.pending[k] = plus(e.pending[k], c)
		}
	}
	return err
}
