package health_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"skysail/internal/sshtest"
	"skysail/qos/health"
	"skysail/qos/internal/probetest"
	"skysail/qos/metric"
	"skysail/qos/probe"
	"skysail/qos/sshclient"
	"skysail/spec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func view(vantage string, success, reached bool, err error) health.View {
	why := "what was wrong"
	if success {
		why = ""
	}
	return health.View{Vantage: vantage, Result: probe.Result{Success: success, Reached: reached, Why: why}, Err: err}
}

func TestJudge(t *testing.T) {
	broken := errors.New("no probe")
	const local, ssh = spec.VantageLocal, spec.VantageSSH
	for _, c := range []struct {
		name  string
		views []health.View
		want  health.State
		says  string
	}{
		{"nothing", nil, health.Unknown, "nothing"},
		{"here well", []health.View{view(local, true, true, nil)}, health.Up, ""},
		{"here wrong", []health.View{view(local, false, true, nil)}, health.Down, "what was wrong"},
		{"here silent", []health.View{view(local, false, false, nil)}, health.Unreachable, "what was wrong"},
		{"here not made", []health.View{view(local, false, false, broken)}, health.Unknown, "no probe"},
		{"there well", []health.View{view(ssh, true, true, nil)}, health.Up, ""},
		{"there wrong", []health.View{view(ssh, false, true, nil)}, health.Down, "what was wrong"},
		{"there silent", []health.View{view(ssh, false, false, nil)}, health.Down, "what was wrong"},
		{"there not made", []health.View{view(ssh, false, false, broken)}, health.Unknown, "no probe"},
		{"both well", []health.View{view(local, true, true, nil), view(ssh, true, true, nil)}, health.Up, ""},
		{"here silent, there well", []health.View{view(local, false, false, nil), view(ssh, true, true, nil)}, health.Unreachable, "answers as it should on the instance"},
		{"here wrong, there well", []health.View{view(local, false, true, nil), view(ssh, true, true, nil)}, health.Down, "from here it does not"},
		{"here well, there wrong", []health.View{view(local, true, true, nil), view(ssh, false, true, nil)}, health.Up, "127.0.0.1"},
		{"both wrong", []health.View{view(local, false, false, nil), view(ssh, false, true, nil)}, health.Down, "on the instance: what was wrong"},
		{"here silent, there not made", []health.View{view(local, false, false, nil), view(ssh, false, false, broken)}, health.Unreachable, "no check could be made"},
		{"here wrong, there not made", []health.View{view(local, false, true, nil), view(ssh, false, false, broken)}, health.Down, "no check could be made"},
		{"here not made, there well", []health.View{view(local, false, false, broken), view(ssh, true, true, nil)}, health.Up, "no check could be made"},
		{"neither made", []health.View{view(local, false, false, broken), view(ssh, false, false, broken)}, health.Unknown, "no probe"},
	} {
		if got, why := health.Judge(c.views); got != c.want || !strings.Contains(why, c.says) || (c.says == "") != (why == "") {
			t.Errorf("%s: %s, %q", c.name, got, why)
		}
	}
}

func TestThresholds(t *testing.T) {
	for _, c := range []struct {
		h           spec.Health
		seen, state string // one letter a look
	}{
		{spec.Health{}, "uduuudddduduu", "uuuuuuudduuuu"},
		{spec.Health{}, "ddduddd", "??duuud"},
		{spec.Health{}, "?d?d?d?u?", "?????dduu"},
		{spec.Health{}, "rrrddrrruu", "??rddrrruu"},
		{spec.Health{SuccessThreshold: 2, FailureThreshold: 1}, "uuduuduu", "?udduddu"},
	} {
		names := map[byte]health.State{'u': health.Up, 'd': health.Down, 'r': health.Unreachable, '?': health.Unknown}
		var r health.Record
		var got strings.Builder
		for i := range len(c.seen) {
			r = r.Next(&c.h, names[c.seen[i]])
			for letter, s := range names {
				if s == r.State {
					got.WriteByte(letter)
				}
			}
		}
		if got.String() != c.state {
			t.Errorf("saw %s: %s, want %s", c.seen, got.String(), c.state)
		}
	}
}

