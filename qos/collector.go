package qos

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"skysail/internal/failure"
	"skysail/qos/health"
	"skysail/qos/logtail"
	"skysail/qos/metric"
	"skysail/qos/sshclient"
)

const (
	defaultTimeout     = 10 * time.Second
	defaultConcurrency = 16
	// lateGrace is how long a source may take to notice that its time is up
	// before it is left behind.
	lateGrace = 2 * time.Second
)

// Options changes a Collector; the zero value is a good choice.
type Options struct {
	// Sources names the sources to read; empty means all.
	Sources []string
	// More are sources beside the built-in ones.
	More []Source
	// Timeout is the deadline of each source of each target; 10 seconds
	// unless said otherwise.
	Timeout time.Duration
	// Concurrency is how many targets are read at once; 16 unless said
	// otherwise.
	Concurrency int
	// Connections keeps SSH connections between collections, for loops; the
	// caller closes it. Without it each collection logs in and out.
	Connections *sshclient.Pool
	// Cloud asks providers for their own measurements and remembers when it
	// did; without it they are not asked.
	Cloud *CloudPoller
	// Logs takes log lines into a store; without it they are not read.
	Logs *logtail.Reader
	// CloudTimeout is the deadline of each provider; 15 seconds unless said
	// otherwise.
	CloudTimeout time.Duration
	// RootCAs are the authorities that health checks over HTTPS trust; the
	// system's unless said otherwise.
	RootCAs *x509.CertPool
	// Health keeps what is known of services between collections, for loops:
	// with it thresholds count, and skysail_health_state is told.
	Health *health.Prober
}

// Collector reads targets. It may be used side by side.
type Collector struct {
	sources     []Source
	chosen      bool // not all sources are read
	timeout     time.Duration
	concurrency int
	cloud       *CloudPoller // nil asks no provider
	cloudTime   time.Duration
	kube        bool
}

// NewCollector makes a Collector.
func NewCollector(o Options) *Collector {
	c := &Collector{chosen: len(o.Sources) > 0, timeout: cmp.Or(o.Timeout, defaultTimeout), concurrency: max(cmp.Or(o.Concurrency, defaultConcurrency), 1)}
	remembers := o.Health != nil
	if !remembers {
		o.Health = health.NewProber()
	}
	all := []Source{sshSource{pool: o.Connections}, hostSource{}, serviceSource{}, metricsSource{pool: o.Connections}}
	for _, kind := range HealthSources() {
		all = append(all, healthSource{kind: kind, roots: o.RootCAs, pool: o.Connections, prober: o.Health, remembers: remembers})
	}
	all = append(all, o.More...)
	if o.Logs != nil {
		all = append(all, logSource{reader: o.Logs, pool: o.Connections})
	}
	for _, s := range all {
		if !c.chosen || slices.Contains(o.Sources, s.Name()) {
			c.sources = append(c.sources, s)
		}
	}
	c.kube = !c.chosen || slices.Contains(o.Sources, SourceKubernetes)
	if c.cloudTime = cmp.Or(o.CloudTimeout, defaultCloudTimeout); !c.chosen || slices.Contains(o.Sources, SourceCloud) {
		c.cloud = o.Cloud
	}
	return c
}

// ErrNoSource is a target that nothing can be read of.
var ErrNoSource = errors.New("no source applies to the target")

// Collect reads every source of every target and returns what was read and
// how each source did, in the order of the targets. It never fails as a whole;
// what ctx cut off is reported like any other failure.
func (c *Collector) Collect(ctx context.Context, targets []Target) Result {
	sources := c.sources
	if c.cloud != nil {
		sources = append(slices.Clone(sources), c.cloud.begin(ctx, targets, c.cloudTime))
	}
	if c.kube && slices.ContainsFunc(targets, func(t Target) bool { return t.Kube != nil }) {
		sources = append(slices.Clone(sources), beginKube(ctx, targets, c.cloudTime))
	}
	parts := make([]Result, len(targets))
	var group errgroup.Group
	group.SetLimit(c.concurrency)
	for i, t := range targets {
		group.Go(func() error {
			parts[i] = c.target(ctx, t, sources)
			return nil
		})
	}
	_ = group.Wait()
	return joined(parts)
}

// Sources are the names of what can be read of a target by itself. Its provider
// and its cluster, which are asked for many at once, are not among them: see
// CollectShared.
func (c *Collector) Sources(t Target) []string {
	var out []string
	for _, s := range c.sources {
		if s.Applies(t) {
			out = append(out, s.Name())
		}
	}
	return out
}

