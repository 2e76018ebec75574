package qos_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"skysail/internal/sshtest"
	"skysail/qos"
	checks "skysail/qos/health"
	"skysail/qos/internal/probetest"
	"skysail/spec"
)

// TestHealthBlocks collects targets whose health block says how to ask.
func TestHealthBlocks(t *testing.T) {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(service.Close)
	addr := service.Listener.Addr().String()
	machine := remote(sshtest.Start(t, nil))
	byHTTP := &spec.Health{HTTP: &spec.HTTPHealth{Port: "http", Path: "/healthz"}}
	public, private := qos.HealthPort{Number: probetest.Port(t, addr), Public: true}, qos.HealthPort{Number: probetest.Port(t, addr)}
	for _, c := range []struct {
		name    string
		h       *spec.Health
		url     string
		address string
		port    qos.HealthPort
		source  string
		vantage string
		success float64
	}{
		{"the URL has host and port", byHTTP, "http://" + addr + "/other", "192.0.2.1", qos.HealthPort{Number: 1}, "http", "", 1},
		{"a private port", byHTTP, "", "192.0.2.1", private, "http", "ssh", 1},
		{"a path that is not there", &spec.Health{HTTP: &spec.HTTPHealth{Path: "/"}}, "http://" + addr, "", public, "http", "", 0},
		{"TCP", &spec.Health{TCP: &spec.TCPHealth{}}, "", "127.0.0.1", public, "tcp", "", 1},
		{"TCP, private", &spec.Health{TCP: &spec.TCPHealth{}}, "", "192.0.2.1", private, "tcp", "ssh", 1},
		{"gRPC", &spec.Health{GRPC: &spec.GRPCHealth{}}, "", "127.0.0.1", public, "grpc", "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			tg := machine
			tg.Health, tg.HealthURL, tg.Address, tg.HealthPort = c.h, c.url, c.address, c.port
			r := qos.NewCollector(qos.Options{Sources: qos.HealthSources()}).Collect(within(t, 20*time.Second), []qos.Target{tg})
			if len(r.Reports) != 1 || r.Reports[0].Source != c.source || r.Reports[0].Err != nil {
				t.Fatalf("%+v", r.Reports)
			}
			s := one(t, r, "probe_success")
			if s.Value != c.success || s.Labels["vantage"] != c.vantage || s.Source != c.source {
				t.Errorf("%+v", s)
			}
			if (r.Detail(tg.Instance, c.source) == "") != (c.success == 1) {
				t.Errorf("detail %q", r.Detail(tg.Instance, c.source))
			}
			if len(byName(r, "skysail_health_state")) > 0 {
				t.Error("a single look told a state that thresholds decide")
			}
		})
	}
	tg := machine
	tg.SSH, tg.Health, tg.Address, tg.HealthPort = nil, byHTTP, "192.0.2.1", private
	if r := qos.NewCollector(qos.Options{Sources: qos.HealthSources()}).Collect(t.Context(), []qos.Target{tg}); len(r.Reports) > 0 {
		t.Errorf("a private port without SSH was asked: %+v", r.Reports)
	}
}

// TestHealthState follows a service over several collections of a loop.
func TestHealthState(t *testing.T) {
	tg := remote(sshtest.Start(t, nil))
	tg.Address, tg.HealthPort = "127.0.0.1", qos.HealthPort{Number: probetest.Port(t, probetest.Closed(t)), Public: true}
	tg.Health = &spec.Health{FailureThreshold: 2, Vantage: []string{"local", "ssh"}, TCP: &spec.TCPHealth{}}
	c := qos.NewCollector(qos.Options{Sources: []string{qos.SourceTCP}, Health: checks.NewProber()})
	for _, want := range []string{"unknown", "down", "down"} {
		r := c.Collect(within(t, 20*time.Second), []qos.Target{tg})
		for _, s := range byName(r, "skysail_health_state") {
			if (s.Value == 1) != (s.Labels["state"] == want) {
				t.Errorf("want %s: %v is %v", want, s.Labels, s.Value)
			}
		}
		if n := len(byName(r, "probe_success")); n != 2 {
			t.Errorf("%d probes from two vantages", n)
		}
		if d := r.Detail(tg.Instance, "tcp"); !strings.Contains(d, "on the instance: connection refused") {
			t.Errorf("%q", d)
		}
	}
	gone := tg
	gone.SSH = &qos.SSHTarget{Addr: probetest.Closed(t), User: "x", HostKey: tg.SSH.HostKey, KeyFile: tg.SSH.KeyFile}
	gone.Health = &spec.Health{Vantage: []string{"ssh"}, TCP: &spec.TCPHealth{}}
	r := c.Collect(within(t, 20*time.Second), []qos.Target{gone})
	if up(t, r, "tcp") != 0 || len(byName(r, "probe_success")) > 0 {
		t.Errorf("what could not be asked is no failure: %+v", r.Reports)
	}
}
