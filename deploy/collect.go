package deploy

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"skysail/internal/failure"
	"skysail/policies"
	"skysail/qos"
	"skysail/qos/metric"
	"skysail/qos/sshclient"
	"skysail/store"
)

// UnhealthyError says that a service runs but did not become healthy in time.
type UnhealthyError struct {
	Name    string
	Reason  string
	Timeout time.Duration
}

func (e *UnhealthyError) Error() string {
	return fmt.Sprintf("deployment %q runs, but is not healthy after %s: %s", e.Name, e.Timeout, e.Reason)
}

// waitReachable waits until an instance answers on its pinned SSH key.
func waitReachable(ctx context.Context, t qos.Target) error {
	if t.SSH == nil {
		return nil
	}
	if err := qos.WaitReady(ctx, t); err != nil {
		return fmt.Errorf("instance %s: %w", t.Instance, err)
	}
	return nil
}

// waitHealthy collects until every source of the instances answers and every
// health check passes (providers, whose own measurements are minutes late, are
// not asked), and keeps the last collection: so the store is never empty after a
// deploy, and what did not answer in time is reported. Log lines are taken in
// once, at the end: they say nothing of health.
func (d *Deployer) waitHealthy(ctx context.Context, dep *store.Deployment, a *attempt, targets []qos.Target) error {
	deadline := time.Now().Add(d.opts.ReadyTimeout)
	pause := 100 * time.Millisecond
	var reason string
	pool := sshclient.NewPool()
	defer pool.Close() //nolint:errcheck // the connections end with it
	collector := qos.NewCollector(qos.Options{Connections: pool})
	for {
		res := collector.Collect(ctx, targets)
		reason = unready(res)
		if a.row.Provider == policies.Kubernetes && reason == "" && len(targets) < dep.Service.Instances {
			reason = fmt.Sprintf("%d pods of %d are there", len(targets), dep.Service.Instances)
		}
		if reason == "" || ctx.Err() != nil || time.Now().After(deadline) {
			if ctx.Err() == nil {
				res.Samples = append(res.Samples, d.takeLogs(ctx, a, pool, targets)...)
			}
			if err := d.keep(context.WithoutCancel(ctx), dep.ID, res); err != nil {
				return err
			}
			break
		}
		sleep(ctx, pause)
		pause = min(2*pause, 2*time.Second)
		if a.row.Provider == policies.Kubernetes {
			// Pods come and go; those of before say nothing any more.
			if now, err := d.podTargets(ctx, dep, &a.row); err == nil {
				targets = now
			}
		}
	}
	if reason == "" {
		d.emit(EventReady, a, "%d instance(s) healthy, first samples collected", len(targets))
		return nil
	}
	if ctx.Err() != nil {
		reason = "the wait was interrupted; last seen: " + reason
	}
	cost := ""
	if a.row.PriceUSD > 0 {
		cost = fmt.Sprintf(" It costs $%.4g an hour.", a.row.PriceUSD)
	}
	e := &UnhealthyError{Name: dep.Name, Reason: reason, Timeout: d.opts.ReadyTimeout}
	return failure.Wrap(e, failure.Failed, "waiting for health",
		"It was not undone: another provider would most likely see the same."+cost,
		fmt.Sprintf("See `skysail logs %s` and `skysail status %s`; remove it with `skysail destroy %s`.", dep.Name, dep.Name, dep.Name))
}

// takeLogs takes in the log lines that there are, and returns what the service's
// rules make of them. What can not be read is told and read the next time.
func (d *Deployer) takeLogs(ctx context.Context, a *attempt, pool *sshclient.Pool, targets []qos.Target) []qos.Sample {
	res := qos.NewCollector(qos.Options{Sources: []string{qos.SourceLogs}, Connections: pool, Logs: &d.logs}).Collect(ctx, targets)
	for _, r := range res.Reports {
		if r.Err != nil {
			d.emit(EventWarning, a, "the log lines of %s are not taken in yet: %v", r.Instance, r.Err)
		}
	}
	return res.Samples
}

// unready says what is missing; empty when nothing is.
func unready(res qos.Result) (reason string) {
	for _, r := range res.Reports {
		if r.Err != nil && r.Source != qos.SourceCloud && r.Source != qos.SourceMetrics {
			reason = fmt.Sprintf("%s, %s: %v", r.Instance, r.Source, r.Err)
		}
	}
	for _, s := range res.Samples {
		switch {
		case s.Name == metric.ProbeSuccess && s.Value == 0:
			reason = s.Instance + ": its health check fails"
			if d := res.Detail(s.Instance, s.Source); d != "" {
				reason += " (" + d + ")"
			}
		case s.Name == metric.PodReady && s.Value == 0:
			reason = s.Instance + ": its pod is not ready"
			if d := res.Detail(s.Instance, s.Source); d != "" {
				reason += " (" + d + ")"
			}
		case s.Name == "skysail_service_up" && s.Value == 0 && reason == "":
			reason = s.Instance + ": its service is not running"
		}
	}
	return reason
}

// keep stores a collection.
func (d *Deployer) keep(ctx context.Context, id string, res qos.Result) error {
	return d.store.AddSamples(ctx, id, res.New())
}

