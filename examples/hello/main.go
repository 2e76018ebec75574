// Command hello is a small service that behaves as a good one does: it logs
// JSON lines to standard output, answers health checks, counts its requests
// for Prometheus, and ends in order on SIGTERM. It needs the standard library
// only.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

func main() {
	listen := flag.String("listen", ":8080", "address to listen on")
	heartbeat := flag.Duration("heartbeat", 5*time.Second, "time between heartbeat lines in the log")
	flag.Parse()
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, log, *listen, *heartbeat); err != nil {
		log.Error("failed", "error", err.Error())
		os.Exit(1)
	}
}

// run serves until ctx ends, and then lets open requests end.
func run(ctx context.Context, log *slog.Logger, address string, heartbeat time.Duration) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	s := &service{log: log, started: time.Now()}
	server := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	log.Info("listening", "address", l.Addr().String(), "pid", os.Getpid())

	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			log.Info("heartbeat", "uptime_seconds", s.uptime(), "requests", s.requests.Load())
		case err := <-failed:
			return err
		case <-ctx.Done():
			log.Info("stopping")
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			if err := server.Shutdown(end); err != nil {
				return err
			}
			if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		}
	}
}

type service struct {
	log      *slog.Logger
	started  time.Time
	requests atomic.Int64
}

func (s *service) uptime() float64 { return time.Since(s.started).Seconds() }

func (s *service) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		host, _ := os.Hostname()
		_, _ = fmt.Fprintf(w, "hello from %s\n", host)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /metrics", s.metrics)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		begin := time.Now()
		mux.ServeHTTP(w, r)
		s.log.Info("request", "method", r.Method, "path", r.URL.Path, "seconds", time.Since(begin).Seconds())
	})
}

// metrics answers in the text format of Prometheus.
func (s *service) metrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = fmt.Fprintf(w, `# HELP hello_requests_total HTTP requests received.
# TYPE hello_requests_total counter
hello_requests_total %d
# HELP hello_uptime_seconds Seconds since the service started.
# TYPE hello_uptime_seconds gauge
hello_uptime_seconds %g
`, s.requests.Load(), s.uptime())
}
