package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"skysail/deploy"
	"skysail/policies"
	"skysail/sandbox/kube"
	"skysail/spec"
)

// seenRelease is what there is to say of a release, whoever says it.
type seenRelease struct {
	Name, Namespace string
	Revision        int
	Ready           int
}

// TestKubeSeen holds what the commands `status` and `list` say of deployments
// against `helm list` and kubectl: after a deploy, an update, and one that was
// taken back, which is a revision more to Helm.
func TestKubeSeen(t *testing.T) {
	t.Parallel()
	b := newKubeBench(t, sharedCluster(t))
	helm := filepath.Join(kubeTools(t).Dir, "helm")
	if !exists(helm) {
		notRun(t, fmt.Errorf("%s is not there: run `make tools`", helm))
	}
	skysail := filepath.Join(t.TempDir(), "skysail")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", skysail, "skysail/cmd/skysail").CombinedOutput(); err != nil {
		t.Fatalf("building skysail: %v\n%s", err, out)
	}
	s := &seer{b: b, helm: helm, skysail: skysail}
	here, there := onKubernetes("blueprints"), onKubernetes("other")
	d := b.deployer(here)
	svc := containers("seen", 2)
	dep, err := d.Deploy(t.Context(), svc)
	if err != nil {
		t.Fatal(err)
	}
	beside, err := b.deployer(there).Deploy(t.Context(), containers("seen-beside", 1))
	if err != nil {
		t.Fatal(err)
	}
	s.agree(dep, 1, 2)
	s.agree(beside, 1, 1)

	next := *svc
	next.Instances, next.Source = 3, spec.Source{Container: &spec.Container{Image: "registry.example/seen:2.0"}}
	if _, err := d.Update(t.Context(), svc.Name, deploy.UpdateRequest{Service: &next}); err != nil {
		t.Fatal(err)
	}
	s.agree(dep, 2, 3)

	bad := next
	bad.Source = spec.Source{Container: &spec.Container{Image: "registry.example/seen-broken:3.0"}}
	b.fault("seen-broken", kube.Fault{Kind: kube.CrashLoop, Image: "seen-broken"})
	if _, err := d.Update(t.Context(), svc.Name, deploy.UpdateRequest{Service: &bad}); err == nil {
		t.Fatal("a revision that crashes was taken")
	}
	if got := s.helmList(dep.ID).Revision; got <= 2 {
		t.Errorf("Helm is at revision %d after a change and its undoing", got)
	}
	s.agree(dep, s.helmList(dep.ID).Revision, 3)

	if _, err := d.Destroy(t.Context(), svc.Name); err != nil {
		t.Fatal(err)
	}
	if got := s.helmList(dep.ID); got != (seenRelease{}) {
		t.Errorf("helm lists %+v, which was destroyed", got)
	}
	s.agree(beside, 1, 1)
	if _, ok := s.status()[dep.ID]; ok {
		t.Error("status shows what was destroyed")
	}
	if _, err := d.Destroy(t.Context(), beside.Name); err != nil {
		t.Fatal(err)
	}
}

// seer asks everybody.
type seer struct {
	b             *kubeBench
	helm, skysail string
}

// agree wants one answer of all, with the given revision of Helm and pods ready.
func (s *seer) agree(dep deploy.Deployment, revision, ready int) {
	t := s.b.t
	t.Helper()
	want := seenRelease{Name: "skysail-" + dep.ID, Namespace: dep.Type, Revision: revision, Ready: ready}
	helm := s.helmList(dep.ID)
	helm.Ready, _ = strconv.Atoi(s.b.kubectl("-n", want.Namespace, "get", "deployment", want.Name, "-o", "jsonpath={.status.readyReplicas}"))
	if helm != want {
		t.Errorf("helm and kubectl say %+v, not %+v", helm, want)
	}
	all := s.status()
	for how, st := range map[string]deploy.Status{"status": all[dep.ID], "status NAME": s.status(dep.Name)[dep.ID]} {
		got := seenRelease{}
		if st.Release != nil {
			got.Name, got.Namespace, got.Revision = st.Release.Name, st.Release.Namespace, st.Release.Revision
		}
		for _, i := range st.Live {
			if i.Pod != nil && i.Pod.Ready && i.Pod.Namespace == want.Namespace {
				got.Ready++
			}
		}
		if got != want || st.Problem != "" {
			t.Errorf("%s says %+v (problem %q), not %+v", how, got, st.Problem, want)
		}
	}
	var list struct{ Deployments []deploy.Deployment }
	s.run(&list, nil, s.skysail, "list", "-o", "json")
	listed := 0
	for _, x := range list.Deployments {
		if x.ID == dep.ID {
			listed++
			if x.Provider != policies.Kubernetes || x.Type != want.Namespace || x.Region != dep.Region || len(x.Instances) != ready {
				t.Errorf("list says %+v, not %+v", x, want)
			}
		}
	}
	if listed != 1 {
		t.Errorf("list has %s %d times", dep.ID, listed)
	}
}

// helmList is a deployment's release as `helm list` has it, nothing where it has
// none.
func (s *seer) helmList(id string) seenRelease {
	s.b.t.Helper()
	var list []struct{ Name, Namespace, Revision, Status string }
	s.run(&list, nil, s.helm, "--kubeconfig", s.b.cluster.Kubeconfig(), "list", "--all-namespaces", "--filter", "^skysail-"+id+"$", "-o", "json")
	if len(list) == 0 {
		return seenRelease{}
	}
	if len(list) > 1 || list[0].Status != "deployed" {
		s.b.t.Errorf("helm lists %+v", list)
	}
	n, err := strconv.Atoi(list[0].Revision)
	if err != nil {
		s.b.t.Error(err)
	}
	return seenRelease{Name: list[0].Name, Namespace: list[0].Namespace, Revision: n}
}

// status is what the command says, by ID.
func (s *seer) status(name ...string) map[string]deploy.Status {
	s.b.t.Helper()
	var out struct{ Deployments []deploy.Status }
	s.run(&out, s.b.env(), s.skysail, append([]string{"status", "-o", "json"}, name...)...)
	byID := map[string]deploy.Status{}
	for _, st := range out.Deployments {
		byID[st.ID] = st
	}
	return byID
}

// run runs a program and reads the JSON that it prints.
func (s *seer) run(out any, env map[string]string, program string, args ...string) {
	s.b.t.Helper()
	cmd := exec.CommandContext(s.b.t.Context(), program, args...)
	cmd.Env = append(os.Environ(), "SKYSAIL_HOME="+s.b.home)
	for k, v := range env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	raw, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(raw, out)
	}
	if err != nil {
		s.b.t.Fatalf("%s %v: %v\n%s%s", filepath.Base(program), args, err, raw, stderr.Bytes())
	}
}
