package test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"skysail/deploy"
	"skysail/internal/failure"
	"skysail/policies"
	"skysail/sandbox/kube"
	"skysail/spec"
	"skysail/store"
)

// kubeTools are the programs of the control plane, or the test says how to
// build them and does not run.
func kubeTools(t testing.TB) kube.Tools {
	t.Helper()
	var dirs []string
	if os.Getenv(kube.EnvTools) == "" {
		dirs = []string{"../bin/tools/kube"}
	}
	tools, err := kube.Find(dirs...)
	if err == nil && !tools.Helm() {
		err = fmt.Errorf("%s lacks terraform-provider-helm: run `make tools-kube`", tools.Dir)
	}
	if err != nil {
		notRun(t, err)
	}
	return tools
}

// notRun ends a test that lacks what it needs; under make test-kube it fails.
func notRun(t testing.TB, why error) {
	t.Helper()
	if os.Getenv("SKYSAIL_KUBE_REQUIRED") != "" {
		t.Fatal(why)
	}
	t.Skipf("NOT RUN: %v", why)
}

// kubeShared is the cluster that tests share which do no harm to it.
var kubeShared struct {
	once    sync.Once
	cluster *kube.Cluster
	dir     string
	err     error
}

func sharedCluster(t testing.TB) *kube.Cluster {
	t.Helper()
	tools := kubeTools(t)
	s := &kubeShared
	s.once.Do(func() {
		if s.dir, s.err = os.MkdirTemp("", "skysail-kube-*"); s.err != nil {
			return
		}
		ctx := context.WithoutCancel(t.Context())
		if s.cluster, s.err = kube.Start(ctx, tools, kube.Options{Dir: s.dir, Namespaces: []string{"blueprints", "other"}}); s.err == nil {
			s.err = s.cluster.EnableMetrics(ctx)
		}
	})
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.cluster
}

// stopShared ends the shared cluster with the test binary.
func stopShared() {
	if kubeShared.cluster != nil {
		kubeShared.cluster.Stop()
		_ = os.RemoveAll(kubeShared.dir)
	}
}

