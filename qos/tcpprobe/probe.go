// Package tcpprobe connects to a TCP port, over TLS where that is wanted, and
// may say something and wait for an answer. Metrics have the names and the
// meaning of blackbox_exporter.
package tcpprobe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"time"

	"skysail/qos/metric"
	"skysail/qos/probe"
)

// maxAnswer is how much of an answer is read, in bytes.
const maxAnswer = 64 << 10

// Options says how a port is reached and what it must answer; the zero value
// wants a connection and no more. They are read only and may be used for many
// probes, side by side.
type Options struct {
	// Dial is used in place of net.Dialer where it is set.
	Dial probe.DialFunc
	// TLS, where it is set, is spoken from the first byte on.
	TLS *probe.TLS
	// Send is sent once the connection stands.
	Send []byte
	// Expect must match what comes then, or first when nothing is sent. At most
	// 64 KiB are read.
	Expect *regexp.Regexp
	// MinCertificate is how much longer the certificates must be valid.
	MinCertificate time.Duration
}

// Result is a probe that was made.
type Result = probe.Result

// Probe connects to addr, which is host:port, until ctx ends. A target that
// refuses, answers wrongly or not in time is a Result without success; an
// error means that no probe could be made, so nothing is known of the target.
func Probe(ctx context.Context, addr string, o Options) (Result, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil || host == "" {
		return Result{}, fmt.Errorf("the address %q is not host:port", addr)
	}
	c, err := probe.Connect(ctx, o.Dial, addr, o.TLS, host)
	r := Result{Reached: !c.Times.Connected.IsZero() || probe.Reached(err)}
	var heard []byte
	if err == nil {
		defer func() { _ = c.Close() }()
		if heard, err = o.talk(c); err != nil {
			r.Why = o.why(ctx, c, heard, err)
		} else {
			r.Why = probe.ExpiresWithin(c, o.MinCertificate)
		}
	} else {
		r.Why = probe.ConnectFault(ctx, c, err)
	}
	end := time.Now()
	if err != nil && probe.Unknowable(ctx, err) {
		if errors.Is(ctx.Err(), context.Canceled) {
			return Result{}, context.Cause(ctx)
		}
		return Result{}, fmt.Errorf("no probe could be made: %w", err)
	}
	r.Success = r.Why == ""
	r.Metrics = append(r.Metrics,
		metric.One(metric.ProbeSuccess, metric.Bool(r.Success)),
		metric.One(metric.ProbeDuration, end.Sub(c.Times.Start).Seconds()))
	if o.Expect != nil {
		r.Metrics = append(r.Metrics, metric.One("probe_failed_due_to_regex", metric.Bool(errors.Is(err, errNoMatch))))
	}
	r.Metrics = append(r.Metrics, probe.AddressMetrics(c, c.Times.Resolve(end))...)
	if o.TLS != nil {
		r.Metrics = append(r.Metrics, o.TLS.Metrics(c, host)...)
	}
	return r, nil
}

var errNoMatch = errors.New("the answer does not match")

// talk says what is to be said and reads until the answer matches.
func (o *Options) talk(c *probe.Conn) (heard []byte, err error) {
	if len(o.Send) > 0 {
		if _, err := c.Write(o.Send); err != nil {
			return nil, err
		}
	}
	if o.Expect == nil {
		return nil, nil
	}
	// It grows as it is filled: most answers are a line.
	heard = make([]byte, 0, 512)
	for checked := 0; ; {
		if len(heard) == cap(heard) {
			if cap(heard) >= maxAnswer {
				return heard, errNoMatch
			}
			heard = append(make([]byte, 0, min(2*cap(heard), maxAnswer)), heard...)
		}
		n, err := c.Read(heard[len(heard):cap(heard)])
		heard = heard[:len(heard)+n]
		// A byte at a time must not be matched from the start for each byte.
		if done := err != nil; done || len(heard) < 512 || len(heard) >= checked+checked/8 {
			checked = len(heard)
			if o.Expect.Match(heard) {
				return heard, nil
			}
		}
		switch {
		case errors.Is(err, io.EOF) && len(heard) > 0:
			return heard, errNoMatch
		case err != nil:
			return heard, err
		}
	}
}

func (o *Options) why(ctx context.Context, c *probe.Conn, heard []byte, err error) string {
	shown := "nothing came"
	if len(heard) > 0 {
		shown = "there came " + probe.Excerpt(heard)
	}
	switch {
	case probe.TimedOut(ctx, err):
		if o.Expect == nil {
			return "no answer in time: the connection was accepted, but nothing could be sent"
		}
		return fmt.Sprintf("no answer in time that matches %s: %s", probe.Excerpt([]byte(o.Expect.String())), shown)
	case errors.Is(err, errNoMatch):
		return fmt.Sprintf("the answer does not match %s: %s", probe.Excerpt([]byte(o.Expect.String())), shown)
	}
	return c.Fault(err)
}
