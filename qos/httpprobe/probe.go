// Package httpprobe asks a health URL and measures the phases of the answer,
// with the names and the meaning of blackbox_exporter.
//
// The probe is one GET over a connection of its own. 2xx is success. Redirects
// are not followed: a health check that sends one on does not say that this
// instance is well. The proxies of the environment are not used: they would
// measure another path. At most 1 MiB of the body is read; a longer one is cut
// there and does not fail the probe.
package httpprobe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"syscall"
	"time"

	"skysail/qos/metric"
)

const maxBody = 1 << 20

// Options changes how a probe reaches its target.
type Options struct {
	// Dial is used in place of net.Dialer where it is set.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// RootCAs are used in place of the system's where they are set.
	RootCAs *x509.CertPool
}

// Result is a probe that was made.
type Result struct {
	Success bool
	// Why says what was wrong when Success is false.
	Why     string
	Metrics []metric.Metric
}

// Probe asks rawURL until ctx ends. A target that refuses, answers wrongly or
// not in time is a Result without success; an error means that no probe could
// be made, so nothing is known of the target.
func Probe(ctx context.Context, rawURL string, o Options) (Result, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return Result{}, fmt.Errorf("the health URL %q is not an http or https URL with a host", rawURL)
	}
	var p phases
	ctx = httptrace.WithClientTrace(ctx, p.trace())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, nil)
	if err != nil {
		return Result{}, fmt.Errorf("health request: %w", err)
	}
	req.Header.Set("User-Agent", "skysail-probe")
	dial := o.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			p.dialing()
			defer p.dialed()
			return dial(ctx, network, addr)
		},
		TLSClientConfig:        &tls.Config{RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12},
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: 64 << 10,
	}
	defer transport.CloseIdleConnections()

	start := time.Now()
	// RoundTrip and not a Client: there is nothing to follow or to remember.
	resp, err := transport.RoundTrip(req)
	if err == nil {
		defer func() { _ = resp.Body.Close() }()
		_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, maxBody))
	}
	end := time.Now()
	if err != nil && unknowable(ctx, err) {
		if errors.Is(ctx.Err(), context.Canceled) {
			return Result{}, context.Cause(ctx)
		}
		return Result{}, fmt.Errorf("no probe could be made: %w", err)
	}
	r := Result{Why: why(ctx, resp, err)}
	r.Success = r.Why == ""
	r.Metrics = metrics(r.Success, resp, end.Sub(start), p.times(end))
	return r, nil
}

// unknowable reports errors that say something of this side and nothing of the
// target.
func unknowable(ctx context.Context, err error) bool {
	if errors.Is(ctx.Err(), context.Canceled) {
		return true
	}
	for _, local := range []error{syscall.ENETUNREACH, syscall.ENETDOWN, syscall.EADDRNOTAVAIL, syscall.EMFILE, syscall.ENFILE} {
		if errors.Is(err, local) {
			return true
		}
	}
	return false
}

// why says in words what was wrong, or nothing.
func why(ctx context.Context, resp *http.Response, err error) string {
	var timeout net.Error
	switch {
	case err != nil && (ctx.Err() != nil || (errors.As(err, &timeout) && timeout.Timeout())):
		if resp != nil {
			return fmt.Sprintf("status %d, but the body did not come in time", resp.StatusCode)
		}
		return "no answer in time"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused: nothing listens on the port"
	case errors.Is(err, syscall.ECONNRESET), resp == nil && errors.Is(err, io.EOF):
		return "the connection was closed without an answer"
	case err != nil && resp != nil:
		return fmt.Sprintf("status %d, but the body broke off: %v", resp.StatusCode, err)
	case err != nil:
		return err.Error()
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return fmt.Sprintf("status %d sends on to %q; redirects are not followed, so name the final path in the service file", resp.StatusCode, resp.Header.Get("Location"))
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return fmt.Sprintf("status %d where 2xx is wanted", resp.StatusCode)
	}
	return ""
}

func metrics(success bool, resp *http.Response, took time.Duration, t [5]time.Duration) []metric.Metric {
	status, secure := 0, false
	if resp != nil {
		status, secure = resp.StatusCode, resp.TLS != nil
	}
	out := []metric.Metric{
		metric.One("probe_success", metric.Bool(success)),
		metric.One("probe_duration_seconds", took.Seconds()),
	}
	for i, phase := range phaseNames {
		out = append(out, metric.With("probe_http_duration_seconds", t[i].Seconds(), "phase", phase))
	}
	out = append(out,
		metric.One("probe_http_status_code", float64(status)),
		metric.One("probe_http_ssl", metric.Bool(secure)))
	if secure {
		out = append(out, metric.One("probe_ssl_earliest_cert_expiry", float64(earliestExpiry(resp.TLS).Unix())))
	}
	return out
}

func earliestExpiry(state *tls.ConnectionState) time.Time {
	var first time.Time
	for _, c := range state.PeerCertificates {
		if first.IsZero() || c.NotAfter.Before(first) {
			first = c.NotAfter
		}
	}
	return first
}
