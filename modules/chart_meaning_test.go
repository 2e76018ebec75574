package modules_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// kindOf is the only object of a kind, or nil.
func kindOf(t *testing.T, name, kind string) map[string]any {
	t.Helper()
	var out map[string]any
	for _, m := range manifests(t, name) {
		if m["kind"] == kind && out == nil {
			out = m
		}
	}
	return out
}

// Every object and every pod says whose it is, in its own namespace.
func TestChartLabels(t *testing.T) {
	for name := range chartCases(t) {
		for _, m := range manifests(t, name) {
			places := []any{at(m, "metadata", "labels")}
			if m["kind"] == "Deployment" {
				places = append(places, at(m, "spec", "template", "metadata", "labels"))
			}
			for _, labels := range places {
				for key, want := range map[string]string{
					"skysail.dev/deployment": "d4k2m9x7qpb1", "app.kubernetes.io/managed-by": "Helm",
					"app.kubernetes.io/instance": chartRelease, "app.kubernetes.io/name": "",
				} {
					if got, _ := at(labels, key).(string); got == "" || want != "" && got != want {
						t.Errorf("%s: %v has label %s = %q", name, m["kind"], key, got)
					}
				}
			}
			if at(m, "metadata", "namespace") != "blueprints" || !strings.HasPrefix(at(m, "metadata", "name").(string), chartRelease) {
				t.Errorf("%s: %v is %v", name, m["kind"], m["metadata"])
			}
			if m["kind"] == "Secret" {
				t.Errorf("%s makes a Secret", name)
			}
		}
	}
}

// TestChartRestricted is the restricted Pod Security Standard
// (kubernetes.io/docs/concepts/security/pod-security-standards), and no token.
func TestChartRestricted(t *testing.T) {
	for name := range chartCases(t) {
		pod := at(kindOf(t, name, "Deployment"), "spec", "template", "spec")
		for _, c := range []struct {
			want any
			path []any
		}{
			{true, []any{"securityContext", "runAsNonRoot"}},
			{"RuntimeDefault", []any{"securityContext", "seccompProfile", "type"}},
			{false, []any{"containers", 0, "securityContext", "allowPrivilegeEscalation"}},
			{false, []any{"containers", 0, "securityContext", "privileged"}},
			{[]any{"ALL"}, []any{"containers", 0, "securityContext", "capabilities", "drop"}},
			{nil, []any{"containers", 0, "securityContext", "capabilities", "add"}},
			{nil, []any{"containers", 0, "securityContext", "runAsUser"}},
			{nil, []any{"containers", 1}},
			{nil, []any{"initContainers"}},
			{nil, []any{"hostNetwork"}},
			{nil, []any{"hostPID"}},
			{nil, []any{"hostIPC"}},
			{nil, []any{"containers", 0, "ports", 0, "hostPort"}},
			{false, []any{"automountServiceAccountToken"}},
			{chartRelease, []any{"serviceAccountName"}},
		} {
			if diff := cmp.Diff(c.want, at(pod, c.path...)); diff != "" {
				t.Errorf("%s: %v (-want +got):\n%s", name, c.path, diff)
			}
		}
		if uid := at(pod, "securityContext", "runAsUser"); uid == 0 {
			t.Errorf("%s runs as root", name)
		}
		volumes, _ := at(pod, "volumes").([]any)
		for _, v := range volumes {
			if at(v, "emptyDir") == nil && at(v, "ephemeral") == nil {
				t.Errorf("%s: volume %v", name, v)
			}
		}
		if at(kindOf(t, name, "ServiceAccount"), "automountServiceAccountToken") != false {
			t.Errorf("%s: the account has a token", name)
		}
	}
}

// What a container gets is what was given, byte for byte: Kubernetes makes $ of
// the doubled $$, and nothing is a template.
func TestChartHostile(t *testing.T) {
	b, err := os.ReadFile("testdata/chart/values/hostile.json")
	if err != nil {
		t.Fatal(err)
	}
	var given struct {
		Args []string          `yaml:"args"`
		Env  map[string]string `yaml:"env"`
	}
	if err := yaml.Unmarshal(b, &given); err != nil {
		t.Fatal(err)
	}
	c := at(kindOf(t, "hostile", "Deployment"), "spec", "template", "spec", "containers", 0)
	env := map[string]string{}
	list, _ := at(c, "env").([]any)
	for _, e := range list {
		env[at(e, "name").(string)] = strings.ReplaceAll(at(e, "value").(string), "$$", "$")
	}
	if diff := cmp.Diff(given.Env, env); diff != "" {
		t.Errorf("env (-given +got):\n%s", diff)
	}
	var args []string
	words, _ := at(c, "args").([]any)
	for _, a := range words {
		args = append(args, strings.ReplaceAll(a.(string), "$$", "$"))
	}
	if diff := cmp.Diff(given.Args, args); diff != "" {
		t.Errorf("args (-given +got):\n%s", diff)
	}
	if got := at(c, "livenessProbe", "httpGet", "path"); got != "/a?b=%20&c='(*)$" {
		t.Errorf("health path %q", got)
	}
}

