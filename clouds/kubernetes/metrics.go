package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	quantities "k8s.io/apimachinery/pkg/api/resource"

	"skysail/clouds"
)

// MetricsInterval is how often asking again makes sense: metrics-server reads
// the kubelets each 15 seconds, by its --metric-resolution.
const MetricsInterval = 15 * time.Second

// ErrNoMetrics is a cluster that does not measure pods.
var ErrNoMetrics = errors.New("the cluster has no metrics API (metrics.k8s.io): install metrics-server, or the managed cluster's own")

// PodMetric is what a pod used, measured by its node.
type PodMetric struct {
	Namespace, Pod string
	Deployment     string // the ID
	// At is the end of the Window that the CPU time is about, by the node's
	// clock.
	At         time.Time
	Window     time.Duration
	Containers []ContainerMetric
}

// ContainerMetric is what one container used.
type ContainerMetric struct {
	Name string
	// CPU is in cores: CPU time over the window.
	CPU float64
	// Memory is the working set in bytes.
	Memory int64
}

// CPU is in cores, Memory in bytes: of all containers.
func (p PodMetric) CPU() (cores float64) {
	for _, c := range p.Containers {
		cores += c.CPU
	}
	return cores
}

// Memory is the working set of all containers in bytes.
func (p PodMetric) Memory() (bytes int64) {
	for _, c := range p.Containers {
		bytes += c.Memory
	}
	return bytes
}

var podMetricsKind = kind{name: "pod_metrics", group: "metrics.k8s.io", version: "v1beta1", plural: "pods"}

// podMetrics is metrics.k8s.io/v1beta1 PodMetrics, without what nobody reads:
// of the labels only ours is taken out of the text.
type podMetrics struct {
	Metadata struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
		Labels    struct {
			Deployment string `json:"skysail.dev/deployment"`
		} `json:"labels"`
	} `json:"metadata"`
	Timestamp  time.Time `json:"timestamp"`
	Window     string    `json:"window"`
	Containers []struct {
		Name  string `json:"name"`
		Usage struct {
			CPU    string `json:"cpu"`
			Memory string `json:"memory"`
		} `json:"usage"`
	} `json:"containers"`
}

// PodMetrics reads what a deployment's pods use, or those of all deployments
// in the Cloud's namespace for clouds.Any, with one call. A pod that was not
// measured yet is left out. ErrNoMetrics is a cluster without the API. It may
// be repeated, and not more often than MetricsInterval.
func (c *Cloud) PodMetrics(ctx context.Context, id string) ([]PodMetric, error) {
	sel, err := selector(id)
	if err != nil {
		return nil, err
	}
	api, err := c.connect()
	if err != nil {
		return nil, err
	}
	defer api.close()
	var raw []byte
	err = api.json(ctx, call{verb: http.MethodGet, path: podMetricsKind.path(c.namespace, ""), query: url.Values{"labelSelector": {sel}}}, &raw)
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("context %q: %w", c.context, ErrNoMetrics)
	}
	var out []PodMetric
	if err == nil {
		out, err = decodeMetrics(raw)
	}
	return out, api.explain(err, "reading pod metrics in namespace %s", c.namespace)
}

// decodeMetrics reads a PodMetricsList.
func decodeMetrics(raw []byte) ([]PodMetric, error) {
	var list struct {
		Items []podMetrics `json:"items"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("%w: it is no PodMetricsList", ErrNoAnswer)
	}
	out := make([]PodMetric, 0, len(list.Items))
	for i := range list.Items {
		m, err := list.Items[i].metric()
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

func (p *podMetrics) metric() (PodMetric, error) {
	out := PodMetric{
		Namespace: p.Metadata.Namespace, Pod: p.Metadata.Name, Deployment: p.Metadata.Labels.Deployment,
		At: p.Timestamp.UTC(), Containers: make([]ContainerMetric, 0, len(p.Containers)),
	}
	if out.Deployment == "" { // metrics-server before 0.6 tells no labels
		out.Deployment = clouds.DeploymentOf(nil, p.Metadata.Name)
	}
	out.Window, _ = time.ParseDuration(p.Window)
	for _, c := range p.Containers {
		cpu, err := quantity(c.Usage.CPU)
		if err != nil {
			return out, fmt.Errorf("pod %s, container %s: CPU: %w", out.Pod, c.Name, err)
		}
		memory, err := quantity(c.Usage.Memory)
		if err != nil {
			return out, fmt.Errorf("pod %s, container %s: memory: %w", out.Pod, c.Name, err)
		}
		out.Containers = append(out.Containers, ContainerMetric{Name: c.Name, CPU: cpu, Memory: int64(memory)})
	}
	return out, nil
}

// quantity reads the forms that metrics-server writes (12345678n, 250m, 5,
// 1024Ki) itself, and leaves others to the API's own parser, which takes ten
// times as long.
func quantity(s string) (float64, error) {
	if s == "" {
		return 0, nil
	}
	digits := strings.TrimRight(s, "numKi")
	var n int64
	for _, r := range []byte(digits) {
		if r < '0' || r > '9' || n > 1<<52 {
			return whole(s)
		}
		n = n*10 + int64(r-'0')
	}
	v := float64(n)
	switch s[len(digits):] {
	case "":
		return v, nil
	case "n":
		return v / 1e9, nil
	case "u":
		return v / 1e6, nil
	case "m":
		return v / 1e3, nil
	case "Ki":
		return v * 1024, nil
	}
	return whole(s)
}

func whole(s string) (float64, error) {
	q, err := quantities.ParseQuantity(s)
	return q.AsApproximateFloat64(), err
}
