package qos_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"skysail/internal/sshtest"
	"skysail/qos"
	"skysail/qos/internal/probetest"
	"skysail/spec"
)

// TestServiceMetrics reads the real client library, from here and through SSH.
func TestServiceMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	jobs := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "jobs_total", Help: "Jobs."}, []string{"kind"})
	judge := prometheus.NewGauge(prometheus.GaugeOpts{Name: "probe_success", Help: "All is well."})
	reg.MustRegister(jobs, judge)
	jobs.WithLabelValues("a").Add(3)
	jobs.WithLabelValues("b").Add(4)
	service := httptest.NewServer(promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	t.Cleanup(service.Close)
	port := probetest.Port(t, service.Listener.Addr().String())
	machine := remote(sshtest.Start(t, nil))
	for _, c := range []struct {
		name, address string
		public        bool
		limit         int
		jobs          int
	}{
		{"public", "127.0.0.1", true, 0, 2},
		{"through SSH", "192.0.2.1", false, 0, 2},
		{"limited", "127.0.0.1", true, 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			tg := machine
			tg.Address, tg.MetricsPort = c.address, qos.HealthPort{Number: port, Public: c.public}
			tg.Metrics = &spec.Metrics{Port: "metrics", Path: "/metrics", Limit: c.limit}
			r := qos.NewCollector(qos.Options{Sources: []string{qos.SourceMetrics}}).Collect(within(t, 20*time.Second), []qos.Target{tg})
			rep := report(t, r, qos.SourceMetrics)
			if rep.Err != nil || up(t, r, qos.SourceMetrics) != 1 {
				t.Fatal(rep.Err)
			}
			if n := len(byName(r, "jobs_total")); n != c.jobs {
				t.Errorf("%d series of jobs_total", n)
			}
			if len(rep.Families) != 1 || rep.Families[0].GetHelp() != "Jobs." || len(rep.Families[0].Metric) != c.jobs {
				t.Errorf("%+v", rep.Families)
			}
			dropped := map[string]float64{}
			for _, s := range byName(r, "skysail_service_series_dropped") {
				dropped[s.Labels["reason"]] = s.Value
			}
			if dropped["reserved"] != 1 || dropped["limit"] != float64(2-c.jobs) || one(t, r, "skysail_service_series").Value != float64(c.jobs) {
				t.Errorf("dropped %v", dropped)
			}
			if len(byName(r, "probe_success")) != 0 {
				t.Error("a service says of itself that its health check passes")
			}
			if c.limit > 0 && !strings.Contains(r.Detail(tg.Instance, qos.SourceMetrics), "raise it in the metrics block") {
				t.Errorf("%q", r.Detail(tg.Instance, qos.SourceMetrics))
			}
		})
	}
}

// TestServiceMetricsUnread: what can not be read is unknown, with a reason.
func TestServiceMetricsUnread(t *testing.T) {
	machine := remote(sshtest.Start(t, nil))
	machine.Metrics = &spec.Metrics{Port: "metrics", Path: "/metrics"}
	machine.Address, machine.MetricsPort = "192.0.2.1", qos.HealthPort{Number: probetest.Port(t, probetest.Closed(t))}
	c := qos.NewCollector(qos.Options{Sources: []string{qos.SourceMetrics}})
	r := c.Collect(within(t, 20*time.Second), []qos.Target{machine})
	rep := report(t, r, qos.SourceMetrics)
	if rep.Err == nil || up(t, r, qos.SourceMetrics) != 0 || len(r.Samples) != 2 || rep.Families != nil || !strings.Contains(rep.Err.Error(), "does the service listen there") {
		t.Errorf("%v, %d samples", rep.Err, len(r.Samples))
	}
	private := machine
	private.SSH = nil
	if r := c.Collect(t.Context(), []qos.Target{private}); len(r.Reports) != 0 {
		t.Errorf("a private port without SSH was asked: %+v", r.Reports)
	}
	service := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(service.Close)
	machine.Address, machine.MetricsPort = "127.0.0.1", qos.HealthPort{Number: probetest.Port(t, service.Listener.Addr().String()), Public: true}
	r = c.Collect(within(t, 20*time.Second), []qos.Target{machine})
	if rep := report(t, r, qos.SourceMetrics); rep.Err == nil || !strings.Contains(rep.Err.Error(), "did not answer 200 but 404") {
		t.Errorf("%v", rep.Err)
	}
}
