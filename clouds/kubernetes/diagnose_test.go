package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"skysail/clouds/faults"
)

const (
	appPath = "/apis/apps/v1/namespaces/blueprints/"
	corePod = "/api/v1/namespaces/blueprints/pods/"
	unit    = "skysail-" + own
)

// rollout puts a Deployment of n pods, ready of them ready, and its ReplicaSet.
func rollout(s *server, n, ready int, set object) {
	s.put(appPath+"deployments/"+unit, own, object{
		"metadata": map[string]any{"generation": 1},
		"spec":     object{"replicas": n},
		"status":   object{"observedGeneration": 1, "replicas": n, "updatedReplicas": n, "readyReplicas": ready, "availableReplicas": ready},
	})
	more := object{
		"metadata": map[string]any{"uid": "rs-2", "annotations": map[string]any{"deployment.kubernetes.io/revision": "2"}},
		"spec":     object{"replicas": n}, "status": object{"replicas": n},
	}
	for k, v := range set {
		more[k] = v
	}
	s.put(appPath+"replicasets/"+unit+"-5d4f", own, more)
}

func owned(by string) map[string]any {
	return map[string]any{"ownerReferences": []object{{"kind": "ReplicaSet", "name": "x", "uid": by, "controller": true}}}
}

// podOf puts a pod on node n1, of the newest ReplicaSet, with one container in the state.
func podOf(s *server, name string, state object) {
	state["name"] = "echo"
	s.put(corePod+name, own, object{
		"metadata": owned("rs-2"),
		"spec":     object{"nodeName": "n1", "containers": []object{{"name": "echo", "image": "ghcr.io/acme/echo:9"}}},
		"status": object{
			"phase":             "Pending",
			"conditions":        []object{{"type": "Ready", "status": "False", "reason": "ContainersNotReady", "message": "containers with unready status: [echo]"}},
			"containerStatuses": []object{state},
		},
	})
}

func eventOf(s *server, kind, name, uid, reason, message string) {
	s.put(fmt.Sprintf("/api/v1/namespaces/blueprints/events/%s.%d", name, s.version), "", object{
		"involvedObject": object{"kind": kind, "namespace": "blueprints", "name": name, "uid": uid},
		"type":           "Warning", "reason": reason, "message": message, "count": 3,
		"firstTimestamp": "2026-11-30T08:00:00Z", "lastTimestamp": "2026-11-30T08:00:30Z",
	})
}

func waiting(reason, message string) object {
	return object{"state": object{"waiting": object{"reason": reason, "message": message}}}
}

// pending puts a pod that no node takes.
func pending(s *server, name, message string) {
	s.put(corePod+name, own, object{
		"metadata": owned("rs-2"),
		"spec":     object{"containers": []object{{"name": "echo"}}},
		"status": object{"phase": "Pending", "conditions": []object{
			{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message, "lastTransitionTime": "2026-11-30T08:00:00Z"},
		}},
	})
}

