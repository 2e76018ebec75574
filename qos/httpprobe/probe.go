// Package httpprobe asks a health URL and measures the phases of the answer,
// with the names and the meaning of blackbox_exporter.
//
// Each probe goes over a connection of its own. Redirects are not followed
// unless Options says so: a health check that sends one on does not say that
// this instance is well. The proxies of the environment are not used: they
// would measure another path. At most 1 MiB of the body is read; a longer one
// is cut there, which does not fail the probe, and judged by what was read.
package httpprobe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"skysail/qos/probe"
)

const (
	maxBody    = 1 << 20
	maxHeaders = 64 << 10
)

// Result is a probe that was made.
type Result = probe.Result

// Probe asks rawURL until ctx ends. A target that refuses, answers wrongly or
// not in time is a Result without success; an error means that no probe could
// be made, so nothing is known of the target.
func Probe(ctx context.Context, rawURL string, o Options) (Result, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return Result{}, fmt.Errorf("the health URL %q is not an http or https URL with a host", rawURL)
	}
	if o.TLS == nil {
		o.TLS = probe.NewTLS(probe.TLSOptions{RootCAs: o.RootCAs})
	}
	w := walk{o: &o, first: u, address: u.Hostname(), start: time.Now()}
	why, err := w.run(ctx, u)
	end := time.Now()
	if w.last != nil {
		defer w.last.close()
	}
	if err != nil {
		if errors.Is(ctx.Err(), context.Canceled) {
			return Result{}, context.Cause(ctx)
		}
		return Result{}, fmt.Errorf("no probe could be made: %w", err)
	}
	r := Result{Success: why == "", Why: why, Reached: w.reached, Notes: w.notes}
	r.Metrics = w.metrics(r.Success, end)
	return r, nil
}

// walk is one probe: an exchange, and one more for each redirect.
type walk struct {
	o       *Options
	first   *url.URL
	address string // the host that is connected to, for all of them
	start   time.Time
	reached bool
	notes   []string

	last      *exchange
	seen      []string // the URLs of redirects, in order
	phases    [5]time.Duration
	redirects int
	verdict
}

// run follows redirects as far as it may and says what was wrong with the
// answer; empty when nothing was.
func (w *walk) run(ctx context.Context, u *url.URL) (why string, err error) {
	for {
		if w.last != nil {
			w.last.close()
		}
		e := &exchange{o: w.o, url: u, host: w.host(u), address: net.JoinHostPort(w.address, port(u))}
		w.last = e
		err := e.ask(ctx)
		w.reached = w.reached || e.reached
		var next *url.URL
		if err == nil && w.o.Redirects > 0 && isRedirect(e.resp) {
			if next, why = w.next(u, e.resp); next != nil {
				w.phases = add(w.phases, e.phases(time.Now()))
				u = next
				continue
			}
		} else if err == nil {
			err = e.read()
		}
		w.phases = add(w.phases, e.phases(time.Now()))
		switch {
		case err != nil && probe.Unknowable(ctx, err):
			return "", err
		case err != nil:
			return e.fault(ctx, err), nil
		case why != "":
			return why, nil
		}
		return w.judge(e), nil
	}
}

// host is what the Host header of a request for u says.
func (w *walk) host(u *url.URL) string {
	if h := w.o.Header.Get("Host"); h != "" && u == w.first {
		return h
	}
	return u.Host
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}

func add(a, b [5]time.Duration) [5]time.Duration {
	for i := range a {
		a[i] += b[i]
	}
	return a
}

func isRedirect(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return resp.Header.Get("Location") != ""
	}
	return false
}
