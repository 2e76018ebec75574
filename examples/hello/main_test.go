package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// lines is a log that a test reads while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// messages returns each message once that the log has, its lines all JSON.
func (l *lines) messages(t *testing.T) map[string]map[string]any {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[string]map[string]any{}
	for _, line := range strings.Split(strings.TrimSpace(l.buf.String()), "\n") {
		if line == "" {
			continue
		}
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("no JSON line: %q", line)
		}
		out[v["msg"].(string)] = v
	}
	return out
}

func TestRun(t *testing.T) {
	log := &lines{}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- run(ctx, slog.New(slog.NewJSONHandler(log, nil)), "127.0.0.1:0", time.Millisecond) }()

	var address string
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		m := log.messages(t)
		if m["listening"] != nil && m["heartbeat"] != nil {
			address = m["listening"]["address"].(string)
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it did not start: %v", m)
		}
	}
	resp, err := http.Get("http://" + address + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("health is %s", resp.Status)
	}
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("it did not stop in order: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it did not stop")
	}
	m := log.messages(t)
	if m["request"]["path"] != "/healthz" || m["stopping"] == nil {
		t.Errorf("the log lacks the request or the stop: %v", m)
	}
}

func TestRunReportsATakenAddress(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	err := run(t.Context(), slog.New(slog.DiscardHandler), server.Listener.Addr().String(), time.Hour)
	if err == nil {
		t.Error("it ran on an address that was taken")
	}
}

func TestHandler(t *testing.T) {
	s := &service{log: slog.New(slog.DiscardHandler), started: time.Now()}
	h := s.handler()
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		body, err := io.ReadAll(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		return w.Code, string(body)
	}
	if code, body := get("/"); code != http.StatusOK || !strings.HasPrefix(body, "hello from ") {
		t.Errorf("/ answered %d %q", code, body)
	}
	if code, _ := get("/nowhere"); code != http.StatusNotFound {
		t.Errorf("/nowhere answered %d", code)
	}
	_, body := get("/metrics")
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		t.Fatalf("no Prometheus text: %v\n%s", err, body)
	}
	if v := families["hello_requests_total"].GetMetric()[0].GetCounter().GetValue(); v != 3 {
		t.Errorf("hello_requests_total is %v, want 3", v)
	}
	if families["hello_uptime_seconds"] == nil {
		t.Error("there is no hello_uptime_seconds")
	}
}
