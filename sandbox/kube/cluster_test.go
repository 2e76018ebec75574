package kube

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestKubeStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := started(t, Options{Dir: dir, Namespaces: []string{"blueprints"}})
	run(t, c, "blueprints", "web", "registry.example/web:1")
	p := await(t, c, "blueprints", "web", isReady)
	if p.Status.PodIP == "" || p.Spec.NodeName == "" || strings.HasPrefix(p.Spec.NodeName, "gpu") {
		t.Errorf("pod on %q with address %q", p.Spec.NodeName, p.Status.PodIP)
	}
	if err := c.Err(); err != nil {
		t.Error(err)
	}
	if out, err := kubectl(t, c.Kubeconfig(), "--context", "production", "get", "pods"); err != nil || !strings.Contains(out, "Running") {
		t.Errorf("kubectl: %v\n%s", err, out)
	}

	// Whatever is in the folder can be read by its owner only.
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %s", path, info.Mode())
		}
		return err
	}); err != nil {
		t.Error(err)
	}

	// What it held is there again after a restart, and the old kubeconfig works.
	before, err := os.ReadFile(c.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	c.Stop()
	if left := running(t, dir); len(left) > 0 {
		t.Fatalf("after Stop there are %v", left)
	}
	c = started(t, Options{Dir: dir})
	if err := os.WriteFile(c.Kubeconfig(), before, 0o600); err != nil {
		t.Fatal(err)
	}
	await(t, c, "blueprints", "web", isReady)
	if out, err := kubectl(t, c.Kubeconfig(), "get", "pods"); err != nil || !strings.Contains(out, "web") {
		t.Errorf("kubectl with yesterday's kubeconfig: %v\n%s", err, out)
	}
}

func TestKubeScheduling(t *testing.T) {
	t.Parallel()
	c := started(t, Options{Namespaces: []string{"a"}})
	gpus := func(n int) func(object) {
		return func(spec object) {
			spec["containers"].([]any)[0].(object)["resources"] = object{"limits": object{"nvidia.com/gpu": n}}
			spec["tolerations"] = []any{object{"key": "nvidia.com/gpu", "operator": "Exists"}}
		}
	}
	run(t, c, "a", "gpu", "train:1", gpus(2))
	if p := await(t, c, "a", "gpu", isReady); p.Spec.NodeName != "gpu-1" {
		t.Errorf("the pod with a GPU is on %s", p.Spec.NodeName)
	}
	run(t, c, "a", "gpu-more", "train:1", gpus(1))
	p := await(t, c, "a", "gpu-more", func(p *pod) bool { return p.condition("PodScheduled") == "False" })
	if m := p.Status.Conditions[0].Message; !strings.Contains(m, "Insufficient nvidia.com/gpu") {
		t.Errorf("it is not scheduled because: %s", m)
	}
	wantEvent(t, c, "a", "gpu-more", "FailedScheduling: ")

	if err := c.SetQuota(t.Context(), "a", map[string]string{"pods": "2"}); err != nil {
		t.Fatal(err)
	}
	err := c.Do(t.Context(), "POST", "/api/v1/namespaces/a/pods", object{
		"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": "third"},
		"spec": object{"containers": []any{object{"name": "main", "image": "x"}}},
	}, nil)
	if status(err) != 403 || !strings.Contains(err.Error(), "exceeded quota") {
		t.Errorf("a third pod: %v", err)
	}
	if err := c.RemoveNode(t.Context(), "gpu-1"); err != nil {
		t.Error(err)
	}
}

// A cluster whose starter is gone does not run on beside the next one.
func TestKubeSweep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := started(t, Options{Dir: dir})
	if len(running(t, dir)) != 5 {
		t.Fatalf("there run %v", running(t, dir))
	}
	if err := Sweep(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if left := running(t, dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if err := c.Err(); err == nil || !strings.Contains(err.Error(), "ended") {
		t.Errorf("the cluster that was swept says %v", err)
	}
}

func TestKubeFind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, etcd), nil, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Find(dir)
	if err == nil {
		t.Fatal("a folder with etcd only is found")
	}
	for _, want := range []string{dir, kwok, scheduler, "make tools-kube", EnvTools} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %s: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "lacks etcd") {
		t.Errorf("it says that etcd is missing: %v", err)
	}
}
