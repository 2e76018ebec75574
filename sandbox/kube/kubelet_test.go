package kube

import (
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestKubeLogs(t *testing.T) {
	t.Parallel()
	c := started(t, Options{Namespaces: []string{"a"}})
	run(t, c, "a", "web", "web:1")
	await(t, c, "a", "web", isReady)
	if err := c.SetLogs(t.Context(), "a", "web", "main", []string{"one", "two"}, []string{"panic: before"}); err != nil {
		t.Fatal(err)
	}
	if out, err := kubectl(t, c.Kubeconfig(), "logs", "-n", "a", "web"); err != nil || out != "one\ntwo\n" {
		t.Errorf("logs: %v %q", err, out)
	}
	if out, err := kubectl(t, c.Kubeconfig(), "logs", "-n", "a", "web", "--previous"); err != nil || out != "panic: before\n" {
		t.Errorf("logs --previous: %v %q", err, out)
	}
	if out, err := kubectl(t, c.Kubeconfig(), "logs", "-n", "a", "web", "--tail=1", "--timestamps"); err != nil || !strings.HasSuffix(out, "Z two\n") {
		t.Errorf("logs --tail=1 --timestamps: %v %q", err, out)
	}

	cmd := exec.CommandContext(t.Context(), "kubectl", "--kubeconfig", c.Kubeconfig(), "logs", "-f", "-n", "a", "web")
	var seen safeBuffer
	cmd.Stdout = &seen
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	seen.await(t, "two\n")
	if err := c.AppendLog("a", "web", "main", "three"); err != nil {
		t.Fatal(err)
	}
	seen.await(t, "three\n")
}

func TestKubePortForwardAndExec(t *testing.T) {
	t.Parallel()
	c := started(t, Options{Namespaces: []string{"a"}})
	run(t, c, "a", "web", "web:1")
	await(t, c, "a", "web", isReady)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })}
	go func() { _ = srv.Serve(l) }()
	defer func() { _ = srv.Close() }()
	if err := c.ForwardPort(t.Context(), "a", "web", 8080, l.Addr().(*net.TCPAddr).Port); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "kubectl", "--kubeconfig", c.Kubeconfig(), "port-forward", "-n", "a", "pod/web", ":8080")
	var seen safeBuffer
	cmd.Stdout, cmd.Stderr = &seen, &seen
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	seen.await(t, " -> 8080")
	_, rest, _ := strings.Cut(seen.String(), "Forwarding from ")
	addr, _, _ := strings.Cut(rest, " ")
	res, err := http.Get("http://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, _ := io.ReadAll(res.Body); string(b) != "hello" {
		t.Errorf("by the forwarded port: %q", b)
	}

	if out, err := kubectl(t, c.Kubeconfig(), "exec", "-n", "a", "web", "--", "echo", "no"); err == nil {
		t.Errorf("exec works without being allowed: %s", out)
	}
	if err := c.AllowExec(t.Context(), "a", "web", map[string]string{"GREETING": "moin"}); err != nil {
		t.Fatal(err)
	}
	if out, err := kubectl(t, c.Kubeconfig(), "exec", "-n", "a", "web", "--", "/bin/sh", "-c", "echo $GREETING"); err != nil || out != "moin\n" {
		t.Errorf("exec: %v %q", err, out)
	}
	// kwok says that a command failed, but not with which code.
	if out, err := kubectl(t, c.Kubeconfig(), "exec", "-n", "a", "web", "--", "/bin/sh", "-c", "exit 3"); err == nil || !strings.Contains(out, "exit status 3") {
		t.Errorf("exec of what fails: %v %q", err, out)
	}
}

func TestKubeMetrics(t *testing.T) {
	t.Parallel()
	c := started(t, Options{Namespaces: []string{"a"}})
	if err := c.EnableMetrics(t.Context()); err != nil {
		t.Fatal(err)
	}
	run(t, c, "a", "web", "web:1")
	run(t, c, "a", "unmeasured", "web:1")
	await(t, c, "a", "web", isReady)
	await(t, c, "a", "unmeasured", isReady)
	if err := c.SetUsage(t.Context(), "a", "web", "250m", "64Mi"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	out, err := kubectl(t, c.Kubeconfig(), "top", "pods", "-n", "a", "--no-headers")
	if err != nil || !strings.Contains(out, "250m") || !strings.Contains(out, "64Mi") || strings.Contains(out, "unmeasured") {
		t.Errorf("kubectl top pods: %v\n%s", err, out)
	}
	var m struct {
		Metadata   struct{ Annotations map[string]string }
		Containers []struct{ Usage map[string]string }
	}
	if err := c.Do(t.Context(), "GET", "/apis/metrics.k8s.io/v1beta1/namespaces/a/pods/web", nil, &m); err != nil {
		t.Fatal(err)
	}
	if m.Metadata.Annotations[Simulated] != "true" || len(m.Containers) != 1 || m.Containers[0].Usage["cpu"] != "250m" {
		t.Errorf("the metrics are %+v", m)
	}
	if err := c.Do(t.Context(), "GET", "/apis/metrics.k8s.io/v1beta1/namespaces/a/pods/unmeasured", nil, nil); status(err) != 404 {
		t.Errorf("metrics of a pod that has none: %v", err)
	}
}

func TestKubeUsers(t *testing.T) {
	t.Parallel()
	c := started(t, Options{Namespaces: []string{"a", "b"}})
	reader, err := c.AddUser(t.Context(), "reader", map[string][]Rule{"a": {{Groups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "list"}}}})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := kubectl(t, reader, "get", "pods", "-n", "a"); err != nil {
		t.Errorf("what it may: %v\n%s", err, out)
	}
	for _, args := range [][]string{{"get", "pods", "-n", "b"}, {"get", "secrets", "-n", "a"}, {"create", "namespace", "c"}} {
		if out, err := kubectl(t, reader, args...); err == nil || !strings.Contains(out, "Forbidden") && !strings.Contains(out, "forbidden") {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
}
