package test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"skysail/deploy"
	"skysail/internal/failure"
	"skysail/policies"
	"skysail/sandbox"
	"skysail/sandbox/kube"
	"skysail/spec"
	"skysail/store"
)

// TestKubeSideBySide runs two services in two namespaces by two contexts: to
// take one away touches nothing of the other. A namespace that skysail made
// goes with the last that is in it.
func TestKubeSideBySide(t *testing.T) {
	t.Parallel()
	b := newKubeBench(t, sharedCluster(t))
	one := onKubernetes("side-one")
	one.Kubernetes.CreateNamespace = true
	two := onKubernetes("other")
	two.Kubernetes.Context = "staging"
	first, err := b.deployer(one).Deploy(t.Context(), containers("first", 2))
	if err != nil {
		t.Fatal(err)
	}
	third, err := b.deployer(one).Deploy(t.Context(), containers("third", 1))
	if err != nil {
		t.Fatal(err)
	}
	d := b.deployer(two)
	second, err := d.Deploy(t.Context(), containers("second", 2))
	if err != nil {
		t.Fatal(err)
	}
	if second.Region != "staging" || first.Region != "production" {
		t.Errorf("contexts %s and %s", first.Region, second.Region)
	}
	look := func() string {
		return b.kubectl("get", "pods,deployments,services,secrets,networkpolicies", "-A", "-l", "skysail.dev/deployment in ("+second.ID+","+third.ID+")",
			"-o", "jsonpath={range .items[*]}{.metadata.uid} {.metadata.generation}\n{end}")
	}
	before := look()
	if _, err := d.Destroy(t.Context(), first.Name); err != nil {
		t.Fatal(err)
	}
	b.gone(first.ID)
	if after := look(); after != before {
		t.Errorf("the others changed:\n%s\nto\n%s", before, after)
	}
	if ns := b.kubectl("get", "namespace", "side-one", "-o", "jsonpath={.status.phase}"); ns != "Active" {
		t.Errorf("the namespace of one that still runs is %s", ns)
	}
	for _, name := range []string{third.Name, second.Name} {
		if _, err := d.Destroy(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if left := b.kubectl("get", "namespaces", "-o", "name"); strings.Contains(left, "side-one") || !strings.Contains(left, "namespace/other") {
		t.Errorf("namespaces %s", left)
	}
}

// TestKubeUpdate rolls a service over in place; a revision that does not become
// ready is taken back while the old pods serve, and a rollback is one more
// revision.
func TestKubeUpdate(t *testing.T) {
	t.Parallel()
	b := newKubeBench(t, sharedCluster(t))
	env := func(value string) func(*deploy.Options) {
		return func(o *deploy.Options) {
			o.Env = b.env()
			o.Env["API_KEY"] = value
		}
	}
	policy := onKubernetes("blueprints")
	svc := containers("rolling", 2)
	svc.Secrets = []string{"API_KEY"}
	d := b.deployer(policy, env("first-secret-value"))
	dep, err := d.Deploy(t.Context(), svc)
	if err != nil {
		t.Fatal(err)
	}
	image := func() string {
		return b.kubectl("-n", "blueprints", "get", "deployment", "skysail-"+dep.ID, "-o", "jsonpath={.spec.template.spec.containers[0].image} {.spec.replicas} {.status.readyReplicas}")
	}
	secret := func() string {
		return b.kubectl("-n", "blueprints", "get", "secrets", "-l", "skysail.dev/deployment="+dep.ID, "-o", "jsonpath={range .items[?(@.type==\"Opaque\")]}{.metadata.name}={.data.API_KEY} {end}")
	}
	before := secret()
	next := *svc
	next.Instances, next.Source = 3, spec.Source{Container: &spec.Container{Image: "registry.example/rolling:2.0"}}
	r, err := d.Update(t.Context(), svc.Name, deploy.UpdateRequest{Service: &next})
	if err != nil || !r.InPlace || r.Deployment.ID != dep.ID || image() != "registry.example/rolling:2.0 3 3" {
		t.Fatalf("update: %+v, %v, %s", r, err, image())
	}
	bad := next
	bad.Source = spec.Source{Container: &spec.Container{Image: "registry.example/rolling-broken:3.0"}}
	b.fault("rolling-broken", kube.Fault{Kind: kube.CrashLoop, Image: "rolling-broken"})
	_, err = d.Update(t.Context(), svc.Name, deploy.UpdateRequest{Service: &bad})
	if failure.CodeOf(err) != failure.Failed || !strings.Contains(err.Error(), "container rolling: ") || !strings.Contains(err.Error(), "the change was undone") {
		t.Errorf("a bad revision: %v", err)
	}
	if got := image(); got != "registry.example/rolling:2.0 3 3" {
		t.Errorf("after a bad revision: %s", got)
	}
	back, err := d.Rollback(t.Context(), svc.Name, 0)
	if err != nil || !back.InPlace || image() != "registry.example/rolling:1.0 2 2" {
		t.Errorf("rollback: %+v, %v, %s", back, err, image())
	}
	if got := secret(); got != before {
		t.Errorf("the Secret was %s and is %s", before, got)
	}
	// Other values of secrets roll the pods over, to a Secret of another name.
	renewed := b.deployer(policy, env("second-secret-value"))
	r, err = renewed.Update(t.Context(), svc.Name, deploy.UpdateRequest{Service: svc})
	if err != nil || !r.Changed || !r.InPlace {
		t.Errorf("new secrets: %+v, %v", r, err)
	}
	if got := secret(); got == before || strings.Count(got, "=") < 1 || len(strings.Fields(got)) != 1 {
		t.Errorf("Secrets %s", got)
	}
	history, err := d.History(t.Context(), svc.Name)
	if err != nil || len(history) < 4 {
		t.Errorf("history: %+v, %v", history, err)
	}
	b.noSecret("first-secret-value", "second-secret-value")
	if _, err := d.Destroy(t.Context(), svc.Name); err != nil {
		t.Fatal(err)
	}
	b.gone(dep.ID)
}

// noSecret looks for values in everything that is kept, Helm's records among
// it.
func (b *kubeBench) noSecret(values ...string) {
	b.t.Helper()
	for _, v := range values {
		if found := grep(b.home, v); len(found) > 0 {
			b.t.Errorf("%s is in %s", v, found)
		}
	}
}

// TestKubeDriftAndOrphans changes a deployment behind our back, and leaves a
// thing with its label behind after its end.
func TestKubeDriftAndOrphans(t *testing.T) {
	t.Parallel()
	b := newKubeBench(t, sharedCluster(t))
	d := b.deployer(onKubernetes("blueprints"))
	dep, err := d.Deploy(t.Context(), containers("drifting", 2))
	if err != nil {
		t.Fatal(err)
	}
	if drift, err := d.Drift(t.Context(), dep.Name); err != nil || drift.Drifted {
		t.Errorf("untouched: %+v, %v", drift, err)
	}
	b.kubectl("-n", "blueprints", "scale", "deployment", "skysail-"+dep.ID, "--replicas", "3")
	drift, err := d.Drift(t.Context(), dep.Name)
	if err != nil || !drift.Drifted || len(drift.Changed) != 1 || drift.Changed[0].Attributes[0].Name != "spec.replicas" || drift.Changed[0].Attributes[0].After != `"3"` {
		t.Errorf("scaled by hand: %+v, %v", drift, err)
	}
	if _, err := d.Destroy(t.Context(), dep.Name); err != nil {
		t.Fatal(err)
	}
	b.kubectl("-n", "blueprints", "create", "configmap", "left-over")
	b.kubectl("-n", "blueprints", "label", "configmap", "left-over", "skysail.dev/deployment="+dep.ID)
	list, err := d.Orphans(t.Context(), deploy.OrphanQuery{Providers: []string{policies.Kubernetes}})
	ours := deploy.OrphanList{Sandbox: list.Sandbox}
	for _, o := range list.Orphans {
		if o.Deployment == dep.ID {
			ours.Orphans = append(ours.Orphans, o)
		}
	}
	if err != nil || len(ours.Orphans) != 1 || ours.Orphans[0].Foreign != "" {
		t.Fatalf("orphans: %+v, %v", list, err)
	}
	if out, err := d.DeleteOrphans(t.Context(), ours); err != nil || len(out.Refused) > 0 {
		t.Errorf("%+v, %v", out, err)
	}
	b.gone(dep.ID)
}

// TestKubeHybrid falls back both ways in the sandbox: from a cloud without room
// to the cluster, and from a full cluster to a cloud.
func TestKubeHybrid(t *testing.T) {
	tools := kubeTools(t)
	t.Setenv(kube.EnvTools, tools.Dir)
	b := newBench(t)
	if _, err := b.sandbox().StartKubernetes(t.Context(), tools.Dir); err != nil {
		t.Fatal(err)
	}
	if err := b.sandbox().Fault(t.Context(), sandbox.Fault{Provider: policies.Vultr, Kind: "capacity"}); err != nil {
		t.Fatal(err)
	}
	p := only(policies.Vultr)
	p.Hybrid = &policies.Hybrid{Primary: policies.Vultr, FallbackK8s: "production"}
	p.Failover.RegionsFirst = false
	d := b.deployer(true, p)
	svc := containers("both", 1)
	svc.Resources = spec.Resources{CPU: 1, MemoryGB: 1, StorageGB: 10}
	dep, err := d.Deploy(t.Context(), svc)
	if err != nil {
		t.Fatal(err)
	}
	if dep.Provider != policies.Kubernetes || len(dep.Attempts) < 2 || dep.Attempts[0].Class != "capacity" {
		t.Errorf("from the cloud: %+v", dep)
	}
	if _, err := d.Destroy(t.Context(), svc.Name); err != nil {
		t.Fatal(err)
	}
	if err := b.sandbox().ClearFaults(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	p = only(policies.Vultr)
	p.Hybrid = &policies.Hybrid{Primary: policies.Kubernetes, Fallback: policies.Vultr}
	p.Failover.AttemptTimeout = 0
	p.Failover = policies.Default().Failover
	d = b.deployer(true, p)
	big := hello(t)
	big.Name = "big"
	full := containers("full", 1)
	full.Resources = spec.Resources{CPU: 12, MemoryGB: 24, StorageGB: 10} // no node without GPUs has that
	dep, err = d.Deploy(t.Context(), full)
	if err == nil && dep.Provider != policies.Vultr || len(dep.Attempts) > 0 && dep.Attempts[0].Class != "capacity" {
		t.Errorf("from the cluster: %+v, %v", dep, err)
	}
	e, xerr := d.Explain(t.Context(), full.Name)
	if xerr != nil || len(e.Attempts) < 2 || e.Attempts[0].Provider != policies.Kubernetes || e.Attempts[0].Class != "capacity" || e.Attempts[1].Provider != policies.Vultr {
		t.Errorf("explain: %+v, %v", e, xerr)
	}
	if e.Phase != store.FailedAll {
		if _, err := d.Destroy(t.Context(), full.Name); err != nil {
			t.Error(err)
		}
	}
}

// grep returns the files below a folder that hold a text.
func grep(dir, text string) (found []string) {
	_ = walkFiles(dir, func(path string) {
		if raw, err := os.ReadFile(path); err == nil && strings.Contains(string(raw), text) {
			found = append(found, path)
		}
	})
	return found
}

func walkFiles(dir string, f func(path string)) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			f(path)
		}
		return nil
	})
}
