package test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"skysail/clouds/faults"
	"skysail/deploy"
	"skysail/internal/failure"
	"skysail/policies"
	"skysail/sandbox/kube"
	"skysail/spec"
)

// TestKubeFaults lets a deployment meet what clusters refuse: each ends in the
// right class with the cluster's own words, and leaves nothing.
func TestKubeFaults(t *testing.T) {
	for name, c := range map[string]struct {
		arrange func(t *testing.T, b *kubeBench, p *policies.Policy, s *spec.Service)
		code    failure.Code
		class   faults.Class
		words   string
	}{
		"full cluster": {
			arrange: func(_ *testing.T, _ *kubeBench, _ *policies.Policy, s *spec.Service) { s.Resources.CPU = 64 },
			code:    failure.Exhausted, class: faults.Capacity, words: "Insufficient cpu",
		},
		"no GPU": {
			arrange: func(_ *testing.T, _ *kubeBench, _ *policies.Policy, s *spec.Service) {
				s.Resources.GPU = &spec.GPU{Count: 8}
			},
			code: failure.Exhausted, class: faults.Capacity, words: "nvidia.com/gpu",
		},
		"bad image": {
			arrange: func(t *testing.T, b *kubeBench, _ *policies.Policy, s *spec.Service) {
				s.Source.Container.Image = "registry.example/no-such-image:1"
				b.fault("bad-image", kube.Fault{Kind: kube.ImagePull, Image: "no-such-image"})
			},
			code: failure.Failed, class: faults.Invalid, words: "no-such-image",
		},
		"crash loop": {
			arrange: func(t *testing.T, b *kubeBench, _ *policies.Policy, s *spec.Service) {
				s.Source.Container.Image = "registry.example/crashing:1"
				b.fault("crashing", kube.Fault{Kind: kube.CrashLoop, Image: "crashing"})
			},
			code: failure.Failed, class: faults.Service, words: "CrashLoopBackOff",
		},
		"quota": {
			arrange: func(t *testing.T, b *kubeBench, p *policies.Policy, _ *spec.Service) {
				b.namespace("quota", map[string]string{"pods": "0"})
				p.Kubernetes.Namespace = "quota"
			},
			code: failure.Exhausted, class: faults.Quota, words: "exceeded quota",
		},
		"no rights": {
			arrange: func(t *testing.T, b *kubeBench, _ *policies.Policy, _ *spec.Service) {
				b.user("nobody", map[string][]kube.Rule{"blueprints": {{Groups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "list"}}}})
			},
			code: failure.Exhausted, class: faults.Auth, words: "cannot",
		},
		"missing namespace": {
			arrange: func(_ *testing.T, _ *kubeBench, p *policies.Policy, _ *spec.Service) {
				p.Kubernetes.Namespace = "nowhere"
			},
			code: failure.Failed, class: faults.Invalid, words: `namespaces "nowhere" not found`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newKubeBench(t, sharedCluster(t))
			policy, svc := onKubernetes("blueprints"), containers("fault", 2)
			svc.Name = "f-" + strings.ReplaceAll(strings.ToLower(name), " ", "-")
			c.arrange(t, b, policy, svc)
			d := b.deployer(policy)
			_, err := d.Deploy(t.Context(), svc)
			if err == nil {
				t.Fatal("it was deployed")
			}
			b.refusedAs(d, svc.Name, err, c.code, string(c.class), c.words)
		})
	}
}

// fault lets pods of an image fail.
func (b *kubeBench) fault(name string, f kube.Fault) {
	b.t.Helper()
	if err := b.cluster.SetFault(b.t.Context(), name, f); err != nil {
		b.t.Fatal(err)
	}
}

func (b *kubeBench) namespace(name string, quota map[string]string) {
	b.t.Helper()
	if err := b.cluster.AddNamespace(b.t.Context(), name, nil); err != nil {
		b.t.Fatal(err)
	}
	if quota == nil {
		return
	}
	if err := b.cluster.SetQuota(b.t.Context(), name, quota); err != nil {
		b.t.Fatal(err)
	}
}

// user lets the bench work with the rights of a user.
func (b *kubeBench) user(name string, rules map[string][]kube.Rule) {
	b.t.Helper()
	path, err := b.cluster.AddUser(b.t.Context(), name, rules)
	if err != nil {
		b.t.Fatal(err)
	}
	b.kubeconfig = path
}

// TestKubeWrongContext names a context that there is not: nothing fits, and the
// reason says which there are.
func TestKubeWrongContext(t *testing.T) {
	t.Parallel()
	b := newKubeBench(t, sharedCluster(t))
	policy := onKubernetes("blueprints")
	policy.Kubernetes.Context = "prod"
	_, err := b.deployer(policy).Deploy(t.Context(), containers("wrong", 1))
	if failure.CodeOf(err) != failure.NothingFits || !strings.Contains(err.Error(), "it has production, staging") {
		t.Errorf("%v", err)
	}
}

