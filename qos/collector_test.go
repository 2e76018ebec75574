package qos_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"skysail/internal/sshtest"
	"skysail/policies"
	"skysail/qos"
	"skysail/qos/metric"
	"skysail/qos/sshclient"
)

// withSystemctl makes a folder with a systemctl that answers show.
func withSystemctl(t *testing.T, state, restarts string) string {
	t.Helper()
	dir := t.TempDir()
	script := "#!/bin/sh\ncase \"$*\" in \"show -p LoadState -p ActiveState -p NRestarts " + unit + "\") ;; *) exit 1;; esac\n" +
		"echo LoadState=loaded; echo ActiveState=" + state + "; echo NRestarts=" + restarts + "\n"
	if err := os.WriteFile(filepath.Join(dir, "systemctl"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func health(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func ok(http.ResponseWriter, *http.Request) {}

func TestCollectRemote(t *testing.T) {
	tg := remote(sshtest.Start(t, sshtest.Shell(withSystemctl(t, "active", "3"))))
	tg.HealthURL = health(t, ok)
	before := time.Now()
	r := qos.NewCollector(qos.Options{}).Collect(within(t, 20*time.Second), []qos.Target{tg})
	for _, rep := range r.Reports {
		if rep.Err != nil || rep.ObservedAt.Before(before) {
			t.Errorf("%s: %v, observed %v", rep.Source, rep.Err, rep.ObservedAt)
		}
	}
	want := map[string]float64{"skysail_service_up": 1, "skysail_service_restarts_total": 3, "probe_success": 1, "probe_http_status_code": 200}
	for name, v := range want {
		if s := one(t, r, name); s.Value != v {
			t.Errorf("%s is %v, want %v", name, s.Value, v)
		}
	}
	if up(t, r, "ssh") != 1 || up(t, r, "http") != 1 || len(byName(r, "skysail_source_duration_seconds")) != 2 {
		t.Error("the sources are not up")
	}
	load := one(t, r, "node_load1")
	if load.Deployment != "echo" || load.Instance != "echo-0" || load.Source != "ssh" || load.CollectedAt.Before(load.ObservedAt) {
		t.Errorf("%+v", load)
	}
	if runtime.GOOS == "linux" && len(byName(r, "node_cpu_seconds_total")) < 8 {
		t.Error("no CPU time")
	}
	for _, s := range r.Samples {
		if s.Source == qos.SourceSSH && !s.CollectedAt.Equal(load.CollectedAt) {
			t.Errorf("%s was collected at another time than the rest of its reading", s.Name)
		}
	}
}

func TestCollectOpenSSH(t *testing.T) {
	tg := remote(sshtest.OpenSSH(t))
	r := qos.NewCollector(qos.Options{}).Collect(within(t, 20*time.Second), []qos.Target{tg})
	if rep := report(t, r, "ssh"); rep.Err != nil {
		t.Fatal(rep.Err)
	}
	one(t, r, "node_load1")
}

func TestOneFailingSourceLeavesTheOthers(t *testing.T) {
	for _, c := range []struct {
		name string
		ssh  func(t *testing.T) *sshtest.Server
		is   error
	}{
		{"refused", func(t *testing.T) *sshtest.Server { s := sshtest.Start(t, nil); s.Close(); return s }, sshclient.ErrRefused},
		{"wrong host key", func(t *testing.T) *sshtest.Server {
			s := sshtest.Start(t, nil)
			s.HostKey = sshtest.NewKey(t).Public
			return s
		}, sshclient.ErrHostKey},
		{"hangs", func(t *testing.T) *sshtest.Server {
			return sshtest.Start(t, sshtest.Shell(hangingShell(t)))
		}, sshclient.ErrTimeout},
	} {
		t.Run(c.name, func(t *testing.T) {
			tg := remote(c.ssh(t))
			tg.HealthURL = health(t, ok)
			r := qos.NewCollector(qos.Options{Timeout: time.Second}).Collect(within(t, 20*time.Second), []qos.Target{tg})
			if rep := report(t, r, "ssh"); !errors.Is(rep.Err, c.is) || !rep.ObservedAt.IsZero() {
				t.Errorf("got %v", rep.Err)
			}
			if up(t, r, "ssh") != 0 || up(t, r, "http") != 1 {
				t.Error("the wrong source is up")
			}
			if one(t, r, "probe_success").Value != 1 {
				t.Error("the health check was lost")
			}
			// Unknown, not down.
			for _, name := range []string{"skysail_service_up", "node_load1"} {
				if len(byName(r, name)) > 0 {
					t.Errorf("%s was made up", name)
				}
			}
		})
	}
}

// hangingShell has a date that never returns.
func hangingShell(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "date"), []byte("#!/bin/sh\nexec sleep 60\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFailedProbeIsAnAnswer(t *testing.T) {
	tg := qos.Target{Instance: "x", HealthURL: health(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })}
	r := qos.NewCollector(qos.Options{}).Collect(t.Context(), []qos.Target{tg})
	rep := report(t, r, "http")
	if rep.Err != nil || up(t, r, "http") != 1 || one(t, r, "probe_success").Value != 0 {
		t.Errorf("%+v", rep)
	}
	if len(rep.Notes) != 1 || !strings.Contains(rep.Notes[0], "status 503") {
		t.Errorf("notes %q", rep.Notes)
	}
}

func TestCollectLocal(t *testing.T) {
	tg := qos.Target{
		Instance: "echo-0", Provider: policies.Local,
		State: func(context.Context) (bool, int, error) { return true, 2, nil },
	}
	r := qos.NewCollector(qos.Options{}).Collect(within(t, 20*time.Second), []qos.Target{tg})
	if one(t, r, "skysail_service_up").Value != 1 || one(t, r, "skysail_service_restarts_total").Value != 2 {
		t.Error("the service's state is wrong")
	}
	if s := one(t, r, "node_load1"); s.Source != "host" {
		t.Errorf("%+v", s)
	}
	if runtime.GOOS == "darwin" {
		if n := report(t, r, "host").Notes; len(n) != 1 || !strings.Contains(n[0], "CPU time") {
			t.Errorf("macOS does not tell everything, and the notes are %q", n)
		}
	}
	tg.State = func(context.Context) (bool, int, error) { return false, 0, errors.New("no status file") }
	r = qos.NewCollector(qos.Options{}).Collect(within(t, 20*time.Second), []qos.Target{tg})
	if len(byName(r, "skysail_service_up")) > 0 || up(t, r, "service") != 0 || up(t, r, "host") != 1 {
		t.Error("a state that is not known was made up")
	}
}

func TestNoSource(t *testing.T) {
	r := qos.NewCollector(qos.Options{}).Collect(t.Context(), []qos.Target{{Instance: "x", Provider: "kubernetes"}})
	if len(r.Samples) > 0 || len(r.Reports) != 1 || !errors.Is(r.Reports[0].Err, qos.ErrNoSource) {
		t.Errorf("%+v", r)
	}
}

type stub struct {
	name string
	read func(ctx context.Context) (qos.Reading, error)
}

func (s stub) Name() string            { return s.name }
func (s stub) Applies(qos.Target) bool { return true }
func (s stub) Read(ctx context.Context, _ qos.Target) (qos.Reading, error) {
	return s.read(ctx)
}

func TestSourceThatIgnoresItsDeadline(t *testing.T) {
	free := make(chan struct{})
	t.Cleanup(func() { close(free) })
	stuck := stub{"stuck", func(context.Context) (qos.Reading, error) { <-free; return qos.Reading{}, nil }}
	good := stub{"good", func(context.Context) (qos.Reading, error) {
		return qos.Reading{Metrics: []metric.Metric{metric.One("a", 1), metric.One("b", math.NaN()), metric.One("c", math.Inf(1))}}, nil
	}}
	start := time.Now()
	r := qos.NewCollector(qos.Options{More: []qos.Source{stuck, good}, Timeout: 50 * time.Millisecond}).Collect(t.Context(), []qos.Target{{Instance: "x"}})
	if d := time.Since(start); d > 8*time.Second {
		t.Errorf("it took %v", d)
	}
	if rep := report(t, r, "stuck"); !errors.Is(rep.Err, context.DeadlineExceeded) {
		t.Errorf("got %v", rep.Err)
	}
	if one(t, r, "a").Value != 1 || len(byName(r, "b"))+len(byName(r, "c")) > 0 || len(report(t, r, "good").Notes) != 2 {
		t.Errorf("%+v", r)
	}
	if _, err := json.Marshal(r); err != nil {
		t.Errorf("the result cannot be written as JSON: %v", err)
	}
}

func TestOrderAndConcurrency(t *testing.T) {
	var now, most atomic.Int32
	count := stub{"count", func(context.Context) (qos.Reading, error) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			continue
		}
		time.Sleep(10 * time.Millisecond)
		return qos.Reading{}, nil
	}}
	targets := make([]qos.Target, 12)
	for i := range targets {
		targets[i].Instance = string(rune('a' + i))
	}
	r := qos.NewCollector(qos.Options{More: []qos.Source{count}, Concurrency: 3}).Collect(t.Context(), targets)
	for i, rep := range r.Reports {
		if rep.Instance != targets[i].Instance {
			t.Errorf("report %d is of %s", i, rep.Instance)
		}
	}
	if n := most.Load(); len(r.Reports) != 12 || n > 3 || n < 2 {
		t.Errorf("%d reports, %d targets at once", len(r.Reports), n)
	}
}

func TestCancelledCollectionSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errStop)
	r := qos.NewCollector(qos.Options{}).Collect(ctx, []qos.Target{{Instance: "x", HealthURL: health(t, ok)}})
	if rep := report(t, r, "http"); !errors.Is(rep.Err, errStop) || len(byName(r, "probe_success")) > 0 {
		t.Errorf("%+v", r)
	}
}

