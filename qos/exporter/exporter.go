// Package exporter serves collections to Prometheus. It collects in a loop of
// its own and never inside a scrape: a slow instance must not slow down or
// break the scrape of all the others.
//
// Samples carry no timestamps. How fresh they are stands in
// skysail_source_age_seconds, and what was not read for a while is not served
// any longer: no data is unknown. The instances have the labels deployment and
// instance, so a scrape job should set honor_labels: true.
package exporter

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"skysail/qos"
	"skysail/qos/metric"
)

const (
	defaultInterval = 15 * time.Second
	jitter          = 0.1
	// staleAfter collections missed, what was read is not served any longer.
	staleAfter = 3
)

// Collect reads all targets once.
type Collect func(ctx context.Context) (qos.Result, error)

// Exporter keeps the latest collection and serves it.
type Exporter struct {
	collect     Collect
	deployments func(ctx context.Context) (map[string]int, error)
	interval    time.Duration
	version     string
	now         func() time.Time
	sd          func() []qos.Target
	ready       func() error
	more        func() []metric.Described
	pages       http.Handler
	registry    *prometheus.Registry

	mu   sync.RWMutex
	last snapshot
	// read remembers when each source was last read with success.
	read      map[sourceKey]time.Time
	succeeded uint64
	failed    uint64
}

// snapshot is what the last collections left.
type snapshot struct {
	result  qos.Result
	phases  map[string]int
	at      time.Time // of the last collection that succeeded
	err     error     // of the last collection
	started time.Time
}

// Option changes an Exporter.
type Option func(*Exporter)

// WithInterval sets the time from the start of one collection to the start of
// the next, give or take a tenth; 15 seconds unless said otherwise.
func WithInterval(d time.Duration) Option { return func(e *Exporter) { e.interval = d } }

// WithVersion sets the version in skysail_build_info.
func WithVersion(v string) Option { return func(e *Exporter) { e.version = v } }

// WithDeployments sets where the number of deployments in each phase comes
// from. It is asked with each collection.
func WithDeployments(f func(ctx context.Context) (map[string]int, error)) Option {
	return func(e *Exporter) { e.deployments = f }
}

// WithTargets sets what /sd tells of: the targets that are watched.
func WithTargets(f func() []qos.Target) Option { return func(e *Exporter) { e.sd = f } }

// WithReady sets what /readyz asks; without it the exporter is ready when it
// is healthy.
func WithReady(f func() error) Option { return func(e *Exporter) { e.ready = f } }

// WithOwn sets further metrics of the process that serves.
func WithOwn(f func() []metric.Described) Option { return func(e *Exporter) { e.more = f } }

// WithPages sets who answers what the exporter has no path for.
func WithPages(h http.Handler) Option { return func(e *Exporter) { e.pages = h } }

// New makes an Exporter that collects with collect. Run starts it.
func New(collect Collect, opts ...Option) *Exporter {
	e := &Exporter{
		collect: collect, interval: defaultInterval, version: "unknown", now: time.Now,
		registry: prometheus.NewRegistry(), read: map[sourceKey]time.Time{},
	}
	for _, opt := range opts {
		opt(e)
	}
	e.last.started = e.now()
	if e.ready == nil {
		e.ready = e.health
	}
	e.registry.MustRegister(e)
	return e
}

// Run collects at once and then at each interval until ctx ends; it returns
// why ctx ended. An error of collect is kept for /healthz and the next turn
// tries again.
func (e *Exporter) Run(ctx context.Context) error {
	for {
		start := time.Now()
		e.turn(ctx)
		// Jitter keeps several exporters from polling the same machines at
		// the same moment for ever.
		spread := 1 + jitter*(2*rand.Float64()-1) //nolint:gosec // no secret
		wait := max(time.Duration(float64(e.interval)*spread)-time.Since(start), 0)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		}
	}
}

// turn collects once.
func (e *Exporter) turn(ctx context.Context) {
	result, err := e.collect(ctx)
	var phases map[string]int
	var countErr error
	if e.deployments != nil {
		if phases, countErr = e.deployments(ctx); countErr != nil {
			countErr = fmt.Errorf("count deployments: %w", countErr)
		}
	}
	if ctx.Err() != nil {
		return // what was cut off by the end says nothing
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last.err = errors.Join(err, countErr)
	if countErr == nil {
		e.last.phases = phases
	}
	if err == nil {
		e.last.result, e.last.at = result, e.now()
		e.remember(result)
	}
	if e.last.err != nil {
		e.failed++
	} else {
		e.succeeded++
	}
}

// remember notes when sources were read, and forgets those that are gone.
func (e *Exporter) remember(result qos.Result) {
	read := make(map[sourceKey]time.Time, len(result.Reports))
	for _, r := range result.Reports {
		key := sourceKey{r.Deployment, r.Instance, r.Source}
		if r.Err == nil && !r.ObservedAt.IsZero() {
			read[key] = r.ObservedAt
		} else if at, ok := e.read[key]; ok {
			read[key] = at
		}
	}
	e.read = read
}

type sourceKey struct{ deployment, instance, source string }

var errStale = errors.New("the last collection is too long ago")

// health returns why the exporter is not well, or nil.
func (e *Exporter) health() error {
	e.mu.RLock()
	defer e.mu.RUnlock()
	since := e.last.at
	if since.IsZero() {
		since = e.last.started
	}
	if e.now().Sub(since) <= e.staleTime() {
		return nil
	}
	if e.last.err != nil {
		return fmt.Errorf("%w: %w", errStale, e.last.err)
	}
	return errStale
}

// staleTime has a floor: with a short interval one slow instance, which may
// take all of its deadline, is no reason to serve nothing.
func (e *Exporter) staleTime() time.Duration {
	return max(staleAfter*e.interval, time.Minute)
}
