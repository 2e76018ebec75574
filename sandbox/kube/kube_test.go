package kube

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// built finds the control plane, or skips with the way to build it.
func built(t *testing.T) Tools {
	t.Helper()
	tools, err := Find("../../bin/tools/kube")
	if os.Getenv(EnvTools) != "" {
		tools, err = Find()
	}
	if err != nil {
		t.Skip(err)
	}
	return tools
}

func started(t *testing.T, opts Options) *Cluster {
	t.Helper()
	opts.Dir = t.TempDir()
	began := time.Now()
	c, err := Start(t.Context(), built(t), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	t.Logf("the cluster was ready after %s", time.Since(began).Round(time.Millisecond))
	return c
}

func TestKubeStart(t *testing.T) {
	c := started(t, Options{Namespaces: []string{"blueprints"}})
	ctx := t.Context()
	pod(t, c, "blueprints", "web", "registry.example/web:1", nil)
	awaitPod(t, c, "blueprints", "web", func(s string) bool { return strings.Contains(s, `"type":"Ready","status":"True"`) || ready1(s) })
	if err := c.Err(); err != nil {
		t.Fatal(err)
	}
	_ = ctx
}

func ready1(s string) bool {
	var p struct {
		Status struct {
			Conditions []struct{ Type, Status string }
		}
	}
	_ = json.Unmarshal([]byte(s), &p)
	for _, c := range p.Status.Conditions {
		if c.Type == "Ready" {
			return c.Status == "True"
		}
	}
	return false
}

func pod(t *testing.T, c *Cluster, ns, name, image string, labels map[string]string) {
	t.Helper()
	err := c.Do(t.Context(), "POST", "/api/v1/namespaces/"+ns+"/pods", object{
		"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": name, "labels": labels},
		"spec": object{"containers": []any{object{"name": "main", "image": image}}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
}

func awaitPod(t *testing.T, c *Cluster, ns, name string, good func(string) bool) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var last json.RawMessage
	for {
		err := c.Do(ctx, "GET", "/api/v1/namespaces/"+ns+"/pods/"+name, nil, &last)
		if err == nil && good(string(last)) {
			return string(last)
		}
		if ctx.Err() != nil {
			t.Fatalf("pod %s: %v\n%s", name, err, last)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

var _ = exec.Command
