package kube

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

// metricsHost is the name by which the API's aggregation layer reaches the
// metrics: that of a service.
const metricsHost = "metrics.kube-system.svc"

// Annotations of a pod with what each of its containers uses, as quantities.
// The names are kwok's; see https://kwok.sigs.k8s.io/docs/user/resource-usage-configuration/
const (
	UsageCPU    = "kwok.x-k8s.io/usage-cpu"
	UsageMemory = "kwok.x-k8s.io/usage-memory"
)

// Simulated marks metrics that nobody measured.
const Simulated = "skysail.dev/simulated"

// resolution is how old a reading may be, and the window that it names: that
// of metrics-server.
const resolution = 15 * time.Second

// metrics serves metrics.k8s.io/v1beta1 from the annotations of running pods.
// No container runs, so nothing can be measured: a pod without annotations has
// no metrics, as one that metrics-server has not scraped yet.
type metrics struct {
	c *Cluster

	mu   sync.Mutex
	read time.Time
	pods []usedPod
}

type usedPod struct {
	Metadata struct {
		Name, Namespace string
		Labels          map[string]string
		Annotations     map[string]string
	}
	Spec struct {
		NodeName   string
		Containers []struct{ Name string }
	}
}

// EnableMetrics serves pod metrics at metrics.k8s.io, behind the API as
// metrics-server is.
func (c *Cluster) EnableMetrics(ctx context.Context) error {
	pair, err := tls.LoadX509KeyPair(c.pki("metrics.crt"), c.pki("metrics.key"))
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	frontCA, err := os.ReadFile(c.pki("front-proxy-ca.crt"))
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(frontCA)
	l, err := listen(ctx, c.ports[portMetrics])
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	srv := &http.Server{
		Handler: (&metrics{c: c}).handler(), ReadHeaderTimeout: 10 * time.Second,
		// Only the API's aggregation layer may ask: it has asked who the caller
		// is and whether that one may.
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients,
			MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		},
	}
	go func() { _ = srv.ServeTLS(l, "", "") }() // ends with Close
	c.onStop(func() { _ = srv.Close() })
	_, port, _ := strings.Cut(l.Addr().String(), ":")
	return c.registerMetrics(ctx, json.Number(port))
}

func (c *Cluster) onStop(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closers = append(c.closers, f)
}

// registerMetrics tells the API where the metrics are and waits until it has
// them.
func (c *Cluster) registerMetrics(ctx context.Context, port json.Number) error {
	service := object{
		"apiVersion": "v1", "kind": "Service", "metadata": object{"name": "metrics", "namespace": "kube-system"},
		"spec": object{"type": "ExternalName", "externalName": "localhost", "ports": []any{object{"port": port}}},
	}
	api := object{
		"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": object{"name": "v1beta1.metrics.k8s.io"},
		"spec": object{
			"group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
			"caBundle": c.caPEM, "service": object{"namespace": "kube-system", "name": "metrics", "port": port},
		},
	}
	if err := errors.Join(
		c.Apply(ctx, "/api/v1/namespaces/kube-system/services/metrics", service),
		c.Apply(ctx, "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io", api),
	); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	return c.await(ctx, func(ctx context.Context) error {
		return c.Do(ctx, "GET", "/apis/metrics.k8s.io/v1beta1/pods", nil, nil)
	})
}

// SetUsage says what each container of a pod uses, such as "250m" and "64Mi".
func (c *Cluster) SetUsage(ctx context.Context, namespace, pod, cpu, memory string) error {
	return c.Do(ctx, "PATCH", "/api/v1/namespaces/"+namespace+"/pods/"+pod,
		object{"metadata": object{"annotations": object{UsageCPU: cpu, UsageMemory: memory}}}, nil)
}

