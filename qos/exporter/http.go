package exporter

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Handler serves /metrics, /sd, /healthz and /readyz, and the pages.
func (e *Exporter) Handler() http.Handler {
	mux := http.NewServeMux()
	all := metricsOf(e.registry)
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Query().Get("deployment")
		if name == "" {
			all.ServeHTTP(w, r)
			return
		}
		one := prometheus.NewRegistry()
		one.MustRegister(only{e, name})
		metricsOf(one).ServeHTTP(w, r)
	})
	mux.HandleFunc("GET /sd", e.serveTargets)
	mux.HandleFunc("GET /healthz", answer(e.health))
	mux.HandleFunc("GET /readyz", answer(e.ready))
	if e.pages != nil {
		mux.Handle("/", e.pages)
		return mux
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = fmt.Fprintln(w, "skysail exporter: /metrics /sd /healthz /readyz")
	})
	return mux
}

func metricsOf(g prometheus.Gatherer) http.Handler {
	return promhttp.HandlerFor(g, promhttp.HandlerOpts{
		// One bad series must not take all the others away.
		ErrorHandling:     promhttp.ContinueOnError,
		Timeout:           10 * time.Second,
		EnableOpenMetrics: true,
	})
}

// answer serves "ok", or why not.
func answer(ask func() error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if err := ask(); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = fmt.Fprintln(w, err)
			return
		}
		_, _ = fmt.Fprintln(w, "ok")
	}
}

// group is one entry of Prometheus's HTTP service discovery:
// https://prometheus.io/docs/prometheus/latest/http_sd/.
type group struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// serveTargets tells Prometheus of each deployment as a target of its own: this
// exporter, asked for that deployment.
func (e *Exporter) serveTargets(w http.ResponseWriter, r *http.Request) {
	groups := []group{}
	if e.sd != nil {
		seen := map[string]bool{}
		for _, t := range e.sd() {
			if seen[t.Deployment] {
				continue
			}
			seen[t.Deployment] = true
			groups = append(groups, group{Targets: []string{r.Host}, Labels: map[string]string{
				"__metrics_path__": "/metrics", "__param_deployment": t.Deployment, "deployment": t.Deployment,
				"provider": t.Provider, "region": t.Region, "sandbox": strconv.FormatBool(t.Sandbox),
			}})
		}
	}
	slices.SortFunc(groups, func(a, b group) int { return cmp.Compare(a.Labels["deployment"], b.Labels["deployment"]) })
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(groups)
}

// Serve collects and serves on l until ctx ends; l is closed then. It returns
// nil when ctx ended and the error of the server otherwise.
func (e *Exporter) Serve(ctx context.Context, l net.Listener) error {
	srv := &http.Server{
		Handler:           e.Handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	served := make(chan error, 1)
	go func() {
		served <- srv.Serve(l)
		cancel()
	}()
	_ = e.Run(ctx)
	end, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer stop()
	if srv.Shutdown(end) != nil {
		_ = srv.Close()
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics on %s: %w", l.Addr(), err)
	}
	return nil
}
