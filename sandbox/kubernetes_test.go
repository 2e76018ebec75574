package sandbox

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"skysail/sandbox/kube"
)

// kubeTools finds the control plane, or skips with the way to build it.
func kubeTools(t *testing.T) string {
	t.Helper()
	dir := os.Getenv(kube.EnvTools)
	if dir == "" {
		dir = "../bin/tools/kube"
	}
	tools, err := kube.Find(dir)
	if err != nil {
		t.Skipf("NOT RUN: %v", err)
	}
	return tools.Dir
}

func TestKubeSandbox(t *testing.T) {
	tools := kubeTools(t)
	home := newHome(t)
	c := up(t, home)
	k, err := c.Kubernetes(t.Context())
	check(t, err)
	if k.State != "down" || c.Env()["KUBECONFIG"] != "" {
		t.Fatalf("without being asked for there is %+v", k)
	}
	k, err = c.StartKubernetes(t.Context(), tools)
	check(t, err)
	kubeconfig := c.Env()["KUBECONFIG"]
	if k.State != "up" || k.Kubeconfig != kubeconfig || filepath.Dir(filepath.Dir(kubeconfig)) != home {
		t.Fatalf("the cluster is %+v, KUBECONFIG %q", k, kubeconfig)
	}
	kubectl := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "kubectl", args...)
		cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("kubectl %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	if _, err := exec.LookPath("kubectl"); err != nil {
		t.Skip("NOT RUN: there is no kubectl on PATH to hold it against")
	}
	kubectl("--context", "staging", "run", "web", "--image=web:1", "--labels=skysail.dev/deployment=db5qkck60vew")
	kubectl("--context", "staging", "wait", "--for=condition=Ready", "pod/web", "--timeout=30s")
	wantPod := func(c *Client) {
		t.Helper()
		for _, r := range list(t, c) {
			if r.Kind == "pod" && r.ID == "staging/web" {
				if r.Provider != "kubernetes" || r.State != "Running" || strings.Join(r.Tags, " ") != "skysail.dev/deployment=db5qkck60vew" {
					t.Errorf("the pod is listed as %+v", r)
				}
				return
			}
		}
		t.Errorf("the pod is not listed: %+v", list(t, c))
	}
	wantPod(c)

	// The next daemon brings it back, with what it held.
	check(t, down(t.Context(), home, false, testKit()))
	if resp, err := http.Get(strings.TrimSpace(kubectlServer(t, kubeconfig))); err == nil {
		_ = resp.Body.Close()
		t.Error("the API answers after down")
	}
	c = up(t, home)
	k, err = c.StartKubernetes(t.Context(), tools)
	check(t, err)
	if k.Kubeconfig != kubeconfig {
		t.Errorf("the kubeconfig was %s and is %s", kubeconfig, k.Kubeconfig)
	}
	wantPod(c)

	check(t, down(t.Context(), home, true, testKit()))
	if _, err := os.Stat(kubeconfig); !os.IsNotExist(err) {
		t.Errorf("after purge there is a kubeconfig: %v", err)
	}
	c = up(t, home)
	if k, err := c.Kubernetes(t.Context()); err != nil || k.State != "down" {
		t.Errorf("after purge the cluster is %+v (%v)", k, err)
	}
}

// kubectlServer is the API's address in a kubeconfig.
func kubectlServer(t *testing.T, kubeconfig string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "kubectl", "--kubeconfig", kubeconfig, "config", "view", "-o", "jsonpath={.clusters[0].cluster.server}").Output()
	check(t, err)
	return string(out)
}

func TestKubeToolsMissing(t *testing.T) {
	c := up(t, newHome(t))
	_, err := c.StartKubernetes(t.Context(), t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "make tools-kube") {
		t.Errorf("without tools: %v", err)
	}
	if _, err := os.Stat(filepath.Join(c.home, kubeFile)); !os.IsNotExist(err) {
		t.Errorf("a cluster that can not start is remembered: %v", err)
	}
}
