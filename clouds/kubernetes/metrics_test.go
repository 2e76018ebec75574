package kubernetes

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"skysail/clouds"
)

const metricsPath = "/apis/metrics.k8s.io/v1beta1/namespaces/blueprints/pods/"

func measured(s *server, name, id, cpu, memory string) {
	s.put(metricsPath+name, id, object{
		"timestamp": "2026-11-30T08:00:30Z", "window": "15.123s",
		"containers": []object{{"name": "echo", "usage": object{"cpu": cpu, "memory": memory}}, {"name": "side", "usage": object{"cpu": "0", "memory": "1Mi"}}},
	})
}

func TestPodMetrics(t *testing.T) {
	s := newServer(t)
	measured(s, unit+"-a", own, "250m", "20480Ki")
	measured(s, unit+"-b", own, "12345678n", "1Gi")
	measured(s, "skysail-"+other+"-c", other, "2", "7")
	measured(s, "nginx", "", "1", "1")
	got, err := s.cloud().PodMetrics(t.Context(), own)
	if err != nil || len(got) != 2 {
		t.Fatalf("%v, %v", got, err)
	}
	a := got[0]
	if a.Pod != unit+"-a" || a.Deployment != own || a.Namespace != "blueprints" || a.CPU() != 0.25 || a.Memory() != 21<<20 || a.Window != 15123*time.Millisecond || a.At.IsZero() {
		t.Errorf("%+v", a)
	}
	if b := got[1]; b.Containers[0].CPU != 0.012345678 || b.Containers[0].Memory != 1<<30 {
		t.Errorf("%+v", b)
	}
	all, err := s.cloud().PodMetrics(t.Context(), clouds.Any)
	if err != nil || len(all) != 3 || s.called("metrics.k8s.io") != 2 {
		t.Errorf("%d, %v", len(all), err)
	}
}

func TestPodMetricsAreNotThere(t *testing.T) {
	s := newServer(t)
	s.before = func(w http.ResponseWriter, _ *http.Request) bool {
		http.Error(w, "404 page not found", http.StatusNotFound)
		return true
	}
	if _, err := s.cloud().PodMetrics(t.Context(), own); !errors.Is(err, ErrNoMetrics) {
		t.Errorf("%v", err)
	}
}

func TestQuantity(t *testing.T) {
	for in, want := range map[string]float64{"": 0, "0": 0, "5": 5, "250m": .25, "7u": 7e-6, "12345678n": .012345678, "3Ki": 3072, "2Mi": 2 << 20, "1.5": 1.5, "1e3": 1000, "-1": -1, "99999999999999999999": 1e20} {
		if got, err := quantity(in); err != nil || got != want {
			t.Errorf("%q is %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"x", "5Kn", "mm"} {
		if got, err := quantity(in); err == nil {
			t.Errorf("%q is %v", in, got)
		}
	}
}

// BenchmarkPodMetrics decodes a list of 5,000 pods as metrics-server tells it:
// the target is 20 µs of CPU a pod.
func BenchmarkPodMetrics(b *testing.B) {
	const pods = 5000
	var items []object
	for i := range pods {
		name := fmt.Sprintf("skysail-%s-5d4f8c9b7-%05d", own, i)
		items = append(items, object{
			"metadata": object{"name": name, "namespace": "blueprints", "creationTimestamp": "2026-11-30T08:00:00Z", "labels": object{
				"app.kubernetes.io/instance": "skysail-" + own, "app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/name": "echo", "pod-template-hash": "5d4f8c9b7", Label: own,
			}},
			"timestamp": "2026-11-30T08:00:30Z", "window": "15.123s",
			"containers": []object{{"name": "echo", "usage": object{"cpu": fmt.Sprintf("%dn", 1000*i), "memory": fmt.Sprintf("%dKi", 1000+i)}}},
		})
	}
	raw, err := json.Marshal(object{"kind": "PodMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": object{}, "items": items})
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for b.Loop() {
		got, err := decodeMetrics(raw)
		if err != nil || len(got) != pods {
			b.Fatal(len(got), err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/pods, "µs/pod")
}
