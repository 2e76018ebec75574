package kubernetes

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"skysail/clouds"
)

// install puts what a release of the chart makes into a namespace.
func install(s *server, ns, id string) {
	name := "skysail-" + id
	in := "/namespaces/" + ns + "/"
	s.put("/apis/autoscaling/v2"+in+"horizontalpodautoscalers/"+name, id, nil)
	s.put("/apis/apps/v1"+in+"deployments/"+name, id, nil)
	s.put("/apis/apps/v1"+in+"replicasets/"+name+"-5d4f", id, nil)
	s.put("/api/v1"+in+"pods/"+name+"-5d4f-x", id, nil)
	s.put("/apis/policy/v1"+in+"poddisruptionbudgets/"+name, id, nil)
	s.put("/api/v1"+in+"services/"+name, id, nil)
	s.put("/apis/networking.k8s.io/v1"+in+"networkpolicies/"+name, id, nil)
	s.put("/api/v1"+in+"serviceaccounts/"+name, id, nil)
	s.put("/api/v1"+in+"secrets/"+name, id, nil)
	for _, rev := range []string{"v1", "v2"} {
		s.put("/api/v1"+in+"secrets/sh.helm.release.v1."+name+"."+rev, "", object{
			"metadata": map[string]any{"labels": map[string]any{"owner": "helm", "name": name, "status": "failed"}},
			"type":     "helm.sh/release.v1",
		})
	}
}

func names(list []clouds.Resource) []string {
	var out []string
	for _, r := range list {
		out = append(out, r.Kind+" "+r.Region+"/"+r.Name)
	}
	return out
}

func TestFindInTheOrderOfDeletion(t *testing.T) {
	s := newServer(t)
	install(s, "blueprints", own)
	install(s, "blueprints", other)
	install(s, "elsewhere", other)
	s.put("/api/v1/namespaces/blueprints/pods/somebody", "", nil)
	s.put("/api/v1/namespaces/blueprints/secrets/sh.helm.release.v1.nginx.v1", "", object{"metadata": map[string]any{"labels": map[string]any{"owner": "helm", "name": "nginx"}}})

	got, err := s.cloud().Find(t.Context(), own)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"horizontal_pod_autoscaler blueprints/skysail-" + own, "deployment blueprints/skysail-" + own,
		"replica_set blueprints/skysail-" + own + "-5d4f", "pod blueprints/skysail-" + own + "-5d4f-x",
		"pod_disruption_budget blueprints/skysail-" + own, "service blueprints/skysail-" + own,
		"network_policy blueprints/skysail-" + own, "service_account blueprints/skysail-" + own, "secret blueprints/skysail-" + own,
		"helm_release blueprints/sh.helm.release.v1.skysail-" + own + ".v1", "helm_release blueprints/sh.helm.release.v1.skysail-" + own + ".v2",
	}
	if !slices.Equal(names(got), want) {
		t.Errorf("got  %v\nwant %v", names(got), want)
	}
	for _, r := range got {
		if r.ID == "" || r.Provider != "kubernetes" || r.Deployment != own || !clouds.Tagged(r.Tags, own) || r.CreatedAt.IsZero() {
			t.Errorf("%+v", r)
		}
	}
	if s.called("watch") != 0 || s.called("GET /api/v1/secrets?") != 2 {
		t.Errorf("calls: %v", s.calls)
	}

	all, err := s.cloud().FindAll(t.Context())
	if err != nil || len(all) != 3*len(want) {
		t.Errorf("FindAll: %d, %v", len(all), err)
	}
	if _, err := s.cloud().Find(t.Context(), "d"); err == nil {
		t.Error("less than an ID was taken")
	}
}

// A user with rights in one namespace only sees that one, and no CRDs.
func TestFindWithRightsInOneNamespace(t *testing.T) {
	s := newServer(t)
	install(s, "blueprints", own)
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/namespaces/blueprints/") {
			forbid(w, "list", r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:], "at the cluster scope")
			return true
		}
		if strings.Contains(r.URL.Path, "monitoring.coreos.com") {
			http.Error(w, "404 page not found", http.StatusNotFound)
			return true
		}
		return false
	}
	got, err := s.cloud().Find(t.Context(), own)
	if err != nil || len(got) != 11 {
		t.Errorf("%d: %v", len(got), err)
	}
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		forbid(w, "list", "pods", `in the namespace "blueprints"`)
		return true
	}
	_, err = s.cloud().Find(t.Context(), own)
	if v := Faults().Judge(err.Error()); v.Class != "auth" || !strings.Contains(err.Error(), "namespace blueprints") {
		t.Errorf("no rights: %s: %v", v.Class, err)
	}
}

func TestSweep(t *testing.T) {
	s := newServer(t)
	install(s, "blueprints", own)
	install(s, "blueprints", other)
	c := s.cloud()
	found, err := c.Find(t.Context(), own)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // what is gone already is no error
		for _, r := range found {
			if err := c.Delete(t.Context(), r); err != nil {
				t.Errorf("%s %s: %v", r.Kind, r.Name, err)
			}
		}
	}
	if left, err := c.Find(t.Context(), own); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", names(left), err)
	}
	if left, err := c.Find(t.Context(), other); err != nil || len(left) != len(found) {
		t.Errorf("of the other: %v, %v", names(left), err)
	}
}

func TestDeleteTakesNoOtherOfThatName(t *testing.T) {
	s := newServer(t)
	path := "/api/v1/namespaces/blueprints/services/skysail-" + own
	s.put(path, own, nil)
	c := s.cloud()
	r := clouds.Resource{Kind: KindService, ID: "uid-of-before", Name: "skysail-" + own, Region: "blueprints"}
	if err := c.Delete(t.Context(), r); err != nil || !s.has(path) {
		t.Errorf("another object: %v, there: %v", err, s.has(path))
	}
	r.ID = ""
	if err := c.Delete(t.Context(), r); err == nil {
		t.Error("an object without UID was deleted")
	}
	r.Kind = "node"
	if err := c.Delete(t.Context(), r); err == nil || !strings.Contains(err.Error(), "does not delete") {
		t.Errorf("a node: %v", err)
	}
}

func TestPages(t *testing.T) {
	s := newServer(t)
	for _, n := range []string{"a", "b", "c", "d", "e"} {
		s.put("/api/v1/namespaces/blueprints/pods/skysail-"+own+"-"+n, own, nil)
	}
	old := pageSize
	pageSize = "2"
	t.Cleanup(func() { pageSize = old })
	expired := false
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("continue") == "4" && !expired {
			expired = true
			refuse(w, http.StatusGone, "Expired", "The provided continue parameter is too old")
			return true
		}
		return false
	}
	got, err := s.cloud().Pods(t.Context(), own)
	if err != nil || len(got) != 5 || !expired {
		t.Errorf("%d pods, expired %v: %v", len(got), expired, err)
	}
}
