package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

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
