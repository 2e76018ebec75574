package kube

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestKubeFaults(t *testing.T) {
	t.Parallel()
	c := started(t, Options{Namespaces: []string{"a", "b"}})
	ctx := t.Context()
	set := func(name string, f Fault) {
		t.Helper()
		if err := c.SetFault(ctx, name, f); err != nil {
			t.Fatal(err)
		}
	}
	set("typo", Fault{Kind: ImagePull, Image: "^registry\\.example/tpyo"})
	set("crash", Fault{Kind: CrashLoop, Image: "crash", Delay: time.Second, ExitCode: 137})
	set("sick", Fault{Kind: NeverReady, Namespace: "b"})
	set("slow", Fault{Kind: Slow, Image: "slow", Delay: 2 * time.Second})

	run(t, c, "a", "well", "registry.example/web:1")
	run(t, c, "a", "typo", "registry.example/tpyo:1")
	run(t, c, "a", "crash", "crash:1")
	run(t, c, "b", "sick", "registry.example/web:1")
	run(t, c, "a", "slow", "slow:1")

	await(t, c, "a", "well", isReady)
	p := await(t, c, "a", "typo", func(p *pod) bool { return p.waiting() == "ErrImagePull" || p.waiting() == "ImagePullBackOff" })
	if m := p.Status.ContainerStatuses[0].State.Waiting.Message; !strings.Contains(m, `"registry.example/tpyo:1"`) {
		t.Errorf("the message is %q", m)
	}
	p = await(t, c, "a", "typo", func(p *pod) bool { return p.waiting() == "ImagePullBackOff" })
	if p.Status.Phase != "Pending" || isReady(p) {
		t.Errorf("phase %s, ready %v", p.Status.Phase, isReady(p))
	}
	wantEvent(t, c, "a", "typo", `Failed: Failed to pull image "registry.example/tpyo:1": rpc error: code = NotFound`)
	wantEvent(t, c, "a", "typo", "Failed: Error: ImagePullBackOff")
	wantEvent(t, c, "a", "typo", "BackOff: Back-off pulling image")

	p = await(t, c, "a", "crash", func(p *pod) bool {
		return p.waiting() == "CrashLoopBackOff" && p.Status.ContainerStatuses[0].RestartCount >= 2
	})
	if last := p.Status.ContainerStatuses[0].LastState.Terminated; last == nil || last.ExitCode != 137 || last.Reason != "OOMKilled" {
		t.Errorf("the last state is %+v", last)
	}
	wantEvent(t, c, "a", "crash", "BackOff: Back-off restarting failed container main in pod crash_a("+p.Metadata.UID+")")

	p = await(t, c, "b", "sick", func(p *pod) bool { return p.Status.Phase == "Running" })
	if isReady(p) || p.Status.ContainerStatuses[0].Ready || p.Status.ContainerStatuses[0].State.Running == nil {
		t.Errorf("the pod is %+v", p.Status)
	}
	wantEvent(t, c, "b", "sick", "Unhealthy: Readiness probe failed")

	await(t, c, "a", "slow", isReady)

	if err := c.ClearFault(ctx, "typo"); err != nil {
		t.Fatal(err)
	}
	run(t, c, "a", "again", "registry.example/tpyo:1")
	await(t, c, "a", "again", isReady)
	if err := c.SetFault(ctx, "x", Fault{Kind: "explode"}); err == nil {
		t.Error("an unknown kind is accepted")
	}
}

func TestKubeAPIServerGone(t *testing.T) {
	t.Parallel()
	c := started(t, Options{Namespaces: []string{"a"}})
	server := c.server()
	c.KillAPIServer()
	if err := c.Do(t.Context(), "GET", "/api/v1/nodes", nil, nil); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("without an API: %v", err)
	}
	if err := c.Err(); err != nil {
		t.Errorf("what was killed on purpose counts as dead: %v", err)
	}
	if err := c.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c.server() != server {
		t.Errorf("it was at %s and is at %s", server, c.server())
	}
	run(t, c, "a", "after", "x")
	await(t, c, "a", "after", isReady)
}

func TestKubeThrottle(t *testing.T) {
	t.Parallel()
	c := started(t, Options{Namespaces: []string{"a"}})
	f, err := c.AddFront(t.Context(), "slow")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := kubectl(t, f.Kubeconfig(), "auth", "whoami"); err != nil || !strings.Contains(out, "sandbox-admin") {
		t.Errorf("by the front: %v\n%s", err, out)
	}
	f.Throttle(0.5, time.Second, 7)
	// kubectl waits and asks again, as client-go does for everybody.
	if out, err := kubectl(t, f.Kubeconfig(), "create", "configmap", "x", "-n", "a", "--from-literal=k=v"); err != nil {
		t.Errorf("half of the requests are denied: %v\n%s", err, out)
	}
	if f.Denied() == 0 {
		t.Error("no request was denied")
	}
	f.Throttle(1, time.Second, 7)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var once sync.Once
	for ctx.Err() == nil && f.Denied() == 0 {
		once.Do(func() { go func() { _, _ = kubectl(t, f.Kubeconfig(), "get", "ns", "--request-timeout=2s") }() })
		time.Sleep(50 * time.Millisecond)
	}
	if f.Denied() == 0 {
		t.Error("with all requests denied none was")
	}
}