func TestDiagnose(t *testing.T) {
	crash := object{
		"state":        object{"waiting": object{"reason": "CrashLoopBackOff", "message": "back-off 20s restarting failed container=echo pod=a(1)"}},
		"lastState":    object{"terminated": object{"exitCode": 3, "reason": "Error", "finishedAt": "2026-11-30T08:00:09Z"}},
		"restartCount": 4,
	}
	for name, tt := range map[string]struct {
		set   func(s *server)
		class faults.Class
		texts []string
	}{
		"no GPU": {func(s *server) {
			rollout(s, 2, 0, nil)
			pending(s, unit+"-a", "0/3 nodes are available: 3 Insufficient nvidia.com/gpu. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.")
			pending(s, unit+"-b", "0/3 nodes are available: 3 Insufficient nvidia.com/gpu. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.")
		}, faults.Capacity, []string{"0 of 2 pods", "Insufficient nvidia.com/gpu", "(2 pods)"}},
		"quota, by condition": {func(s *server) {
			rollout(s, 2, 1, object{"status": object{"replicas": 1, "conditions": []object{{
				"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
				"message": `pods "x" is forbidden: exceeded quota: team, requested: limits.cpu=4, used: limits.cpu=6, limited: limits.cpu=8`,
			}}}})
		}, faults.Quota, []string{"replica set " + unit + "-5d4f: FailedCreate: pods", "exceeded quota: team"}},
		"quota, by event": {func(s *server) {
			rollout(s, 2, 0, object{"status": object{"replicas": 0}})
			eventOf(s, "ReplicaSet", unit+"-5d4f", "rs-2", "FailedCreate", `Error creating: pods "x" is forbidden: exceeded quota: team, requested: pods=1, used: pods=1, limited: pods=1`)
		}, faults.Quota, []string{"exceeded quota: team"}},
		"image": {func(s *server) {
			rollout(s, 1, 0, nil)
			podOf(s, unit+"-a", waiting("ImagePullBackOff", `Back-off pulling image "ghcr.io/acme/echo:9": ErrImagePull: rpc error: code = NotFound desc = not found`))
		}, faults.Invalid, []string{"container echo: ImagePullBackOff", "not found"}},
		"image, told by the event only": {func(s *server) {
			rollout(s, 1, 0, nil)
			podOf(s, unit+"-a", waiting("ImagePullBackOff", `Back-off pulling image "ghcr.io/acme/echo:9"`))
			eventOf(s, "Pod", unit+"-a", s.objects[corePod+unit+"-a"].meta()["uid"].(string), "Failed", `Failed to pull image "ghcr.io/acme/echo:9": rpc error: code = Unknown desc = dial tcp: lookup ghcr.io: no such host`)
		}, faults.Transient, []string{"no such host"}},
		"image name": {func(s *server) {
			rollout(s, 1, 0, nil)
			podOf(s, unit+"-a", waiting("InvalidImageName", `Failed to apply default image tag "Echo": couldn't parse image name`))
		}, faults.Invalid, []string{"InvalidImageName"}},
		"secret": {func(s *server) {
			rollout(s, 1, 0, nil)
			podOf(s, unit+"-a", waiting("CreateContainerConfigError", `secret "`+unit+`" not found`))
		}, faults.Invalid, []string{"CreateContainerConfigError: secret"}},
		"crash loop": {func(s *server) {
			rollout(s, 1, 0, nil)
			podOf(s, unit+"-a", crash)
		}, faults.Service, []string{"CrashLoopBackOff", "ended with exit code 3", "2026-11-30T08:00:09Z", "panic: no database", "token=(hidden)"}},
		"crash loop, between two pauses": {func(s *server) {
			rollout(s, 1, 0, nil)
			podOf(s, unit+"-a", object{"state": object{"running": object{}}, "lastState": crash["lastState"], "restartCount": 4})
		}, faults.Service, []string{"CrashLoopBackOff: restart 4", "ended with exit code 3", "panic: no database", "token=(hidden)"}},
		"runs again after one end": {func(s *server) {
			rollout(s, 1, 0, nil)
			podOf(s, unit+"-a", object{"state": object{"running": object{}}, "lastState": crash["lastState"], "restartCount": 1})
		}, faults.Service, []string{"container echo: runs again after it ended with exit code 3"}},
		"out of memory": {func(s *server) {
			rollout(s, 1, 0, nil)
			podOf(s, unit+"-a", object{"state": object{"terminated": object{"exitCode": 137, "reason": "OOMKilled"}}})
		}, faults.Service, []string{"OOMKilled"}},
		"readiness": {func(s *server) {
			rollout(s, 1, 0, nil)
			podOf(s, unit+"-a", object{"state": object{"running": object{"startedAt": "2026-11-30T08:00:00Z"}}})
			eventOf(s, "Pod", unit+"-a", s.objects[corePod+unit+"-a"].meta()["uid"].(string), "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
		}, faults.Service, []string{"Readiness probe failed"}},
		"evicted": {func(s *server) {
			rollout(s, 1, 0, nil)
			podOf(s, unit+"-a", object{})
			s.objects[corePod+unit+"-a"]["status"] = object{"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}
		}, faults.Capacity, []string{"Evicted: The node was low"}},
		"volume": {func(s *server) {
			rollout(s, 1, 0, nil)
			podOf(s, unit+"-a", waiting("ContainerCreating", ""))
			eventOf(s, "Pod", unit+"-a", s.objects[corePod+unit+"-a"].meta()["uid"].(string), "FailedMount", `MountVolume.SetUp failed for volume "c" : secret "tls" not found`)
		}, faults.Invalid, []string{"FailedMount"}},
		"slow": {func(s *server) {
			rollout(s, 1, 0, nil)
			podOf(s, unit+"-a", waiting("ContainerCreating", ""))
		}, faults.Timeout, []string{"is not ready: ContainersNotReady"}},
		"an image beside full nodes stops": {func(s *server) {
			rollout(s, 2, 0, nil)
			pending(s, unit+"-b", "0/3 nodes are available: 3 Insufficient cpu.")
			podOf(s, unit+"-a", waiting("ErrImagePull", "manifest unknown"))
		}, faults.Invalid, []string{"ErrImagePull: manifest unknown", "Insufficient cpu"}},
		"no namespace":             {func(*server) {}, faults.Invalid, []string{`namespaces "blueprints" not found`}},
		"nothing in the namespace": {func(s *server) { s.put(nsPath, "", nil) }, faults.Unknown, []string{"no Deployment of this"}},
		"a namespace that is going": {func(s *server) {
			s.put(nsPath, "", object{"metadata": map[string]any{"deletionTimestamp": "2026-11-30T08:00:00Z"}})
		}, faults.Invalid, []string{"is being terminated"}},
		"nothing is said": {func(s *server) { rollout(s, 1, 0, nil) }, faults.Timeout, []string{"says nothing of why"}},
		"an older revision is another": {func(s *server) {
			rollout(s, 1, 0, nil)
			s.put(appPath+"replicasets/"+unit+"-old", own, object{"metadata": map[string]any{"uid": "rs-1", "annotations": map[string]any{"deployment.kubernetes.io/revision": "1"}}})
			s.put(corePod+unit+"-old", own, object{"metadata": owned("rs-1"), "status": object{"conditions": []object{{"type": "Ready", "status": "True"}}}})
			podOf(s, unit+"-a", waiting("InvalidImageName", "no"))
		}, faults.Invalid, []string{"0 of 1 pods"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			tt.set(s)
			s.put("/api/v1/namespaces/blueprints/secrets/"+unit, own, object{"data": object{"TOKEN": "aHVudGVyMi1odW50ZXIy"}})
			s.before = logAnswer("2026-11-30T08:00:09.1Z connecting with token=hunter2-hunter2\n2026-11-30T08:00:09.2Z panic: no database\n")
			d, err := s.cloud().Diagnose(t.Context(), own)
			if err != nil {
				t.Fatal(err)
			}
			text := d.String()
			if v := d.Verdict(); v.Class != tt.class || d.Done {
				t.Errorf("class %s, want %s: %s", v.Class, tt.class, text)
			}
			for _, want := range tt.texts {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in: %s", want, text)
				}
			}
			if strings.Contains(text, "hunter2") || strings.Contains(text, "context deadline exceeded") {
				t.Errorf("it has what it must not: %s", text)
			}
		})
	}
}

// logAnswer answers each request for a log.
func logAnswer(text string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/log") {
			return false
		}
		_, _ = w.Write([]byte(text))
		return true
	}
}