// CollectOne reads one source of one target, as Collect would.
func (c *Collector) CollectOne(ctx context.Context, t Target, source string) Result {
	for _, s := range c.sources {
		if s.Name() == source && s.Applies(t) {
			return c.source(ctx, t, s)
		}
	}
	return Result{}
}

// CollectShared asks the providers and clusters of the targets, each once for
// all of its own, and reads nothing else.
func (c *Collector) CollectShared(ctx context.Context, targets []Target) Result {
	only := *c
	only.sources, only.chosen = nil, true
	return only.Collect(ctx, targets)
}

// target reads all sources of one target side by side.
func (c *Collector) target(ctx context.Context, t Target, all []Source) Result {
	var sources []Source
	for _, s := range all {
		if s.Applies(t) {
			sources = append(sources, s)
		}
	}
	if len(sources) == 0 && c.chosen {
		return Result{}
	}
	if len(sources) == 0 {
		return Result{Reports: []Report{{Target: t, Err: failure.Wrap(ErrNoSource, failure.Failed, "read "+t.Instance,
			"It has no SSH login, no health URL, and does not run on this machine.",
			"Give the service a health check.")}}}
	}
	parts := make([]Result, len(sources))
	var wg sync.WaitGroup
	for i, s := range sources {
		wg.Go(func() { parts[i] = c.source(ctx, t, s) })
	}
	wg.Wait()
	return joined(parts)
}

func joined(parts []Result) Result {
	var all Result
	for _, p := range parts {
		all.Samples = append(all.Samples, p.Samples...)
		all.Reports = append(all.Reports, p.Reports...)
	}
	return all
}

// source reads one source of one target.
func (c *Collector) source(ctx context.Context, t Target, s Source) Result {
	start := time.Now()
	reading, err := c.read(ctx, t, s)
	now := time.Now()
	if reading.ObservedAt.IsZero() && !reading.Nothing {
		reading.ObservedAt = now
	}
	report := Report{Target: t, Source: s.Name(), Err: err, Duration: now.Sub(start), Kept: reading.Kept}
	if !reading.CollectedAt.IsZero() {
		now, report.Duration = reading.CollectedAt, reading.Took
	}
	var out []Sample
	add := func(m metric.Metric, observed time.Time) {
		labels := map[string]string{}
		maps.Copy(labels, m.Labels)
		out = append(out, Sample{
			Deployment: t.Deployment, Instance: t.Instance, Source: s.Name(),
			Name: m.Name, Labels: labels, Value: m.Value, ObservedAt: observed, CollectedAt: now,
		})
	}
	if err == nil {
		report.ObservedAt, report.Notes, report.Families = reading.ObservedAt, reading.Notes, reading.Families
		for _, m := range reading.Metrics {
			// No measurement is one of these, and JSON has no way to write them.
			if math.IsNaN(m.Value) || math.IsInf(m.Value, 0) {
				report.Notes = append(report.Notes, fmt.Sprintf("%s was %v, which is no measurement", m.Name, m.Value))
				continue
			}
			add(m, cmp.Or(m.ObservedAt, reading.ObservedAt))
		}
	}
	add(metric.With(metric.SourceUp, metric.Bool(err == nil), "source", s.Name()), now)
	add(metric.With(metric.SourceDuration, report.Duration.Seconds(), "source", s.Name()), now)
	return Result{Samples: out, Reports: []Report{report}}
}

// read puts the deadline over a source. A source that does not honour it is
// left behind, so that it cannot hold up the others.
func (c *Collector) read(ctx context.Context, t Target, s Source) (Reading, error) {
	if ctx.Err() != nil {
		return Reading{}, context.Cause(ctx)
	}
	timeout := c.timeout
	switch s.(type) {
	case *cloudRound, *kubeRound:
		timeout = c.cloudTime
	}
	if _, own := s.(healthSource); own && t.Health != nil {
		timeout = max(timeout, t.Health.Timeout)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	type answer struct {
		reading Reading
		err     error
	}
	done := make(chan answer, 1)
	go func() {
		r, err := s.Read(ctx, t)
		done <- answer{r, err}
	}()
	select {
	case a := <-done:
		return a.reading, a.err
	case <-ctx.Done():
	}
	late := time.NewTimer(lateGrace)
	defer late.Stop()
	select {
	case a := <-done:
		return a.reading, a.err
	case <-late.C:
		return Reading{}, fmt.Errorf("the source %s did not answer in time: %w", s.Name(), context.Cause(ctx))
	}
}
