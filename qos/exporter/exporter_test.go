package exporter

import (
	"context"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"skysail/qos"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	remote = qos.Target{Deployment: "echo", Instance: "echo-0", Provider: "vultr", Region: "ewr", Sandbox: true}
	local  = qos.Target{Deployment: "home", Instance: "home-0", Provider: "local"}
	epoch  = time.Unix(1_700_000_000, 0)
)

func sample(t qos.Target, source, name string, value float64, labels ...string) qos.Sample {
	s := qos.Sample{
		Deployment: t.Deployment, Instance: t.Instance, Source: source, Name: name, Value: value,
		Labels: map[string]string{}, ObservedAt: epoch, CollectedAt: epoch,
	}
	for i := 0; i < len(labels); i += 2 {
		s.Labels[labels[i]] = labels[i+1]
	}
	return s
}

func result() qos.Result {
	return qos.Result{
		Samples: []qos.Sample{
			sample(remote, "ssh", "node_cpu_seconds_total", 12.5, "cpu", "0", "mode", "idle"),
			sample(remote, "ssh", "node_memory_MemAvailable_bytes", 1<<30),
			sample(remote, "ssh", "skysail_service_up", 1),
			sample(remote, "ssh", "skysail_service_restarts_total", 2),
			sample(remote, "ssh", "skysail_source_up", 1, "source", "ssh"),
			sample(remote, "ssh", "skysail_source_duration_seconds", 0.25, "source", "ssh"),
			sample(remote, "http", "skysail_source_up", 0, "source", "http"),
			sample(local, "host", "node_load1", 0.5),
			sample(local, "http", "probe_http_duration_seconds", 0.01, "phase", "tls"),
			sample(local, "custom", "somebody_elses", 3, "instance", "theirs"),
			sample(local, "custom", "bad name", 3),
			sample(local, "custom", "bad_label", 3, "not a label", "x"),
			sample(local, "custom", "node_load1", 0.7),
			sample(local, "custom", "odd_value", 1, "text", "a\xffb\"\n"),
		},
		Reports: []qos.Report{
			{Target: remote, Source: "ssh", ObservedAt: epoch},
			{Target: remote, Source: "http", Err: errors.New("refused")},
			{Target: local, Source: "host", ObservedAt: epoch.Add(-time.Second)},
		},
	}
}

// clock is a time that tests move.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time       { return time.Unix(0, c.at.Load()) }
func (c *clock) move(d time.Duration) { c.at.Add(int64(d)) }
func at(t time.Time) *clock           { c := &clock{}; c.at.Store(t.UnixNano()); return c }
func withClock(c *clock) Option       { return func(e *Exporter) { e.now = c.now } }
func always(r qos.Result) Collect     { return func(context.Context) (qos.Result, error) { return r, nil } }

func phases(m map[string]int) Option {
	return WithDeployments(func(context.Context) (map[string]int, error) { return m, nil })
}

func get(t *testing.T, e *Exporter, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	e.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func scrape(t *testing.T, e *Exporter) string {
	t.Helper()
	code, body := get(t, e, "/metrics")
	if code != http.StatusOK {
		t.Fatalf("status %d: %s", code, body)
	}
	return body
}

func TestMetrics(t *testing.T) {
	c := at(epoch)
	e := New(always(result()), withClock(c), WithVersion("1.2.3"), phases(map[string]int{"running": 2, "stuck": 1}))
	e.turn(t.Context())
	c.move(2500 * time.Millisecond)
	got := regexp.MustCompile(`goversion="[^"]*"|revision="[^"]*"`).ReplaceAllStringFunc(scrape(t, e), func(s string) string {
		return s[:strings.IndexByte(s, '=')] + `="…"`
	})
	const path = "testdata/metrics.golden"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if strings.Contains(got, " 17000000") && regexp.MustCompile(`(?m)^[^#]*\} \S+ \d{10,}$`).MatchString(got) {
		t.Error("a sample has a timestamp")
	}
}

func TestLint(t *testing.T) {
	e := New(always(result()), phases(map[string]int{"running": 1}))
	e.turn(t.Context())
	families, err := e.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var ours []string
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "skysail_") {
			ours = append(ours, f.GetName())
		}
	}
	if len(ours) < 9 {
		t.Errorf("only %q", ours)
	}
	problems, err := testutil.GatherAndLint(e.registry, ours...)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}