func TestDiagnoseQuotesNoLogWithoutItsSecrets(t *testing.T) {
	s := newServer(t)
	rollout(s, 1, 0, nil)
	podOf(s, unit+"-a", object{"state": object{"terminated": object{"exitCode": 1, "reason": "Error"}}})
	log := logAnswer("2026-11-30T08:00:09.1Z hunter2\n")
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/secrets") {
			forbid(w, "list", "secrets", `in the namespace "blueprints"`)
			return true
		}
		return log(w, r)
	}
	d, err := s.cloud().Diagnose(t.Context(), own)
	if err != nil || strings.Contains(d.String(), "hunter2") || !strings.Contains(d.String(), "its log is left out") || d.Verdict().Class != faults.Service {
		t.Errorf("%v: %s", err, d)
	}
}

func TestDiagnoseBoundsTheLog(t *testing.T) {
	s := newServer(t)
	rollout(s, 1, 0, nil)
	podOf(s, unit+"-a", object{"state": object{"terminated": object{"exitCode": 1, "reason": "Error"}}})
	s.before = logAnswer("2026-11-30T08:00:09.1Z " + strings.Repeat("é", 40<<10) + "\n2026-11-30T08:00:10Z the end\n")
	d, err := s.cloud().Diagnose(t.Context(), own)
	if text := d.String(); err != nil || len(text) > 6<<10 || !strings.HasSuffix(text, "the end") || strings.ContainsRune(text, '\uFFFD') {
		t.Errorf("%v: %d bytes, %q … %q", err, len(text), text[:200], text[len(text)-20:])
	}
	if s.called("tailLines=20") == 0 {
		t.Errorf("calls: %v", s.calls)
	}
}