func (m *metrics) handler() http.Handler {
	mux := http.NewServeMux()
	const root = "/apis/metrics.k8s.io/v1beta1"
	mux.HandleFunc("GET "+root, func(w http.ResponseWriter, _ *http.Request) {
		verbs := []string{"get", "list"}
		answer(w, http.StatusOK, object{
			"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "metrics.k8s.io/v1beta1",
			"resources": []any{object{"name": "pods", "singularName": "", "namespaced": true, "kind": "PodMetrics", "verbs": verbs}},
		})
	})
	mux.HandleFunc("GET "+root+"/pods", func(w http.ResponseWriter, r *http.Request) { m.list(w, r, "") })
	mux.HandleFunc("GET "+root+"/namespaces/{namespace}/pods", func(w http.ResponseWriter, r *http.Request) {
		m.list(w, r, r.PathValue("namespace"))
	})
	mux.HandleFunc("GET "+root+"/namespaces/{namespace}/pods/{pod}", m.get)
	return mux
}

func (m *metrics) list(w http.ResponseWriter, r *http.Request, namespace string) {
	pods, at, err := m.running(r.Context())
	if err != nil {
		refuse(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	selects, err := selector(r.URL.Query().Get("labelSelector"))
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	items := []any{}
	for _, p := range pods {
		if x := p.metrics(at); x != nil && (namespace == "" || p.Metadata.Namespace == namespace) && selects(p.Metadata.Labels) {
			items = append(items, x)
		}
	}
	answer(w, http.StatusOK, object{"kind": "PodMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": object{}, "items": items})
}

func (m *metrics) get(w http.ResponseWriter, r *http.Request) {
	pods, at, err := m.running(r.Context())
	if err != nil {
		refuse(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	for _, p := range pods {
		if p.Metadata.Namespace == r.PathValue("namespace") && p.Metadata.Name == r.PathValue("pod") {
			if x := p.metrics(at); x != nil {
				x["kind"], x["apiVersion"] = "PodMetrics", "metrics.k8s.io/v1beta1"
				answer(w, http.StatusOK, x)
				return
			}
		}
	}
	refuse(w, http.StatusNotFound, fmt.Sprintf("podmetrics.metrics.k8s.io %q not found", r.PathValue("pod")))
}

// running reads the pods, at most once a second.
func (m *metrics) running(ctx context.Context) ([]usedPod, time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if time.Since(m.read) < time.Second {
		return m.pods, m.read, nil
	}
	var list struct{ Items []usedPod }
	if err := m.c.Do(ctx, "GET", "/api/v1/pods?resourceVersion=0&fieldSelector=status.phase%3DRunning", nil, &list); err != nil {
		return nil, time.Time{}, err
	}
	m.pods, m.read = list.Items, time.Now()
	return m.pods, m.read, nil
}

// metrics is the pod as metrics.k8s.io has it, or nil when it has none.
func (p *usedPod) metrics(at time.Time) object {
	usage := object{}
	for name, annotation := range map[string]string{"cpu": UsageCPU, "memory": UsageMemory} {
		if q, err := resource.ParseQuantity(p.Metadata.Annotations[annotation]); err == nil {
			usage[name] = q.String()
		}
	}
	if len(usage) == 0 {
		return nil
	}
	containers := []any{}
	for _, c := range p.Spec.Containers {
		containers = append(containers, object{"name": c.Name, "usage": usage})
	}
	return object{
		"metadata": object{
			"name": p.Metadata.Name, "namespace": p.Metadata.Namespace, "labels": p.Metadata.Labels,
			"annotations": object{Simulated: "true"}, "creationTimestamp": at.UTC().Format(time.RFC3339),
		},
		"timestamp": at.UTC().Format(time.RFC3339), "window": resolution.String(), "containers": containers,
	}
}

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // the client is gone, then
}

// refuse answers with a Status, as every Kubernetes API does.
func refuse(w http.ResponseWriter, code int, message string) {
	answer(w, code, object{
		"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code,
		"reason": strings.ReplaceAll(http.StatusText(code), " ", ""),
	})
}