func TestScrapeDoesNotCollect(t *testing.T) {
	var n atomic.Int32
	e := New(func(context.Context) (qos.Result, error) { n.Add(1); return result(), nil })
	if body := scrape(t, e); strings.Contains(body, "node_load1") || n.Load() != 0 {
		t.Error("the scrape collected")
	}
	e.turn(t.Context())
	for range 3 {
		scrape(t, e)
	}
	if n.Load() != 1 {
		t.Errorf("%d collections", n.Load())
	}
}

func TestStaleDataIsNotServed(t *testing.T) {
	c := at(epoch)
	fail := false
	e := New(func(context.Context) (qos.Result, error) {
		if fail {
			return qos.Result{}, errors.New("the store is locked")
		}
		return result(), nil
	}, withClock(c), WithInterval(30*time.Second), phases(map[string]int{"running": 1}))
	if code, _ := get(t, e, "/healthz"); code != http.StatusOK {
		t.Error("not well before there was time to collect")
	}
	e.turn(t.Context())
	fail = true
	c.move(time.Minute)
	e.turn(t.Context())
	if body := scrape(t, e); !strings.Contains(body, "node_load1{") || !strings.Contains(body, `skysail_collections_total{result="error"} 1`) {
		t.Errorf("after one failure:\n%s", body)
	}
	if code, body := get(t, e, "/healthz"); code != http.StatusOK || body != "ok\n" {
		t.Errorf("%d %s", code, body)
	}
	c.move(31 * time.Second)
	body := scrape(t, e)
	if strings.Contains(body, "node_load1{") || strings.Contains(body, "skysail_deployments{") || strings.Contains(body, "skysail_source_up{") {
		t.Errorf("old data is served as if it were new:\n%s", body)
	}
	if !strings.Contains(body, `skysail_source_age_seconds{deployment="echo",instance="echo-0",provider="vultr",region="ewr",sandbox="true",source="ssh"} 91`) {
		t.Errorf("its age is not told:\n%s", body)
	}
	code, text := get(t, e, "/healthz")
	if code != http.StatusServiceUnavailable || !strings.Contains(text, "the store is locked") {
		t.Errorf("%d %s", code, text)
	}
}

func TestAgeGoesOnWhenASourceFails(t *testing.T) {
	c := at(epoch)
	r := result()
	e := New(func(context.Context) (qos.Result, error) { return r, nil }, withClock(c))
	e.turn(t.Context())
	c.move(10 * time.Second)
	r = qos.Result{Reports: []qos.Report{{Target: remote, Source: "ssh", Err: errors.New("timeout")}}}
	e.turn(t.Context())
	body := scrape(t, e)
	if !strings.Contains(body, `source="ssh"} 10`) {
		t.Errorf("the age of what was read last is not told:\n%s", body)
	}
	if strings.Contains(body, `instance="home-0"`) {
		t.Errorf("a target that is gone is still there:\n%s", body)
	}
}

func TestCountingFailsAlone(t *testing.T) {
	e := New(always(result()), WithDeployments(func(context.Context) (map[string]int, error) { return nil, errors.New("no") }))
	e.turn(t.Context())
	if body := scrape(t, e); !strings.Contains(body, "node_load1{") || !strings.Contains(body, `skysail_collections_total{result="error"} 1`) {
		t.Errorf("%s", body)
	}
}

func TestServe(t *testing.T) {
	var n atomic.Int32
	e := New(func(context.Context) (qos.Result, error) { n.Add(1); return result(), nil }, WithInterval(10*time.Millisecond))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Serve(ctx, l) }()
	for deadline := time.Now().Add(10 * time.Second); n.Load() < 4; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not collect again")
		}
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	for path, want := range map[string]string{"/metrics": "node_load1{", "/healthz": "ok", "/": "/metrics"} {
		resp, err := client.Get("http://" + l.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	// A listener that breaks ends it, too.
	l, err = net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if err := e.Serve(t.Context(), l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestRunEndsInTheMiddle(t *testing.T) {
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	e := New(func(ctx context.Context) (qos.Result, error) {
		cancel(stop)
		<-ctx.Done()
		return qos.Result{}, ctx.Err()
	})
	if err := e.Run(ctx); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	if e.failed != 0 {
		t.Error("the end was counted as a failure")
	}
}
