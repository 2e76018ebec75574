// Package remotewrite sends samples to Prometheus, Mimir, VictoriaMetrics and
// whatever else takes the remote-write protocol, version 1.0. What can not be
// sent waits, up to a bound; what is lost is counted.
package remotewrite

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/prometheus/client_golang/exp/api/remote"

	"skysail/qos"
	"skysail/qos/metric"
)

const (
	// batch is how many samples go in one request, and linger how long fewer
	// than that wait for more.
	batch  = 2000
	linger = 5 * time.Second
	// maxWaiting bounds the samples that wait while nobody takes them, to some
	// 60 MB: a quarter of an hour of fifty instances.
	maxWaiting = 300_000
	timeout    = 30 * time.Second
)

// Options say where to.
type Options struct {
	// URL takes the requests, such as http://prometheus:9090/api/v1/write.
	URL string
	// Token is sent as bearer token where it is not empty, and User and
	// Password as basic authentication.
	Token, User, Password string
	// Client is one with a timeout of half a minute unless said otherwise.
	Client *http.Client
	// Backoff is the first pause after a failure, a second unless said.
	Backoff time.Duration
}

// Stats count samples.
type Stats struct {
	Sent, Dropped, Waiting uint64
	// Retries counts requests that had to be made again.
	Retries uint64
	// Err is why the last request failed, nil when it did not.
	Err error
}

// Writer sends what it is given. Run does the sending.
type Writer struct {
	api *remote.API

	mu      sync.Mutex
	waiting []sample
	stats   Stats
	wake    chan struct{}
}

type sample struct {
	qos.Sample
	target *qos.Target
}

// New makes a Writer. An error is a URL that is none.
func New(o Options) (*Writer, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("%q is not the http or https URL of a remote-write receiver", o.URL)
	}
	path := u.Path
	u.Path = ""
	client := o.Client
	if client == nil {
		client = &http.Client{Timeout: timeout}
	}
	with := *client
	with.Transport = authorized{o, client.Transport}
	backoff := remote.BackoffConfig{Min: time.Second, Max: 30 * time.Second}
	if o.Backoff > 0 {
		backoff.Min = o.Backoff
	}
	api, err := remote.NewAPI(u.String(), remote.WithAPIPath(path), remote.WithAPIHTTPClient(&with), remote.WithAPIBackoff(backoff))
	if err != nil {
		return nil, err
	}
	return &Writer{api: api, wake: make(chan struct{}, 1)}, nil
}

// authorized adds the credentials to each request.
type authorized struct {
	o    Options
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (a authorized) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", "skysail")
	switch {
	case a.o.Token != "":
		r.Header.Set("Authorization", "Bearer "+a.o.Token)
	case a.o.User != "":
		r.SetBasicAuth(a.o.User, a.o.Password)
	}
	next := a.next
	if next == nil {
		next = http.DefaultTransport
	}
	return next.RoundTrip(r)
}

// Add queues readings. It does not wait; when too many wait already, the
// oldest go.
func (w *Writer) Add(readings []qos.Result) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, res := range readings {
		type key struct{ deployment, instance string }
		targets := map[key]*qos.Target{}
		for i, r := range res.Reports {
			targets[key{r.Deployment, r.Instance}] = &res.Reports[i].Target
		}
		for _, s := range res.New() {
			w.waiting = append(w.waiting, sample{s, targets[key{s.Deployment, s.Instance}]})
		}
	}
	if over := len(w.waiting) - maxWaiting; over > 0 {
		w.stats.Dropped += uint64(over)
		w.waiting = append(w.waiting[:0:0], w.waiting[over:]...)
	}
	if len(w.waiting) >= batch {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// Stats returns the counts so far.
func (w *Writer) Stats() Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.stats
	out.Waiting = uint64(len(w.waiting))
	return out
}

// Metrics are the writer's own numbers.
func (w *Writer) Metrics() []metric.Described {
	s := w.Stats()
	one := func(kind metric.Kind, name, help string, value float64) metric.Described {
		return metric.Described{Metric: metric.One(name, value), Desc: metric.Desc{Kind: kind, Help: help}}
	}
	return []metric.Described{
		one(metric.Counter, "skysail_remote_write_samples_total", "Samples that the receiver has taken.", float64(s.Sent)),
		one(metric.Counter, "skysail_remote_write_samples_dropped_total", "Samples that were refused, or waited too long.", float64(s.Dropped)),
		one(metric.Counter, "skysail_remote_write_retries_total", "Requests that had to be made again.", float64(s.Retries)),
		one(metric.Gauge, "skysail_remote_write_samples_waiting", "Samples that wait to be sent.", float64(s.Waiting)),
		one(metric.Gauge, "skysail_remote_write_up", "Whether the last request was taken.", metric.Bool(s.Err == nil)),
	}
}

// Run sends until ctx ends, and then what waits still, for some seconds.
func (w *Writer) Run(ctx context.Context) error {
	tick := time.NewTicker(linger)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			w.drain(ctx)
		case <-w.wake:
			w.drain(ctx)
		}
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), linger)
	defer cancel()
	w.drain(end)
	return context.Cause(ctx)
}

// drain sends all that waits, a batch at a time.
func (w *Writer) drain(ctx context.Context) {
	var scratch []byte
	for ctx.Err() == nil {
		w.mu.Lock()
		n := min(len(w.waiting), batch)
		part := w.waiting[:n:n]
		w.waiting = w.waiting[n:]
		w.mu.Unlock()
		if n == 0 {
			return
		}
		m := &message{}
		for _, s := range part {
			scratch = m.add(s.Sample, s.target, scratch)
		}
		_, err := w.api.Write(ctx, remote.WriteV1MessageType, m, remote.WithWriteRetryCallback(w.retried))
		w.done(ctx, part, err)
	}
}

// done counts a batch. One that was cut off by the end of ctx waits on.
func (w *Writer) done(ctx context.Context, part []sample, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stats.Err = err
	switch {
	case err == nil:
		w.stats.Sent += uint64(len(part))
	case ctx.Err() != nil:
		w.waiting = append(part, w.waiting...)
	default: // the receiver refuses it, and would again
		w.stats.Dropped += uint64(len(part))
	}
}

func (w *Writer) retried(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stats.Retries++
	w.stats.Err = err
}
