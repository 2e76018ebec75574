package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"skysail/clouds/faults"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRetryAfterIsHonoured(t *testing.T) {
	s := newServer(t)
	var n atomic.Int32
	var first time.Time
	s.before = func(w http.ResponseWriter, _ *http.Request) bool {
		switch n.Add(1) {
		case 1:
			first = time.Now()
			w.Header().Set("Retry-After", "1")
			refuse(w, http.StatusTooManyRequests, "TooManyRequests", "too many requests, please try again later")
			return true
		case 2:
			if d := time.Since(first); d < 900*time.Millisecond {
				t.Errorf("asked again after %s", d)
			}
		}
		return false
	}
	if _, err := s.cloud().Pods(t.Context(), own); err != nil || n.Load() != 2 {
		t.Errorf("%v after %d calls", err, n.Load())
	}
}

// A wait that is longer than there is time ends with the refusal, not with a
// bare deadline.
func TestTooManyRequestsUntilTheEnd(t *testing.T) {
	s := newServer(t)
	s.before = func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Retry-After", "30")
		refuse(w, http.StatusTooManyRequests, "TooManyRequests", "too many requests, please try again later")
		return true
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := s.cloud().Pods(ctx, own)
	if err == nil || Faults().Judge(err.Error()).Class != faults.Transient {
		t.Errorf("%v", err)
	}
}

func TestAServerThatComesBack(t *testing.T) {
	s := newServer(t)
	var n atomic.Int32
	s.before = func(w http.ResponseWriter, _ *http.Request) bool {
		switch n.Add(1) {
		case 1:
			hang, _, _ := w.(http.Hijacker).Hijack()
			_ = hang.Close()
			return true
		case 2, 3:
			refuse(w, http.StatusInternalServerError, "InternalError", "Internal error occurred: etcdserver: request timed out")
			return true
		}
		return false
	}
	if _, err := s.cloud().Pods(t.Context(), own); err != nil || n.Load() < 4 {
		t.Errorf("%v after %d calls", err, n.Load())
	}
}

func TestAServerThatIsGone(t *testing.T) {
	s := newServer(t)
	gone := httptest.NewTLSServer(nil)
	gone.Close()
	c, err := New(at(kubeconfig(t, gone.URL, `{token: `+token+`}`, s.ca)), "production", "blueprints")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err = c.Find(ctx, own)
	if err == nil || Faults().Judge(err.Error()).Class != faults.Transient || !strings.Contains(err.Error(), "connection refused") || !strings.Contains(err.Error(), `kubectl --context production version`) {
		t.Errorf("%v", err)
	}
	d, err := c.Diagnose(ctx, own)
	if d.Verdict().Class != faults.Transient && err == nil {
		t.Errorf("%s, %v", d, err)
	}
}

func TestInterrupted(t *testing.T) {
	s := newServer(t)
	s.before = func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true }
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	begin := time.Now()
	_, err := s.cloud().Find(ctx, own)
	if !errors.Is(err, context.Canceled) || time.Since(begin) > 5*time.Second {
		t.Errorf("after %s: %v", time.Since(begin), err)
	}
}

// A credential helper does not know of deadlines.
func TestAHelperThatHangs(t *testing.T) {
	s := newServer(t)
	user := `{exec: {apiVersion: client.authentication.k8s.io/v1, command: sleep, args: ["3"], interactiveMode: Never}}`
	c, err := New(at(kubeconfig(t, s.url, user, s.ca)), "production", "blueprints")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if _, err = c.Pods(ctx, own); err == nil || time.Since(begin) > 2*time.Second {
		t.Errorf("after %s: %v", time.Since(begin), err)
	}
	time.Sleep(3 * time.Second) // the helper's end, for goleak
}

func TestWhatIsNoKubernetes(t *testing.T) {
	s := newServer(t)
	s.before = func(w http.ResponseWriter, _ *http.Request) bool { _, _ = w.Write([]byte("<html>")); return true }
	if _, err := s.cloud().Pods(t.Context(), own); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("%v", err)
	}
}

