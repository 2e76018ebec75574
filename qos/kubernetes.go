package qos

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"skysail/clouds"
	"skysail/clouds/kubernetes"
	"skysail/qos/metric"
)

// SourceKubernetes is what a cluster tells of a pod: its state, the container
// metrics of the metrics API, and events. There is no SSH into a pod, and no
// probe from here: the kubelet asks the health check from the pod's own node,
// and what it finds is the pod's readiness. Asking again through the API
// server would need a right more, be subject to the network policy, and cost
// the API server a stream for each pod.
const SourceKubernetes = "kubernetes"

// Pods is what a KubeTarget needs of its cluster.
type Pods interface {
	PodMetrics(ctx context.Context, id string) ([]kubernetes.PodMetric, error)
	Events(ctx context.Context, id string, since time.Time) ([]kubernetes.Event, error)
	NewLines(ctx context.Context, p kubernetes.Pod, marks map[string]kubernetes.LogMark, count int) ([]kubernetes.LogLine, map[string]kubernetes.LogMark, bool, error)
}

// KubeTarget is a pod and how to ask for it.
type KubeTarget struct {
	Cluster Pods
	// Place tells clusters and namespaces apart.
	Place string
	// Pod is what the API said of it at SeenAt.
	Pod    kubernetes.Pod
	SeenAt time.Time
	// Err is why nothing is known of the pod.
	Err error
}

// eventsSince is how far back events are counted.
const eventsSince = time.Hour

// kubeRound is the source of one collection: each place is asked once for all
// of its pods, however many there are.
type kubeRound struct {
	places map[string]*kubePlace
}

type kubePlace struct {
	done    chan struct{}
	at      time.Time
	usage   map[string]kubernetes.PodMetric // by the pod's name and namespace
	usageEr error
	events  map[string][]kubernetes.Event // by the object's UID
	eventEr error
}

func beginKube(ctx context.Context, targets []Target, timeout time.Duration) *kubeRound {
	r := &kubeRound{places: map[string]*kubePlace{}}
	ids := map[string]map[string]bool{}
	clusters := map[string]Pods{}
	for _, t := range targets {
		if t.Kube == nil || t.Kube.Err != nil {
			continue
		}
		k := t.Kube.Place
		if ids[k] == nil {
			ids[k], clusters[k] = map[string]bool{}, t.Kube.Cluster
			r.places[k] = &kubePlace{done: make(chan struct{})}
		}
		ids[k][t.DeploymentID] = true
	}
	for k, p := range r.places {
		id := clouds.Any
		if len(ids[k]) == 1 {
			for only := range ids[k] {
				id = only
			}
		}
		go func() {
			defer close(p.done)
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			p.ask(ctx, clusters[k], id)
		}()
	}
	return r
}

func (p *kubePlace) ask(ctx context.Context, c Pods, id string) {
	p.at = time.Now()
	p.usage, p.events = map[string]kubernetes.PodMetric{}, map[string][]kubernetes.Event{}
	var usage []kubernetes.PodMetric
	usage, p.usageEr = c.PodMetrics(ctx, id)
	for _, u := range usage {
		p.usage[u.Namespace+"/"+u.Pod] = u
	}
	var events []kubernetes.Event
	events, p.eventEr = c.Events(ctx, id, p.at.Add(-eventsSince))
	for _, e := range events {
		p.events[e.UID] = append(p.events[e.UID], e)
	}
}

// Name implements Source.
func (r *kubeRound) Name() string { return SourceKubernetes }

// Applies implements Source.
func (r *kubeRound) Applies(t Target) bool { return t.Kube != nil }