func TestDiagnoseSaysWhatItMayNotRead(t *testing.T) {
	s := newServer(t)
	s.before = func(w http.ResponseWriter, _ *http.Request) bool {
		forbid(w, "list", "deployments", `in the namespace "blueprints"`)
		return true
	}
	d, err := s.cloud().Diagnose(t.Context(), own)
	if err != nil || d.Verdict().Class != faults.Auth || !strings.Contains(d.String(), `User "dev" cannot list`) {
		t.Errorf("%v: %s", err, d)
	}
	c, err := New(at(kubeconfig(t, s.url, `{token: wrong}`, s.ca)), "production", "blueprints")
	if err != nil {
		t.Fatal(err)
	}
	d, err = c.Diagnose(t.Context(), own)
	if err != nil || d.Verdict().Class != faults.Auth {
		t.Errorf("another token: %v: %s", err, d)
	}
}

func TestWaitReady(t *testing.T) {
	s := newServer(t)
	rollout(s, 2, 1, nil)
	var told []string
	go func() {
		time.Sleep(700 * time.Millisecond)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.objects[appPath+"deployments/"+unit]["status"].(object)["availableReplicas"] = 2
	}()
	err := s.cloud().WaitReady(t.Context(), own, WaitOptions{Progress: func(d Diagnosis) { told = append(told, fmt.Sprint(d.Done)) }})
	if err != nil || fmt.Sprint(told) != "[false true]" {
		t.Errorf("%v, told %v", err, told)
	}
}

func TestWaitReadyEndsEarly(t *testing.T) {
	s := newServer(t)
	rollout(s, 1, 0, nil)
	podOf(s, unit+"-a", waiting("InvalidImageName", "couldn't parse image name"))
	begin := time.Now()
	err := s.cloud().WaitReady(t.Context(), own, WaitOptions{Grace: 600 * time.Millisecond})
	var not *NotReadyError
	if !errors.As(err, &not) || !not.Early || not.Diagnosis.Verdict().Class != faults.Invalid || time.Since(begin) > 5*time.Second {
		t.Errorf("after %s: %v", time.Since(begin), err)
	}
}

func TestWaitReadyAtItsDeadline(t *testing.T) {
	s := newServer(t)
	rollout(s, 1, 0, nil)
	pending(s, unit+"-a", "0/3 nodes are available: 3 Insufficient cpu.")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := s.cloud().WaitReady(ctx, own, WaitOptions{})
	var not *NotReadyError
	if !errors.As(err, &not) || not.Early || !strings.Contains(err.Error(), "Insufficient cpu") || strings.Contains(err.Error(), "deadline") || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := s.cloud().WaitReady(ctx, own, WaitOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestHopeless(t *testing.T) {
	verdict := func(text string, scaleUp bool, ready int) Diagnosis {
		d := Diagnosis{Wanted: 3, Ready: ready}
		if text != "" {
			d.add(Finding{Kind: KindPod, Text: text, ScaleUp: scaleUp})
		}
		return d
	}
	full := "pod a: FailedScheduling: 0/1 nodes are available: 1 Insufficient cpu."
	begin := time.Now()
	for name, tt := range map[string]struct {
		first, then Diagnosis
		after       time.Duration
		want        bool
	}{
		"full, soon":             {verdict(full, false, 0), verdict(full, false, 0), 59 * time.Second, false},
		"full":                   {verdict(full, false, 0), verdict(full, false, 0), 61 * time.Second, true},
		"full, but one got in":   {verdict(full, false, 0), verdict(full, false, 1), 61 * time.Second, false},
		"full, a node comes":     {verdict(full, true, 0), verdict(full, true, 0), time.Hour, false},
		"another verdict before": {verdict("dial tcp: connection refused", false, 0), verdict(full, false, 0), time.Hour, false},
		"a server that is away":  {verdict("dial tcp: connection refused", false, 0), verdict("dial tcp: connection refused", false, 0), time.Hour, false},
		"bad image":              {verdict("pod a, container b: InvalidImageName: x", false, 0), verdict("pod a, container b: InvalidImageName: x", false, 0), 11 * time.Second, true},
		"nothing":                {verdict("", false, 0), verdict("", false, 0), time.Hour, false},
	} {
		w := watch{begin: begin, grace: time.Minute}
		w.hopeless(tt.first, begin)
		if got := w.hopeless(tt.then, begin.Add(tt.after)); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