func TestEvents(t *testing.T) {
	s := newServer(t)
	eventOf(s, "Pod", unit+"-a", "uid-1", "BackOff", "Back-off restarting, Authorization: Bearer abcdefghijklmnop")
	eventOf(s, "Pod", "skysail-"+other+"-b", "uid-2", "BackOff", "x")
	s.put("/api/v1/namespaces/blueprints/events/new", "", object{
		"involvedObject": object{"kind": "Pod", "name": unit + "-a", "uid": "uid-1"}, "type": "Normal", "reason": "Scheduled", "message": "m",
		"eventTime": "2026-11-30T07:59:00.123456Z", "series": object{"count": 7, "lastObservedTime": "2026-11-30T07:59:30.500000Z"},
	})
	got, err := s.cloud().Events(t.Context(), own, time.Time{})
	if err != nil || len(got) != 2 {
		t.Fatalf("%v, %v", got, err)
	}
	if e := got[0]; e.Reason != "Scheduled" || e.Warning || e.Count != 7 || e.Last.Second() != 30 || e.First.IsZero() {
		t.Errorf("%+v", e)
	}
	if e := got[1]; !e.Warning || e.Count != 3 || e.Deployment != own || strings.Contains(e.Message, "abcdef") {
		t.Errorf("%+v", e)
	}
	got, err = s.cloud().Events(t.Context(), own, time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC))
	if err != nil || len(got) != 1 {
		t.Errorf("since: %v, %v", got, err)
	}
}

func TestNew(t *testing.T) {
	s := newServer(t)
	path := kubeconfig(t, s.url, `{token: `+token+`}`, s.ca)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(raw), "context: {cluster: c, user: u}", "context: {cluster: c, user: u, namespace: team}", 1) + "current-context: staging\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := New(at(path), "", "")
	if err != nil || c.Context() != "staging" || c.Namespace() != "team" || c.Server() != s.url || c.Credentials() != nil {
		t.Errorf("%v, %+v", err, c)
	}
	env := c.TerraformEnv()
	if len(env) != 2 || env["KUBE_CONFIG_PATH"] != path || env["KUBE_CTX"] != "staging" {
		t.Errorf("%v", env)
	}
	c, err = New(at(path+string(filepath.ListSeparator)+path+"2"), "production", "")
	if err != nil || c.Namespace() != "default" {
		t.Errorf("%v, %+v", err, c)
	}
	if _, err := New(at(path), "prod", ""); !errors.Is(err, ErrNoContext) {
		t.Errorf("%v", err)
	}
	c, err = New(at(kubeconfig(t, s.url, `{client-certificate: /does/not/exist, client-key: /does/not/exist}`, s.ca)), "production", "")
	if err == nil {
		err = c.Credentials()
	}
	if !errors.Is(err, ErrBroken) {
		t.Errorf("no certificate: %v", err)
	}
}

func TestTerraformEnvOfSeveralFilesAndAHelper(t *testing.T) {
	s := newServer(t)
	user := `{exec: {apiVersion: client.authentication.k8s.io/v1, command: aws, interactiveMode: Never}}`
	a, b := kubeconfig(t, s.url, user, s.ca), kubeconfig(t, s.url, user, s.ca)
	both := a + string(filepath.ListSeparator) + b
	env := func(name string) (string, bool) {
		v := map[string]string{"KUBECONFIG": both, "AWS_PROFILE": "p", "VULTR_API_KEY": "k", "HTTPS_PROXY": "http://proxy:1"}[name]
		return v, v != ""
	}
	c, err := New(env, "production", "")
	if err != nil {
		t.Fatal(err)
	}
	got := c.TerraformEnv()
	want := map[string]string{"KUBE_CONFIG_PATHS": both, "KUBE_CTX": "production", "AWS_PROFILE": "p", "HTTPS_PROXY": "http://proxy:1"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v", got)
	}
}

func TestInCluster(t *testing.T) {
	s := newServer(t)
	old := serviceAccount
	serviceAccount = t.TempDir()
	t.Cleanup(func() { serviceAccount = old })
	for name, text := range map[string]string{"token": token, "namespace": "team\n", "ca.crt": string(s.ca)} {
		if err := os.WriteFile(filepath.Join(serviceAccount, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	host, port, _ := strings.Cut(strings.TrimPrefix(s.url, "https://"), ":")
	vars := map[string]string{"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port, "HOME": t.TempDir()}
	env := func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
	c, err := New(env, InCluster, "")
	if err != nil || c.Namespace() != "team" {
		t.Fatalf("%v, %+v", err, c)
	}
	if _, err := c.Pods(t.Context(), own); err != nil {
		t.Error(err)
	}
	got := c.TerraformEnv()
	if len(got) != 2 || got["KUBERNETES_SERVICE_HOST"] != host {
		t.Errorf("%v", got)
	}
	if a, _ := c.Account(); a.Source != "the service account of this pod" {
		t.Errorf("%+v", a)
	}
	// A context of some other cluster is not this one.
	if _, err := New(env, "production", ""); !errors.Is(err, ErrNoKubeconfig) || !strings.Contains(err.Error(), InCluster) {
		t.Errorf("%v", err)
	}
	// What KUBECONFIG names counts, there or not.
	vars["KUBECONFIG"] = "/does/not/exist"
	if _, err := New(env, InCluster, ""); !errors.Is(err, ErrNoKubeconfig) {
		t.Errorf("%v", err)
	}
}