// Secrets are named, and that is all.
func TestChartSecrets(t *testing.T) {
	c := at(kindOf(t, "secrets", "Deployment"), "spec", "template", "spec", "containers", 0)
	want := []any{
		map[string]any{"name": "LOG_LEVEL", "value": "info"},
		map[string]any{"name": "API_KEY", "valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": chartRelease + "-env", "key": "API_KEY"}}},
		map[string]any{"name": "DB_URL", "valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": chartRelease + "-env", "key": "DB_URL"}}},
	}
	if diff := cmp.Diff(want, at(c, "env")); diff != "" {
		t.Errorf("env (-want +got):\n%s", diff)
	}
}

// TestChartNetwork: in by the service's own ports only, out to all but the
// metadata service, which answers for names only.
func TestChartNetwork(t *testing.T) {
	for name := range chartCases(t) {
		p := kindOf(t, name, "NetworkPolicy")
		service := kindOf(t, name, "Service")
		declared := map[any]bool{}
		ports, _ := at(service, "spec", "ports").([]any)
		for _, port := range ports {
			declared[at(port, "port")] = true
		}
		rules, _ := at(p, "spec", "ingress").([]any)
		for _, rule := range rules {
			open, _ := at(rule, "ports").([]any)
			from, _ := at(rule, "from").([]any)
			if len(open) == 0 || len(from) == 0 {
				t.Errorf("%s: a rule for every port or for everybody: %v", name, rule)
			}
			for _, port := range open {
				if !declared[at(port, "port")] {
					t.Errorf("%s: port %v is none of the service's", name, port)
				}
			}
		}
		egress, _ := at(p, "spec", "egress").([]any)
		world := at(egress[len(egress)-1], "to", 0, "ipBlock")
		if diff := cmp.Diff(map[string]any{"cidr": "0.0.0.0/0", "except": []any{"169.254.169.254/32"}}, world); diff != "" {
			t.Errorf("%s: egress (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff([]any{"Ingress", "Egress"}, at(p, "spec", "policyTypes")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	// A port that is not public is for the service's own pods, and one that is
	// for the given networks only.
	rules, _ := at(kindOf(t, "range", "NetworkPolicy"), "spec", "ingress").([]any)
	want := []any{
		map[string]any{"ipBlock": map[string]any{"cidr": "203.0.113.0/24"}},
		map[string]any{"ipBlock": map[string]any{"cidr": "2001:db8::/48"}},
	}
	if diff := cmp.Diff(want, at(rules[1], "from")); diff != "" || at(rules[1], "ports", 0, "port") != 8080 {
		t.Errorf("public port (-want +got):\n%s", diff)
	}
	hostile, _ := at(kindOf(t, "hostile", "NetworkPolicy"), "spec", "ingress").([]any)
	if len(hostile) != 1 || at(hostile[0], "from", 0, "podSelector") == nil {
		t.Errorf("a port that is not public: %v", hostile)
	}
}

// What depends on how many there may be.
func TestChartScale(t *testing.T) {
	for name, want := range map[string]struct{ hpa, pdb, spread bool }{
		"minimal": {}, "secrets": {pdb: true, spread: true}, "range": {hpa: true, pdb: true, spread: true},
	} {
		if got := kindOf(t, name, "HorizontalPodAutoscaler") != nil; got != want.hpa {
			t.Errorf("%s: autoscaler %v", name, got)
		}
		if got := kindOf(t, name, "PodDisruptionBudget") != nil; got != want.pdb {
			t.Errorf("%s: disruption budget %v", name, got)
		}
		if got := at(kindOf(t, name, "Deployment"), "spec", "template", "spec", "topologySpreadConstraints") != nil; got != want.spread {
			t.Errorf("%s: spread %v", name, got)
		}
	}
	gpu := at(kindOf(t, "gpu", "Deployment"), "spec", "template", "spec")
	if at(gpu, "containers", 0, "resources", "limits", "nvidia.com/gpu") != "2" || at(gpu, "tolerations", 0, "key") != "nvidia.com/gpu" {
		t.Errorf("GPUs: %v", gpu)
	}
	if got := at(gpu, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms", 0, "matchExpressions", 0, "values", 0); got != "NVIDIA-L4" {
		t.Errorf("model: %v", got)
	}
}