func TestPoolIsUsed(t *testing.T) {
	var logins atomic.Int32
	s := sshtest.Start(t, sshtest.Shell(withSystemctl(t, "active", "0")))
	tg := remote(s)
	tg.Dial = countDials(&logins)
	pool := sshclient.NewPool()
	defer func() { _ = pool.Close() }()
	c := qos.NewCollector(qos.Options{Connections: pool})
	for range 3 {
		if r := c.Collect(within(t, 20*time.Second), []qos.Target{tg}); up(t, r, "ssh") != 1 {
			t.Fatal(report(t, r, "ssh").Err)
		}
	}
	if n := logins.Load(); n != 1 {
		t.Errorf("%d logins for three collections", n)
	}
}

func TestChosenSources(t *testing.T) {
	tg := remote(sshtest.Start(t, nil))
	tg.HealthURL = health(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	r := qos.NewCollector(qos.Options{Sources: []string{qos.SourceHTTP}}).Collect(t.Context(), []qos.Target{tg, {Instance: "without"}})
	if len(r.Reports) != 1 || r.Detail("echo-0", qos.SourceHTTP) != "status 500 where 2xx is wanted" || r.Detail("echo-0", "ssh") != "" {
		t.Errorf("%+v", r.Reports)
	}
	r.Reports[0].Err = errStop
	if r.Detail("echo-0", qos.SourceHTTP) != errStop.Error() {
		t.Error("the reason of a failure is not the detail")
	}
}

func TestReportJSON(t *testing.T) {
	tg := remote(&sshtest.Server{Addr: "192.0.2.1:22", KeyFile: "/private/key"})
	text, err := json.Marshal(qos.Report{Target: tg, Source: "ssh", Err: errStop, Duration: 1500 * time.Millisecond, Notes: []string{"n"}})
	want := `{"deployment":"echo","instance":"echo-0","source":"ssh","up":false,"error":"the test has what it wants","duration_seconds":1.5,"notes":["n"]}`
	if err != nil || string(text) != want {
		t.Errorf("%s, %v", text, err)
	}
}

func TestRunAndWaitReady(t *testing.T) {
	tg := remote(sshtest.Start(t, sshtest.Shell(t.TempDir())))
	if err := qos.WaitReady(within(t, 10*time.Second), tg); err != nil {
		t.Fatal(err)
	}
	out, err := qos.Run(within(t, 10*time.Second), tg, "cat", strings.NewReader("KEY=value\n"))
	if err != nil || string(out) != "KEY=value\n" {
		t.Errorf("%q, %v", out, err)
	}
	local := qos.Target{Instance: "x", Provider: policies.Local}
	if _, err := qos.Run(t.Context(), local, "true", nil); !errors.Is(err, qos.ErrNoSSH) {
		t.Errorf("got %v", err)
	}
	if err := qos.WaitReady(t.Context(), local); !errors.Is(err, qos.ErrNoSSH) {
		t.Errorf("got %v", err)
	}
}