// Collect reads all sources of a deployment now, side by side, keeps what
// they said and returns it. A source that fails is in the reports; the others
// stand.
func (d *Deployer) Collect(ctx context.Context, name string) (qos.Result, error) {
	row, err := d.get(ctx, name)
	if err != nil {
		return qos.Result{}, err
	}
	if len(row.Instances) == 0 {
		return qos.Result{}, failure.New(failure.Input, fmt.Sprintf("deployment %q has no instances (%s)", row.Name, row.Phase),
			"There is nothing to watch.", fmt.Sprintf("`skysail status %s` says more.", row.Name))
	}
	targets, err := d.watchedAll(ctx, []store.Deployment{row})
	if err != nil {
		return qos.Result{}, err
	}
	pool := sshclient.NewPool()
	defer pool.Close() //nolint:errcheck // the connections end with it
	res := qos.NewCollector(qos.Options{Connections: pool, Cloud: &d.poller, Logs: &d.logs}).Collect(ctx, targets)
	return res, d.keep(ctx, row.ID, res)
}

// CollectAll reads all sources of every running deployment once and keeps what
// they said; Monitor does it again and again.
func (d *Deployer) CollectAll(ctx context.Context, opts qos.Options) (qos.Result, error) {
	rows, err := d.inService(ctx)
	if err != nil {
		return qos.Result{}, err
	}
	targets, err := d.watchedAll(ctx, rows)
	if err != nil {
		return qos.Result{}, err
	}
	opts.Cloud, opts.Logs = &d.poller, &d.logs
	res := qos.NewCollector(opts).Collect(ctx, targets)
	return res, d.keepAll(ctx, []qos.Result{res})
}

// inService are the deployments that have instances to watch: of a name that is
// being replaced, the current one.
func (d *Deployer) inService(ctx context.Context) ([]store.Deployment, error) {
	rows, err := d.store.List(ctx, false)
	return slices.DeleteFunc(rows, func(r store.Deployment) bool { return !serves(&r) }), err
}

func serves(r *store.Deployment) bool { return r.Role == store.RoleCurrent && len(r.Instances) > 0 }

// rows are the deployments that have not ended, for those who ask each second
// or so: they are read when they changed. The caller changes none of them.
type rows struct {
	mu      sync.Mutex
	read    bool
	version int64
	list    []store.Deployment
}

func (r *rows) get(ctx context.Context, s *store.Store) ([]store.Deployment, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	version, err := s.Version(ctx)
	if err != nil {
		return nil, err
	}
	if !r.read || version != r.version {
		list, err := s.List(ctx, false)
		if err != nil {
			return nil, err
		}
		r.read, r.version, r.list = true, version, list
	}
	return r.list, nil
}

// CountPhases counts the deployments in each phase, ended ones as well.
func (d *Deployer) CountPhases(ctx context.Context) (map[string]int, error) {
	return d.store.CountPhases(ctx)
}

// Samples returns the newest stored samples of a deployment without asking
// its instances.
func (d *Deployer) Samples(ctx context.Context, name string) ([]store.Sample, error) {
	row, err := d.get(ctx, name)
	if err != nil {
		return nil, err
	}
	return d.store.LatestSamples(ctx, row.ID)
}

// SampleRange returns what the store has of a deployment's history, without
// asking its instances: also of one that is gone. q.Deployment is set here.
func (d *Deployer) SampleRange(ctx context.Context, name string, q store.SampleQuery) (store.SampleRange, error) {
	row, err := d.get(ctx, name)
	if err != nil {
		return store.SampleRange{}, err
	}
	q.Deployment = row.ID
	return d.store.SampleRange(ctx, q)
}

// Logs hands on the service's log lines, of all instances side by side.
// emit is called from one goroutine at a time.
func (d *Deployer) Logs(ctx context.Context, name string, q qos.LogQuery, emit func(qos.Line) error) error {
	row, err := d.get(ctx, name)
	if err != nil {
		return err
	}
	if row.Provider == policies.Kubernetes && len(row.Instances) > 0 {
		return d.podLogs(ctx, &row, q, emit)
	}
	targets, err := d.registered(ctx, &row)
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		return failure.New(failure.Input, fmt.Sprintf("deployment %q has no instances (%s)", row.Name, row.Phase),
			"There are no logs to read.", fmt.Sprintf("`skysail status %s` says more.", row.Name))
	}
	return qos.LogsAll(ctx, targets, q, emit)
}

type healthState struct {
	healthy Seen
	detail  string
}

// health asks every instance's health check once.
func (d *Deployer) health(ctx context.Context, row *store.Deployment) map[string]healthState {
	out := map[string]healthState{}
	targets, err := d.registered(ctx, row)
	if err != nil {
		return out
	}
	res := qos.NewCollector(qos.Options{Sources: qos.HealthSources()}).Collect(ctx, targets)
	for _, s := range res.Samples {
		if s.Name != metric.ProbeSuccess || out[s.Instance].healthy == No { // of two vantages the worse counts
			continue
		}
		h := healthState{healthy: Yes}
		if s.Value == 0 {
			h = healthState{healthy: No, detail: res.Detail(s.Instance, s.Source)}
		}
		out[s.Instance] = h
	}
	return out
}