// TestPathsToldApart asks a real service from here and through a real SSH
// server.
func TestPathsToldApart(t *testing.T) {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			w.WriteHeader(500)
		}
	}))
	t.Cleanup(service.Close)
	good, closed := probetest.Port(t, service.Listener.Addr().String()), probetest.Port(t, probetest.Closed(t))
	hole := probetest.Blackhole(t)
	silent := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, hole)
	}
	unreachable := func(context.Context, string, string) (net.Conn, error) { return nil, syscall.ENETUNREACH }
	for name, s := range map[string]*sshtest.Server{"in process": sshtest.Start(t, nil), "OpenSSH": nil} {
		t.Run(name, func(t *testing.T) {
			if s == nil {
				s = sshtest.OpenSSH(t)
			}
			pool := sshclient.NewPool()
			defer func() { _ = pool.Close() }()
			target := sshclient.Target{Addr: s.Addr, User: s.User, HostKey: s.HostKey, KeyFile: s.KeyFile}
			through := func(ctx context.Context, _, addr string) (net.Conn, error) { return pool.Dial(ctx, target, addr) }
			noSSH := func(context.Context, string, string) (net.Conn, error) { return nil, sshclient.ErrUnreachable }
			both := []string{spec.VantageLocal, spec.VantageSSH}
			for _, c := range []struct {
				name    string
				at      health.Place
				path    string
				vantage []string
				want    health.State
				says    string
				probes  int
			}{
				{"well", health.Place{Host: "127.0.0.1", Port: good, Public: true, DialSSH: through}, "/healthz", both, health.Up, "", 2},
				{"wrong", health.Place{Host: "127.0.0.1", Port: good, Public: true, DialSSH: through}, "/", both, health.Down, "status 500", 2},
				{"stopped", health.Place{Host: "127.0.0.1", Port: closed, Public: true, DialSSH: through}, "/", both, health.Down, "on the instance: connection refused", 2},
				{"our path", health.Place{Host: "127.0.0.1", Port: good, Public: true, Dial: silent, DialSSH: through}, "/healthz", both, health.Unreachable, "answers as it should on the instance", 2},
				{"our network", health.Place{Host: "127.0.0.1", Port: good, Public: true, Dial: unreachable, DialSSH: noSSH}, "/healthz", both, health.Unknown, "unreachable", 0},
				{"machine gone", health.Place{Host: "127.0.0.1", Port: good, Public: true, Dial: silent, DialSSH: noSSH}, "/healthz", both, health.Unreachable, "no check could be made", 1},
				{"private", health.Place{Host: "192.0.2.1", Port: good, DialSSH: through}, "/healthz", nil, health.Up, "", 1},
				{"no SSH login", health.Place{Host: "127.0.0.1", Port: good, Public: true}, "/healthz", []string{spec.VantageSSH}, health.Unknown, "no SSH login", 0},
			} {
				h := &spec.Health{Timeout: time.Second, Vantage: c.vantage, HTTP: &spec.HTTPHealth{Port: "http", Path: c.path}}
				if c.want == health.Up {
					h.Timeout = 20 * time.Second
				}
				r, err := health.NewProber().Ask(t.Context(), "a", h, c.at)
				if err != nil {
					t.Fatal(err)
				}
				if r.Seen != c.want || !strings.Contains(r.Why, c.says) {
					t.Errorf("%s: %s, %q", c.name, r.Seen, r.Why)
				}
				probes := 0
				for _, m := range r.Metrics {
					if m.Name == "probe_success" {
						probes++
					}
				}
				if probes != c.probes {
					t.Errorf("%s: %d probes were made", c.name, probes)
				}
			}
		})
	}
}

func TestProberRemembers(t *testing.T) {
	status := http.StatusOK
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer xyz" {
			status = http.StatusUnauthorized
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(service.Close)
	t.Setenv("HEALTH_TOKEN", "Bearer xyz")
	at := health.Place{Host: "127.0.0.1", Port: probetest.Port(t, service.Listener.Addr().String()), Public: true}
	block := func() *spec.Health {
		return &spec.Health{FailureThreshold: 2, HTTP: &spec.HTTPHealth{Port: "http", Path: "/", SecretHeaders: map[string]string{"Authorization": "HEALTH_TOKEN"}}}
	}
	p := health.NewProber()
	ask := func(h *spec.Health, want health.State) {
		t.Helper()
		r, err := p.Ask(t.Context(), "a", h, at)
		if err != nil || r.State != want {
			t.Errorf("%s, %q, %v; want %s", r.State, r.Why, err, want)
		}
		for _, m := range r.State.Metrics() {
			if _, ok := metric.Lookup(m.Name); !ok || m.Value != metric.Bool(m.Labels["state"] == string(want)) {
				t.Errorf("%+v", m)
			}
		}
	}
	ask(block(), health.Up)
	status = http.StatusInternalServerError
	ask(block(), health.Up) // the same block, though another pointer
	ask(block(), health.Down)
	kept, ok := p.Known("a")
	if !ok || kept.State != health.Down || kept.Streak != -2 {
		t.Errorf("%+v", kept)
	}
	p.Forget("a")
	ask(block(), health.Unknown)
	p = health.NewProber()
	p.Restore("a", block(), kept)
	ask(block(), health.Down)
	changed := block()
	changed.HTTP.Status = []string{"500"}
	ask(changed, health.Up)
	changed.HTTP.SecretHeaders["Authorization"] = "HEALTH_TOKEN_NOT_SET"
	r, err := health.NewProber().Ask(t.Context(), "a", changed, at)
	if err != nil || r.Seen != health.Unknown || !strings.Contains(r.Why, "HEALTH_TOKEN_NOT_SET") {
		t.Errorf("%+v, %v", r, err)
	}
	if strings.Contains(fmt.Sprintf("%+v", r), "xyz") {
		t.Error("the secret is in the report")
	}
	if _, err := p.Ask(t.Context(), "b", &spec.Health{}, at); err == nil {
		t.Error("an empty block was asked")
	}
}

func TestKinds(t *testing.T) {
	at := health.Place{Host: "127.0.0.1", Port: probetest.Port(t, probetest.Wire(t, probetest.Say("220 ready\r\n"))), Public: true}
	for want, h := range map[health.State]*spec.Health{
		health.Up:   {TCP: &spec.TCPHealth{Port: "p", Expect: "^220 "}},
		health.Down: {GRPC: &spec.GRPCHealth{Port: "p", TLS: &spec.HealthTLS{MinVersion: "1.3", MinDaysLeft: 7}}},
	} {
		if r, err := health.NewProber().Ask(t.Context(), "a", h, at); err != nil || r.Seen != want {
			t.Errorf("%+v, %v", r, err)
		}
	}
}