// Read implements Source.
func (r *kubeRound) Read(ctx context.Context, t Target) (Reading, error) {
	if t.Kube.Err != nil {
		return Reading{}, t.Kube.Err
	}
	p, ok := r.places[t.Kube.Place]
	if !ok {
		return Reading{}, errors.New("the cluster was not asked")
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		return Reading{}, fmt.Errorf("the cluster did not answer in time: %w", context.Cause(ctx))
	}
	pod := &t.Kube.Pod
	out := Reading{ObservedAt: t.Kube.SeenAt, Metrics: podState(pod), Notes: podNotes(pod)}
	u, measured := p.usage[pod.Namespace+"/"+pod.Name]
	switch {
	case p.usageEr != nil:
		out.Notes = append(out.Notes, "container metrics: "+p.usageEr.Error())
	case !measured && pod.Phase == "Running":
		out.Notes = append(out.Notes, "its container metrics are not there yet")
	}
	for _, c := range u.Containers {
		labels := []string{"namespace", pod.Namespace, "pod", pod.Name, "container", c.Name}
		for _, m := range []metric.Metric{
			metric.With(metric.PodCPU, c.CPU, labels...),
			metric.With("container_memory_working_set_bytes", float64(c.Memory), labels...),
		} {
			m.ObservedAt = u.At
			out.Metrics = append(out.Metrics, m)
		}
	}
	if p.eventEr != nil {
		out.Notes = append(out.Notes, "events: "+p.eventEr.Error())
	}
	out.Metrics = append(out.Metrics, podEvents(pod, p.events[pod.UID])...)
	return out, nil
}

// podState are the pod's own numbers, named as kube-state-metrics names them
// where it has them: https://github.com/kubernetes/kube-state-metrics/blob/main/docs/metrics/workload/pod-metrics.md
func podState(p *kubernetes.Pod) []metric.Metric {
	pod := []string{"namespace", p.Namespace, "pod", p.Name}
	with := func(more ...string) []string { return append(append([]string{}, pod...), more...) }
	out := []metric.Metric{
		metric.One(metric.ServiceUp, metric.Bool(runs(p))),
		metric.One(metric.ServiceRestarts, float64(p.Restarts())),
		metric.With(metric.PodReady, metric.Bool(p.Ready), with("condition", "true")...),
		metric.With("kube_pod_status_phase", 1, with("phase", p.Phase)...),
	}
	for _, c := range p.Containers {
		if c.Init {
			continue
		}
		out = append(out, metric.With("kube_pod_container_status_restarts_total", float64(c.Restarts), with("container", c.Name)...))
		if c.State == "waiting" && c.Reason != "" {
			out = append(out, metric.With("kube_pod_container_status_waiting_reason", 1, with("container", c.Name, "reason", c.Reason)...))
		}
		if c.Last != nil && c.Last.Reason != "" {
			out = append(out, metric.With("kube_pod_container_status_last_terminated_reason", 1, with("container", c.Name, "reason", c.Last.Reason)...))
		}
	}
	return out
}

// runs says that every container of the service runs.
func runs(p *kubernetes.Pod) bool {
	if p.Phase != "Running" {
		return false
	}
	for _, c := range p.Containers {
		if !c.Init && c.State != "running" {
			return false
		}
	}
	return true
}

// podNotes say why a pod is not ready.
func podNotes(p *kubernetes.Pod) []string {
	var out []string
	if p.Reason != "" {
		out = append(out, strings.TrimSpace(p.Reason+" "+p.Message))
	}
	for _, c := range p.Containers {
		if c.State == "waiting" && c.Reason != "" {
			out = append(out, strings.TrimSpace(c.Name+": "+c.Reason+" "+c.Message))
		}
	}
	if len(out) == 0 && !p.Ready {
		out = append(out, "not ready, phase "+p.Phase)
	}
	return out
}

// PodDetail says why a pod is not ready, in a line.
func PodDetail(p kubernetes.Pod) string { return strings.Join(podNotes(&p), "; ") }

func podEvents(p *kubernetes.Pod, list []kubernetes.Event) []metric.Metric {
	type key struct{ kind, reason string }
	counts := map[key]metric.Metric{}
	var order []key
	for _, e := range list {
		k := key{"Normal", e.Reason}
		if e.Warning {
			k.kind = "Warning"
		}
		m, known := counts[k]
		if !known {
			order = append(order, k)
			m = metric.With(metric.PodEvents, 0, "namespace", p.Namespace, "pod", p.Name, "type", k.kind, "reason", k.reason)
		}
		m.Value += float64(e.Count)
		if e.Last.After(m.ObservedAt) {
			m.ObservedAt = e.Last
		}
		counts[k] = m
	}
	out := make([]metric.Metric, 0, len(order))
	for _, k := range order {
		out = append(out, counts[k])
	}
	return out
}