func ownCluster(t testing.TB, o kube.Options) *kube.Cluster {
	t.Helper()
	tools := kubeTools(t)
	o.Dir = t.TempDir()
	if o.Namespaces == nil {
		o.Namespaces = []string{"blueprints"}
	}
	c, err := kube.Start(t.Context(), tools, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	return c
}

// kubeBench is a home of its own that deploys to a cluster.
type kubeBench struct {
	*bench
	cluster    *kube.Cluster
	kubeconfig string
	mirror     string
}

func newKubeBench(t testing.TB, c *kube.Cluster) *kubeBench {
	t.Helper()
	b := &kubeBench{bench: &bench{t: t, home: t.TempDir()}, cluster: c, kubeconfig: c.Kubeconfig(), mirror: helmMirror(t)}
	return b
}

// helmMirror is a mirror with the helm provider: the real one where
// SKYSAIL_PROVIDER_MIRROR has it, else the stand-in with Helm's own library.
func helmMirror(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("SKYSAIL_PROVIDER_MIRROR"); dir != "" && exists(filepath.Join(dir, kube.HelmSource)) {
		return dir
	}
	dir := filepath.Join(t.TempDir(), "mirror")
	place := filepath.Join(dir, kube.HelmSource, kube.HelmVersion, runtime.GOOS+"_"+runtime.GOARCH)
	program, err := filepath.Abs(filepath.Join(kubeTools(t).Dir, "terraform-provider-helm"))
	if err == nil {
		err = os.MkdirAll(place, 0o700)
	}
	if err == nil {
		err = os.Symlink(program, filepath.Join(place, "terraform-provider-helm_v"+kube.HelmVersion))
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func (b *kubeBench) env() map[string]string {
	return map[string]string{"KUBECONFIG": b.kubeconfig, "HOME": b.home, "PATH": os.Getenv("PATH"), "CHECKPOINT_DISABLE": "1"}
}

func (b *kubeBench) options(p *policies.Policy) func(*deploy.Options) {
	return func(o *deploy.Options) {
		o.Sandbox, o.Remote, o.Policy, o.ProviderMirror, o.Env, o.ReadyTimeout = false, true, p, b.mirror, b.env(), 2*time.Minute
	}
}

func (b *kubeBench) deployer(p *policies.Policy, change ...func(*deploy.Options)) *deploy.Deployer {
	b.t.Helper()
	return b.bench.deployer(true, p, append([]func(*deploy.Options){b.options(p)}, change...)...)
}

// onKubernetes is a policy that sends everything to a cluster.
func onKubernetes(namespace string) *policies.Policy {
	p := policies.Default()
	p.Target = policies.Kubernetes
	p.Kubernetes.Namespace = namespace
	p.Failover.AttemptTimeout, p.Failover.MaxAttempts = 3*time.Minute, 2
	p.Failover.ProviderTimeout = nil
	return &p
}

// containers is a service of containers.
func containers(name string, n int) *spec.Service {
	return &spec.Service{
		Name: name, Instances: n,
		Source:    spec.Source{Container: &spec.Container{Image: "registry.example/" + name + ":1.0"}},
		Resources: spec.Resources{CPU: 0.1, MemoryGB: 0.125},
		Ports:     []spec.Port{{Name: "http", Number: 8080, Public: true}},
		Health:    &spec.Health{HTTP: &spec.HTTPHealth{Port: "http", Path: "/healthz"}},
		Env:       map[string]string{"LOG_LEVEL": "info"},
	}
}

// kubectl asks the cluster as anybody would.
func (b *kubeBench) kubectl(args ...string) string {
	b.t.Helper()
	program, err := exec.LookPath("kubectl")
	if err != nil {
		b.t.Fatal("these tests look at the cluster with kubectl: install it (Debian: kubernetes-client) and put it on PATH")
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.t.Context()), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, append([]string{"--kubeconfig", b.cluster.Kubeconfig()}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// held is all that carries a deployment's label in the cluster, and Helm's
// records of its release, by name.
func (b *kubeBench) held(id string) []string {
	b.t.Helper()
	kinds := "deployments,replicasets,pods,services,networkpolicies,poddisruptionbudgets,horizontalpodautoscalers,configmaps,serviceaccounts,secrets,persistentvolumeclaims"
	out := strings.Fields(b.kubectl("get", kinds, "-A", "-l", "skysail.dev/deployment="+id, "-o", "name"))
	out = append(out, strings.Fields(b.kubectl("get", "secrets", "-A", "-l", "owner=helm,name=skysail-"+id, "-o", "name"))...)
	return append(out, strings.Fields(b.kubectl("get", "namespaces", "-l", "member.skysail.dev/"+id, "-o", "name"))...)
}

// gone wants that nothing of a deployment is in the cluster.
func (b *kubeBench) gone(id string) {
	b.t.Helper()
	if left := b.held(id); len(left) > 0 {
		b.t.Errorf("the cluster holds %s", strings.Join(left, " "))
	}
}

// lastID is that of the newest deployment of a name.
func (b *kubeBench) lastID(d *deploy.Deployer, name string) string {
	b.t.Helper()
	list, err := d.List(b.t.Context(), true)
	if err != nil {
		b.t.Fatal(err)
	}
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].Name == name {
			return list[i].ID
		}
	}
	b.t.Fatalf("there is no deployment of %s", name)
	return ""
}

// TestKubeDefaultPolicy sends twenty instances to Kubernetes by the policy's
// defaults, looks at them in every way that there is, and takes them away.
func TestKubeDefaultPolicy(t *testing.T) {
	t.Parallel()
	b := newKubeBench(t, sharedCluster(t))
	policy := policies.Default()
	d := b.deployer(&policy)
	svc := containers("twenty", 20)
	dep, err := d.Deploy(t.Context(), svc)
	if err != nil {
		t.Fatal(err)
	}
	if dep.Provider != policies.Kubernetes || dep.Region != "production" || dep.Type != "blueprints" || len(dep.Instances) != 20 || dep.PriceUSD != 0 {
		t.Errorf("deployed as %+v", dep)
	}
	ready := b.kubectl("-n", "blueprints", "get", "deployment", "skysail-"+dep.ID, "-o", "jsonpath={.status.readyReplicas}")
	if ready != "20" {
		t.Errorf("kubectl sees %s ready", ready)
	}
	if status := b.kubectl("-n", "blueprints", "get", "secrets", "-l", "owner=helm,name=skysail-"+dep.ID, "-o", "jsonpath={.items[*].metadata.labels.status}"); status != "deployed" {
		t.Errorf("the release is %q", status)
	}
	st, err := d.Status(t.Context(), svc.Name)
	if err != nil {
		t.Fatal(err)
	}
	if len(st.Live) != 20 || st.Problem != "" {
		t.Fatalf("status: %d pods, %s", len(st.Live), st.Problem)
	}
	for _, i := range st.Live {
		if i.Pod == nil || !i.Pod.Ready || i.Pod.Node == "" || i.Pod.Phase != "Running" || i.Healthy != deploy.Yes {
			t.Errorf("pod %+v %+v", i, i.Pod)
		}
	}
	b.watched(d, dep, st)
	proofs, err := d.Destroy(t.Context(), svc.Name)
	if err != nil {
		t.Fatal(err)
	}
	if len(proofs) != 1 || len(proofs[0].Left) > 0 || proofs[0].AskedAt.IsZero() || len(proofs[0].Destroyed) == 0 {
		t.Errorf("proofs %+v", proofs)
	}
	b.gone(dep.ID)
	if ns := b.kubectl("get", "namespace", "blueprints", "-o", "name"); ns != "namespace/blueprints" {
		t.Errorf("the namespace that was there is gone: %s", ns)
	}
}

// watched wants container metrics, states and log lines of what runs.
func (b *kubeBench) watched(d *deploy.Deployer, dep deploy.Deployment, st deploy.Status) {
	b.t.Helper()
	pod := st.Live[0].Name
	if err := b.cluster.SetUsage(b.t.Context(), dep.Type, pod, "250m", "64Mi"); err != nil {
		b.t.Fatal(err)
	}
	got := map[string]float64{}
	// The metrics API measures from time to time, as metrics-server does.
	for end := time.Now().Add(30 * time.Second); got["skysail_pod_cpu_usage_cores"] == 0 && time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		res, err := d.Collect(b.t.Context(), dep.Name)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, s := range res.Samples {
			if s.Instance == pod && s.Source == "kubernetes" {
				got[s.Name] = s.Value
			}
		}
	}
	for name, want := range map[string]float64{
		"kube_pod_status_ready": 1, "skysail_service_up": 1, "skysail_pod_cpu_usage_cores": 0.25, "container_memory_working_set_bytes": 64 << 20,
	} {
		if got[name] != want {
			b.t.Errorf("%s is %v, not %v, of %v", name, got[name], want, got)
		}
	}
	if kept, err := d.Samples(b.t.Context(), dep.Name); err != nil || len(kept) == 0 {
		b.t.Errorf("stored samples: %d, %v", len(kept), err)
	}
}

// refusedAs wants an error that a failed deployment ends in, and a record that
// explains it.
func (b *kubeBench) refusedAs(d *deploy.Deployer, name string, err error, code failure.Code, class, words string) store.Attempt {
	b.t.Helper()
	if failure.CodeOf(err) != code {
		b.t.Errorf("code %s, want %s: %v", failure.CodeOf(err), code, err)
	}
	e, xerr := d.Explain(b.t.Context(), b.lastID(d, name))
	if xerr != nil || len(e.Attempts) == 0 {
		b.t.Fatalf("explain: %+v, %v", e, xerr)
	}
	a := e.Attempts[len(e.Attempts)-1]
	if a.Class != class || !strings.Contains(a.Cause, words) || a.Remedy == "" {
		b.t.Errorf("class %s (want %s), cause %q (want %q), remedy %q", a.Class, class, a.Cause, words, a.Remedy)
	}
	if strings.TrimSpace(a.Cause) == "context deadline exceeded" {
		b.t.Error("a bare deadline explains nothing")
	}
	b.gone(e.ID)
	return a.Attempt
}
