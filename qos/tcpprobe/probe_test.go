package tcpprobe_test

import (
	"context"
	"crypto/tls"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"skysail/qos/internal/probetest"
	"skysail/qos/metric"
	"skysail/qos/probe"
	"skysail/qos/tcpprobe"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestProbe(t *testing.T) {
	re := regexp.MustCompile
	ca := probetest.NewCA(t)
	config := &tls.Config{Certificates: []tls.Certificate{ca.Leaf(time.Now().Add(72*time.Hour), "127.0.0.1")}}
	pong := func(c net.Conn) {
		b := make([]byte, 6)
		if n, _ := c.Read(b); string(b[:n]) == "PING\r\n" {
			_, _ = c.Write([]byte("+PONG\r\n"))
		}
		probetest.Hold(c)
	}
	trust := probe.NewTLS(probe.TLSOptions{RootCAs: ca.Pool()})
	for _, c := range []struct {
		name    string
		serve   func(net.Conn)
		o       tcpprobe.Options
		why     string
		regex   float64 // -1: not told
		timeout bool
	}{
		{"connects", probetest.Hold, tcpprobe.Options{}, "", -1, false},
		{"banner", probetest.Say("220 ready\r\n"), tcpprobe.Options{Expect: re("^220 ")}, "", 0, false},
		{"banner a byte at a time", probetest.Drip("220 ready", time.Millisecond), tcpprobe.Options{Expect: re("^220 ready$")}, "", 0, false},
		{"asked", pong, tcpprobe.Options{Send: []byte("PING\r\n"), Expect: re(`^\+PONG`)}, "", 0, false},
		{"asked wrongly", pong, tcpprobe.Options{Send: []byte("QUIT\r\n"), Expect: re(`^\+PONG`)}, "no answer in time that matches", 0, true},
		{"another banner", func(c net.Conn) { _, _ = c.Write([]byte("\x00SSH")) }, tcpprobe.Options{Expect: re("^220 ")}, `does not match "^220 ": there came "\x00SSH"`, 1, false},
		{"endless", probetest.Endless("", strings.Repeat("x", 8<<10)), tcpprobe.Options{Expect: re("y")}, `does not match "y"`, 1, false},
		{"drips for ever", probetest.Drip(strings.Repeat("x", 100000), time.Millisecond), tcpprobe.Options{Expect: re("y")}, "no answer in time", 0, true},
		{"silence", probetest.Hold, tcpprobe.Options{Expect: re("y")}, "nothing came", 0, true},
		{"hangs up", func(net.Conn) {}, tcpprobe.Options{Expect: re("y")}, "closed without an answer", 0, false},
		{"TLS", probetest.Secure(config, pong), tcpprobe.Options{TLS: trust, Send: []byte("PING\r\n"), Expect: re("PONG")}, "", 0, false},
		{"TLS that ends soon", probetest.Secure(config, probetest.Hold), tcpprobe.Options{TLS: trust, MinCertificate: 100 * time.Hour}, "a certificate ends at", -1, false},
		{"TLS of nobody", probetest.Secure(config, probetest.Hold), tcpprobe.Options{TLS: probe.NewTLS(probe.TLSOptions{})}, "not trusted here", -1, false},
		{"no TLS", probetest.Say("220 ready\r\n"), tcpprobe.Options{TLS: trust}, "does not speak TLS", -1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := 20 * time.Second
			if c.timeout {
				d = 400 * time.Millisecond
			}
			r, v := ask(t, d, probetest.Wire(t, c.serve), c.o)
			if r.Success != (c.why == "") || !strings.Contains(r.Why, c.why) || !r.Reached {
				t.Errorf("%+v", r)
			}
			if got, told := v["probe_failed_due_to_regex"]; told != (c.regex >= 0) || told && got != c.regex {
				t.Errorf("probe_failed_due_to_regex %v, told %v", got, told)
			}
			if _, told := v["probe_ssl_earliest_cert_expiry"]; told != (c.o.TLS != nil && c.name != "no TLS") {
				t.Errorf("expiry told: %v", told)
			}
		})
	}
}

func TestNotReached(t *testing.T) {
	if r, _ := ask(t, 20*time.Second, probetest.Closed(t), tcpprobe.Options{}); r.Success || !r.Reached || !strings.Contains(r.Why, "refused") {
		t.Errorf("%+v", r)
	}
	if r, _ := ask(t, 400*time.Millisecond, probetest.Blackhole(t), tcpprobe.Options{}); r.Success || r.Reached || !strings.Contains(r.Why, "nothing accepted") {
		t.Errorf("%+v", r)
	}
	for _, addr := range []string{"", "host", ":80"} {
		if _, err := tcpprobe.Probe(t.Context(), addr, tcpprobe.Options{}); err == nil {
			t.Errorf("%q was probed", addr)
		}
	}
	local := &probe.LocalError{Err: net.ErrClosed}
	o := tcpprobe.Options{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, local }}
	if r, err := tcpprobe.Probe(t.Context(), "127.0.0.1:1", o); err == nil || len(r.Metrics) > 0 {
		t.Errorf("%+v", r)
	}
}

func ask(t *testing.T, d time.Duration, addr string, o tcpprobe.Options) (tcpprobe.Result, map[string]float64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	r, err := tcpprobe.Probe(ctx, addr, o)
	if err != nil {
		t.Fatal(err)
	}
	v := map[string]float64{}
	for _, m := range r.Metrics {
		if _, ok := metric.Lookup(m.Name); !ok {
			t.Errorf("%s is not in the table of names", m.Name)
		}
		v[m.Name] = m.Value
	}
	if v["probe_success"] != metric.Bool(r.Success) {
		t.Errorf("%v", v)
	}
	return r, v
}
