package kube

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"skysail/internal/supervise/proc"
)

// built finds the control plane, or skips with the way to build it.
func built(tb testing.TB) Tools {
	tb.Helper()
	dirs := []string{"../../bin/tools/kube"}
	if os.Getenv(EnvTools) != "" {
		dirs = nil
	}
	tools, err := Find(dirs...)
	if err != nil {
		tb.Skip(err)
	}
	return tools
}

func started(tb testing.TB, opts Options) *Cluster {
	tb.Helper()
	if opts.Dir == "" {
		opts.Dir = tb.TempDir()
	}
	began := time.Now()
	c, err := Start(tb.Context(), built(tb), opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Stop)
	tb.Logf("the cluster was ready after %s", time.Since(began).Round(time.Millisecond))
	return c
}

// pod is what these tests read of one.
type pod struct {
	Metadata struct{ UID string }
	Spec     struct{ NodeName string }
	Status   struct {
		Phase      string
		PodIP      string
		Conditions []struct{ Type, Status, Reason, Message string }

		ContainerStatuses []struct {
			Ready        bool
			RestartCount int
			State        struct {
				Waiting *struct{ Reason, Message string }
				Running *struct{ StartedAt string }
			}
			LastState struct {
				Terminated *struct {
					ExitCode int
					Reason   string
				}
			}
		}
	}
}

func (p *pod) condition(name string) string {
	for _, c := range p.Status.Conditions {
		if c.Type == name {
			return c.Status
		}
	}
	return ""
}

func (p *pod) waiting() string {
	for _, c := range p.Status.ContainerStatuses {
		if c.State.Waiting != nil {
			return c.State.Waiting.Reason
		}
	}
	return ""
}

// run makes a pod; change may alter its spec.
func run(tb testing.TB, c *Cluster, namespace, name, image string, change ...func(spec object)) {
	tb.Helper()
	spec := object{"containers": []any{object{"name": "main", "image": image}}}
	for _, f := range change {
		f(spec)
	}
	if err := c.Do(tb.Context(), "POST", "/api/v1/namespaces/"+namespace+"/pods", object{
		"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": name}, "spec": spec,
	}, nil); err != nil {
		tb.Fatal(err)
	}
}

// await reads a pod until it is as wanted.
func await(tb testing.TB, c *Cluster, namespace, name string, good func(*pod) bool) *pod {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 30*time.Second)
	defer cancel()
	var raw json.RawMessage
	for {
		err := c.Do(ctx, "GET", "/api/v1/namespaces/"+namespace+"/pods/"+name, nil, &raw)
		if err == nil {
			var p pod
			if err := json.Unmarshal(raw, &p); err != nil {
				tb.Fatal(err)
			}
			if good(&p) {
				return &p
			}
		}
		if ctx.Err() != nil {
			tb.Fatalf("pod %s/%s: %v\n%s", namespace, name, err, raw)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func isReady(p *pod) bool { return p.condition("Ready") == "True" }

// events are the reasons and messages of what happened to a pod.
func events(tb testing.TB, c *Cluster, namespace, name string) []string {
	tb.Helper()
	var list struct {
		Items []struct{ Reason, Message string }
	}
	if err := c.Do(tb.Context(), "GET", "/api/v1/namespaces/"+namespace+"/events?fieldSelector=involvedObject.name%3D"+name, nil, &list); err != nil {
		tb.Fatal(err)
	}
	var out []string
	for _, e := range list.Items {
		out = append(out, e.Reason+": "+e.Message)
	}
	return out
}

func wantEvent(tb testing.TB, c *Cluster, namespace, name, prefix string) {
	tb.Helper()
	var all []string
	for range 100 {
		all = events(tb, c, namespace, name)
		if slices.ContainsFunc(all, func(e string) bool { return strings.HasPrefix(e, prefix) }) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	tb.Errorf("no event %q of %s/%s; it has %q", prefix, namespace, name, all)
}

// kubectl runs the real client, where there is one.
func kubectl(tb testing.TB, kubeconfig string, args ...string) (string, error) {
	tb.Helper()
	if _, err := exec.LookPath("kubectl"); err != nil {
		tb.Skip("not held against kubectl: there is none on PATH")
	}
	cmd := exec.CommandContext(tb.Context(), "kubectl", args...)
	cmd.Env = []string{"KUBECONFIG=" + kubeconfig, "PATH=" + os.Getenv("PATH"), "HOME=" + tb.TempDir()}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func status(err error) int {
	var s *StatusError
	if errors.As(err, &s) {
		return s.Code
	}
	return 0
}

// running are the processes of a cluster's folder.
func running(tb testing.TB, dir string) []proc.Info {
	tb.Helper()
	found, err := proc.WithEnv(envDir + "=" + dir)
	if err != nil {
		tb.Fatal(err)
	}
	return found
}