// TestKubeThrottled deploys and destroys while a part of all calls is answered
// with 429: both end well.
func TestKubeThrottled(t *testing.T) {
	t.Parallel()
	c := sharedCluster(t)
	front, err := c.AddFront(t.Context(), "throttled")
	if err != nil {
		t.Fatal(err)
	}
	b := newKubeBench(t, c)
	b.kubeconfig = front.Kubeconfig()
	front.Throttle(0.2, time.Second, 7)
	d := b.deployer(onKubernetes("blueprints"))
	dep, err := d.Deploy(t.Context(), containers("throttled", 2))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Destroy(t.Context(), dep.Name); err != nil {
		t.Fatal(err)
	}
	if front.Denied() == 0 {
		t.Error("nothing was answered with 429, so this test shows nothing")
	}
	b.gone(dep.ID)
}

// TestKubeServerKilled takes the API server away in the middle of a deploy and
// of a destroy: what may be left is said, and a recovery ends it when the
// server is there again.
func TestKubeServerKilled(t *testing.T) {
	t.Parallel()
	c := ownCluster(t, kube.Options{})
	for _, when := range []string{"step:apply:begun", "step:destroy:begun"} {
		t.Run(when, func(t *testing.T) {
			b := newKubeBench(t, c)
			policy := onKubernetes("blueprints")
			policy.Failover.MaxAttempts = 1
			d := b.deployer(policy)
			svc := containers("killed", 1)
			destroys := strings.Contains(when, "destroy")
			if destroys {
				if _, err := d.Deploy(t.Context(), svc); err != nil {
					t.Fatal(err)
				}
			}
			release := b.holdAt(when)
			ended := make(chan error, 1)
			go func() {
				var err error
				if destroys {
					_, err = d.Destroy(t.Context(), svc.Name)
				} else {
					_, err = d.Deploy(t.Context(), svc)
				}
				ended <- err
			}()
			b.reached(d, svc.Name, when)
			c.KillAPIServer()
			release()
			err := <-ended
			if failure.CodeOf(err) != failure.LeftBehind {
				t.Errorf("without an API server: %v", err)
			}
			if err := c.StartAPIServer(t.Context()); err != nil {
				t.Fatal(err)
			}
			id := b.lastID(d, svc.Name)
			rs, err := d.RecoverAll(t.Context())
			if err != nil || len(rs) != 1 || rs[0].Did != deploy.RecoveredDestroyed {
				t.Errorf("recovery: %+v, %v", rs, err)
			}
			b.gone(id)
		})
	}
}

// reached waits until a step is in the journal.
func (b *kubeBench) reached(d *deploy.Deployer, name, point string) {
	b.t.Helper()
	for range 3000 {
		if list, err := d.List(b.t.Context(), true); err == nil {
			for _, dep := range list {
				if dep.Name == name && strings.HasPrefix(point, "step:"+map[bool]string{true: "destroy", false: "apply"}[dep.Phase == "destroying"]) && (dep.Phase == "destroying" || dep.Phase == "applying") {
					time.Sleep(2 * time.Second) // from the phase to the step
					return
				}
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.t.Fatalf("%s does not come to %s", name, point)
}

// TestKubeSwept loses the state of an install that was killed: the sweep finds
// by label and by the release's name what Terraform can not.
func TestKubeSwept(t *testing.T) {
	t.Parallel()
	b := newKubeBench(t, sharedCluster(t))
	d := b.deployer(onKubernetes("blueprints"))
	svc := containers("swept", 2)
	svc.Source.Container.Image = "registry.example/slow-start:1"
	b.fault("slow-start", kube.Fault{Kind: kube.Slow, Image: "slow-start", Delay: time.Minute})
	b.plan(crashPlan{Victim: killSupervisor, Point: "step:apply:begun", Nth: 1, Delay: 8 * time.Second})
	_, err := d.Deploy(t.Context(), svc)
	b.died(err)
	id := b.lastID(d, svc.Name)
	if len(b.held(id)) == 0 {
		t.Fatal("it died before anything was made, so this test shows nothing")
	}
	if err := os.RemoveAll(filepath.Join(b.home, "deployments", id, "attempt-1", "private", "terraform.tfstate")); err != nil {
		t.Fatal(err)
	}
	r, err := d.Recover(t.Context(), svc.Name)
	if err != nil || r.Did != deploy.RecoveredUndone || len(r.Proofs) != 1 || len(r.Proofs[0].Swept) == 0 {
		t.Errorf("%+v, %v", r, err)
	}
	b.gone(id)
	// A second deploy of the service has a release of its own.
	svc.Source.Container.Image = "registry.example/swept:1"
	dep, err := d.Deploy(t.Context(), svc)
	if err != nil {
		t.Fatal(err)
	}
	if dep.ID == id {
		t.Error("the same release again")
	}
	if _, err := d.Destroy(t.Context(), svc.Name); err != nil {
		t.Error(err)
	}
	b.gone(dep.ID)
}
