package kubernetes_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"skysail/clouds"
	"skysail/clouds/faults"
	"skysail/clouds/kubernetes"
	"skysail/sandbox/kube"
)

const (
	mine   = "db5qkck60vew"
	theirs = "dzzzzzzzzzzz"
)

type object = map[string]any

// real is a control plane; without its programs the test is skipped with the
// way to build them.
func real(t *testing.T, namespaces ...string) *kube.Cluster {
	t.Helper()
	dirs := []string{"../../bin/tools/kube"}
	if os.Getenv(kube.EnvTools) != "" {
		dirs = nil
	}
	tools, err := kube.Find(dirs...)
	if err != nil {
		t.Skipf("NOT RUN: %v", err)
	}
	dir, err := os.MkdirTemp("", "kube")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	c, err := kube.Start(t.Context(), tools, kube.Options{Dir: dir, Namespaces: namespaces})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	return c
}

func cloudOf(t *testing.T, kubeconfig, context, namespace string) *kubernetes.Cloud {
	t.Helper()
	c, err := kubernetes.New(clouds.MapEnv(map[string]string{"KUBECONFIG": kubeconfig}), context, namespace)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// roll makes what a release of the chart would: a Deployment and its
// neighbours, and the Secret of a release that failed.
func roll(t *testing.T, c *kube.Cluster, ns, id string, pods int, image string, limits object) {
	t.Helper()
	name := "skysail-" + id
	labels := object{kubernetes.Label: id, "app.kubernetes.io/instance": name}
	meta := object{"name": name, "namespace": ns, "labels": labels}
	for path, o := range map[string]object{
		"/apis/apps/v1/namespaces/" + ns + "/deployments/" + name: {"apiVersion": "apps/v1", "kind": "Deployment", "spec": object{
			"replicas": pods, "selector": object{"matchLabels": object{"app.kubernetes.io/instance": name}},
			"template": object{"metadata": object{"labels": labels}, "spec": object{"containers": []any{object{
				"name": "echo", "image": image, "resources": object{"limits": limits},
			}}}},
		}},
		"/api/v1/namespaces/" + ns + "/services/" + name: {"apiVersion": "v1", "kind": "Service", "spec": object{"ports": []any{object{"port": 80}}}},
		"/apis/policy/v1/namespaces/" + ns + "/poddisruptionbudgets/" + name: {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "spec": object{
			"minAvailable": 1, "selector": object{"matchLabels": object{"app.kubernetes.io/instance": name}},
		}},
	} {
		o["metadata"] = meta
		if err := c.Apply(t.Context(), path, o); err != nil {
			t.Fatal(err)
		}
	}
	release := "sh.helm.release.v1." + name + ".v1"
	err := c.Apply(t.Context(), "/api/v1/namespaces/"+ns+"/secrets/"+release, object{
		"apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
		"metadata": object{"name": release, "namespace": ns, "labels": object{"owner": "helm", "name": name, "status": "failed", "version": "1"}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// Each state of a service that does not become ready ends in its class, early
// where waiting would not help, and says why.
func TestKubeStates(t *testing.T) {
	c := real(t, "full", "gpu", "image", "crash", "quota", "ok", "slow")
	ctx := t.Context()
	if err := errors.Join(
		c.SetFault(ctx, "image", kube.Fault{Kind: kube.ImagePull, Namespace: "image"}),
		c.SetFault(ctx, "crash", kube.Fault{Kind: kube.CrashLoop, Namespace: "crash", ExitCode: 3}),
		c.SetFault(ctx, "slow", kube.Fault{Kind: kube.NeverReady, Namespace: "slow"}),
		c.SetQuota(ctx, "quota", map[string]string{"pods": "1"}),
	); err != nil {
		t.Fatal(err)
	}
	for ns, tt := range map[string]struct {
		pods   int
		limits object
		class  faults.Class
		text   string
	}{
		"ok":    {20, nil, "", ""},
		"full":  {1, object{"cpu": "1000"}, faults.Capacity, "Insufficient cpu"},
		"gpu":   {1, object{"nvidia.com/gpu": 64}, faults.Capacity, "Insufficient nvidia.com/gpu"},
		"image": {1, nil, faults.Invalid, "ErrImagePull"},
		"crash": {1, nil, faults.Service, "exit code 3"},
		"quota": {3, nil, faults.Quota, "exceeded quota"},
		"slow":  {1, nil, faults.Service, "Readiness probe failed"},
		"none":  {0, nil, faults.Invalid, `namespaces "none" not found`},
	} {
		t.Run(ns, func(t *testing.T) {
			if tt.pods > 0 {
				roll(t, c, ns, mine, tt.pods, "registry.example/echo:1", tt.limits)
			}
			err := cloudOf(t, c.Kubeconfig(), "production", ns).WaitReady(within(t, 90*time.Second), mine, kubernetes.WaitOptions{Grace: 6 * time.Second})
			if tt.class == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var not *kubernetes.NotReadyError
			if !errors.As(err, &not) {
				t.Fatalf("%v", err)
			}
			if got := not.Diagnosis.Verdict().Class; got != tt.class || !not.Early || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("class %s, want %s with %q, early %v: %v", got, tt.class, tt.text, not.Early, err)
			}
		})
	}
}

// Find and Delete leave nothing of a deployment, and the other's whole, over
// namespaces side by side; a namespace of skysail's making goes, another stays.
func TestKubeSweep(t *testing.T) {
	c := real(t, "theirs")
	ours := cloudOf(t, c.Kubeconfig(), "production", "made")
	ctx := within(t, 3*time.Minute)
	if made, err := ours.EnsureNamespace(ctx, mine); err != nil || !made {
		t.Fatalf("made %v: %v", made, err)
	}
	if err := ours.EnsureSecret(ctx, mine, "skysail-"+mine, map[string]string{"API_KEY": "hunter2"}); err != nil {
		t.Fatal(err)
	}
	if err := ours.EnsureSecret(ctx, mine, "skysail-"+mine, map[string]string{"API_KEY": "hunter3"}); err != nil {
		t.Fatal(err)
	}
	roll(t, c, "theirs", mine, 2, "registry.example/echo:1", nil) // what a changed policy left behind
	roll(t, c, "theirs", theirs, 2, "registry.example/echo:1", nil)
	other := cloudOf(t, c.Kubeconfig(), "staging", "theirs")
	for _, id := range []string{mine, theirs} {
		if err := other.WaitReady(ctx, id, kubernetes.WaitOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	before, err := other.Find(ctx, theirs)
	if err != nil {
		t.Fatal(err)
	}
	found, err := ours.Find(ctx, mine)
	if err != nil || len(found) != 9 { // deployment, replica set, 2 pods, budget, service, secret, release, namespace
		t.Fatalf("%d: %v, %v", len(found), found, err)
	}
	for _, r := range found {
		if err := ours.Delete(ctx, r); err != nil {
			t.Errorf("%s %s: %v", r.Kind, r.Name, err)
		}
	}
	if left, err := ours.Find(ctx, mine); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	after, err := other.Find(ctx, theirs)
	if err != nil || fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("the other's, before %v\nafter %v, %v", before, after, err)
	}
	if err := c.Do(ctx, http.MethodGet, "/api/v1/namespaces/theirs", nil, nil); err != nil {
		t.Errorf("the namespace of others: %v", err)
	}
	if err := c.Do(ctx, http.MethodGet, "/api/v1/namespaces/made", nil, nil); err == nil {
		t.Error("the namespace of our making is still there")
	}
	// A second deploy of the same name collides with nothing.
	if made, err := ours.EnsureNamespace(ctx, mine); err != nil || !made {
		t.Errorf("made again %v: %v", made, err)
	}
}

func TestKubeRights(t *testing.T) {
	c := real(t, "blueprints")
	ctx := within(t, time.Minute)
	admin := cloudOf(t, c.Kubeconfig(), "production", "blueprints")
	if a, err := admin.Check(ctx); err != nil || a.ID != "sandbox-admin" {
		t.Errorf("admin: %+v, %v", a, err)
	}
	all := []string{"get", "list", "watch", "create", "update", "patch", "delete"}
	read := []string{"get", "list", "watch"}
	// As docs/providers/kubernetes-role.yaml has it.
	path, err := c.AddUser(ctx, "dev", map[string][]kube.Rule{"blueprints": {
		{Groups: []string{"apps"}, Resources: []string{"deployments"}, Verbs: all},
		{Groups: []string{""}, Resources: []string{"services", "serviceaccounts", "secrets"}, Verbs: all},
		{Groups: []string{"networking.k8s.io"}, Resources: []string{"networkpolicies"}, Verbs: all},
		{Groups: []string{"policy"}, Resources: []string{"poddisruptionbudgets"}, Verbs: all},
		{Groups: []string{"autoscaling"}, Resources: []string{"horizontalpodautoscalers"}, Verbs: all},
		{Groups: []string{"apps"}, Resources: []string{"replicasets"}, Verbs: read},
		{Groups: []string{""}, Resources: []string{"pods", "pods/log", "events", "persistentvolumeclaims"}, Verbs: read},
	}})
	if err != nil {
		t.Fatal(err)
	}
	dev := cloudOf(t, path, "production", "blueprints")
	if a, err := dev.Check(ctx); err != nil || a.ID != "dev" {
		t.Errorf("dev: %+v, %v", a, err)
	}
	roll(t, c, "blueprints", mine, 1, "registry.example/echo:1", nil)
	if err := dev.WaitReady(ctx, mine, kubernetes.WaitOptions{}); err != nil {
		t.Error(err)
	}
	if made, err := dev.EnsureNamespace(ctx, mine); err != nil || made {
		t.Errorf("EnsureNamespace: %v, %v", made, err)
	}
	found, err := dev.Find(ctx, mine)
	if err != nil || len(found) != 6 {
		t.Errorf("%v, %v", found, err)
	}
	for _, r := range found {
		if err := dev.Delete(ctx, r); err != nil {
			t.Errorf("%s %s: %v", r.Kind, r.Name, err)
		}
	}
	if left, err := dev.Find(ctx, mine); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	path, err = c.AddUser(ctx, "nobody", nil)
	if err != nil {
		t.Fatal(err)
	}
	nobody := cloudOf(t, path, "production", "blueprints")
	_, err = nobody.Check(ctx)
	if err == nil || !strings.Contains(err.Error(), `user "nobody"`) || !strings.Contains(err.Error(), "create deployments.apps") {
		t.Errorf("nobody: %v", err)
	}
	if _, err := nobody.Find(ctx, mine); err == nil || kubernetes.Faults().Judge(err.Error()).Class != faults.Auth {
		t.Errorf("nobody finds: %v", err)
	}
	var not *kubernetes.NotReadyError
	if err := nobody.WaitReady(ctx, mine, kubernetes.WaitOptions{Grace: 6 * time.Second}); !errors.As(err, &not) || not.Diagnosis.Verdict().Class != faults.Auth || !not.Early {
		t.Errorf("nobody waits: %v", err)
	}
}

// An API server that is killed and comes back, and one that refuses many
// calls, are waited for; one that stays away is a transient fault.
func TestKubeAPIServerAway(t *testing.T) {
	c := real(t, "blueprints")
	ctx := within(t, 3*time.Minute)
	cloud := cloudOf(t, c.Kubeconfig(), "production", "blueprints")
	roll(t, c, "blueprints", mine, 2, "registry.example/echo:1", nil)
	front, err := c.AddFront(ctx, "busy")
	if err != nil {
		t.Fatal(err)
	}
	front.Throttle(0.3, time.Second, 1)
	found, err := cloudOf(t, front.Kubeconfig(), "production", "blueprints").Find(ctx, mine)
	if err != nil || len(found) < 4 || front.Denied() == 0 {
		t.Errorf("429s: %d found, %d denied: %v", len(found), front.Denied(), err)
	}
	c.KillAPIServer()
	short, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if _, err := cloud.Find(short, mine); err == nil || kubernetes.Faults().Judge(err.Error()).Class != faults.Transient {
		t.Errorf("killed: %v", err)
	}
	back := make(chan error, 1)
	go func() {
		time.Sleep(3 * time.Second)
		back <- c.StartAPIServer(ctx)
	}()
	if err := cloud.WaitReady(ctx, mine, kubernetes.WaitOptions{Grace: 6 * time.Second}); err != nil {
		t.Errorf("it came back: %v", err)
	}
	if err := <-back; err != nil {
		t.Fatal(err)
	}
}

func TestKubeReadings(t *testing.T) {
	c := real(t, "blueprints")
	ctx := within(t, 2*time.Minute)
	cloud := cloudOf(t, c.Kubeconfig(), "production", "blueprints")
	roll(t, c, "blueprints", mine, 1, "registry.example/echo:1", nil)
	if err := cloud.WaitReady(ctx, mine, kubernetes.WaitOptions{}); err != nil {
		t.Fatal(err)
	}
	pods, err := cloud.Pods(ctx, mine)
	if err != nil || len(pods) != 1 || !pods[0].Ready || pods[0].Node == "" || pods[0].Deployment != mine {
		t.Fatalf("%+v, %v", pods, err)
	}
	pod := pods[0].Name
	if _, err := cloud.PodMetrics(ctx, mine); !errors.Is(err, kubernetes.ErrNoMetrics) {
		t.Errorf("no metrics API: %v", err)
	}
	if err := errors.Join(c.EnableMetrics(ctx), c.SetUsage(ctx, "blueprints", pod, "250m", "64Mi")); err != nil {
		t.Fatal(err)
	}
	var usage []kubernetes.PodMetric
	for ctx.Err() == nil && (len(usage) == 0 || usage[0].CPU() == 0) {
		if usage, err = cloud.PodMetrics(ctx, clouds.Any); err != nil {
			usage = nil
		}
		time.Sleep(300 * time.Millisecond)
	}
	if len(usage) != 1 || usage[0].CPU() != 0.25 || usage[0].Memory() != 64<<20 || usage[0].Deployment != mine {
		t.Errorf("%+v, %v", usage, err)
	}
	events, err := cloud.Events(ctx, mine, time.Time{})
	if err != nil || len(events) == 0 {
		t.Errorf("%v, %v", events, err)
	}

	if err := c.SetLogs(ctx, "blueprints", pod, "echo", []string{"one", "two"}, nil); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 10)
	follow, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		done <- cloud.Logs(follow, mine, kubernetes.LogOptions{Follow: true}, func(l kubernetes.LogLine) error {
			lines <- l.Text
			return nil
		})
	}()
	for _, want := range []string{"one", "two", "three"} {
		if want == "three" {
			if err := c.AppendLog("blueprints", pod, "echo", "three"); err != nil {
				t.Error(err)
			}
		}
		select {
		case got := <-lines:
			if got != want {
				t.Errorf("line %q, want %q", got, want)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("no line %q", want)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}

	if err := c.AllowExec(ctx, "blueprints", pod, nil); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	err = cloud.Exec(ctx, pods[0], "", []string{"sh", "-c", "read word; echo got $word; exit 7"}, kubernetes.Streams{In: strings.NewReader("hello\n"), Out: &out})
	// kwok tells a status in words only, and does not pass on the input's end:
	// exec_test.go has what a kubelet does.
	if err == nil || !strings.Contains(err.Error(), "exit status 7") || out.String() != "got hello\n" {
		t.Errorf("exec: %v, %q", err, out.String())
	}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) }))
	defer web.Close()
	if err := c.ForwardPort(ctx, "blueprints", pod, 8080, web.Listener.Addr().(*net.TCPAddr).Port); err != nil {
		t.Fatal(err)
	}
	forward, cut := context.WithCancel(ctx)
	ready := make(chan []kubernetes.Port, 1)
	go func() {
		done <- cloud.PortForward(forward, pods[0], []kubernetes.Port{{Remote: 8080}}, os.Stderr, func(p []kubernetes.Port) { ready <- p })
	}()
	select {
	case p := <-ready:
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/", p[0].Local))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || string(text) != "hello" {
			t.Errorf("forwarded: %q, %v", text, err)
		}
		cut()
		if err := <-done; err != nil {
			t.Error(err)
		}
	case err := <-done:
		cut()
		t.Error(err)
	}
}
