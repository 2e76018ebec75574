package policies

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestKubernetes(t *testing.T) {
	full := Default()
	full.Kubernetes = KubernetesRef{
		Context: "production", Contexts: []string{"production", "arn:aws:eks:eu-central-1:123456789012:cluster/main"},
		Namespace: "team-a", CreateNamespace: true, ImagePullSecret: "registry", ServiceType: "LoadBalancer",
		IngressFrom: []string{"0.0.0.0/0", "2001:db8::/48"}, RunAsUser: 1000, ReadOnlyRoot: true,
		Monitor: &Monitor{Kind: "PodMonitor", Port: "metrics", Path: "/metrics", Labels: map[string]string{"release": "prometheus"}},
	}
	full.Thresholds.Instances = 3
	full.Hybrid = &Hybrid{Primary: Kubernetes, Fallback: GCP}
	full.Failover.ProviderTimeout[Kubernetes] = 5 * time.Minute
	target := Default()
	target.Target = Kubernetes
	target.Kubernetes.Context, target.Kubernetes.Contexts = "a", []string{"a"}
	target.Kubernetes.Monitor = &Monitor{Kind: "ServiceMonitor", Port: "http", Path: "/m"}
	for name, want := range map[string]Policy{"kubernetes.hcl": full, "target-kubernetes.json": target} {
		got, err := load(filepath.Join("testdata", "valid", name), testOptions)
		if err != nil {
			t.Errorf("%s\n%v", name, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if err := got.Validate(); err != nil {
			t.Errorf("%s: loaded, but not valid:\n%v", name, err)
		}
	}
	if got := Default().Kubernetes.Names(); !cmp.Equal(got, []string{"production"}) {
		t.Errorf("one context: %v", got)
	}
	if got := full.Kubernetes.Names(); len(got) != 2 {
		t.Errorf("several contexts: %v", got)
	}
}
