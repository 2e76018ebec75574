package kubernetes

import (
	"net/http"
	"strings"
	"testing"
)

const nsPath = "/api/v1/namespaces/blueprints"

// Two deployments share a namespace of skysail's making: the second one's end
// removes it.
func TestNamespaceGoesWithTheLast(t *testing.T) {
	s := newServer(t)
	c := s.cloud()
	if made, err := c.EnsureNamespace(t.Context(), own); err != nil || !made {
		t.Fatalf("made %v: %v", made, err)
	}
	for range 2 {
		if made, err := c.EnsureNamespace(t.Context(), other); err != nil || made {
			t.Fatalf("made %v: %v", made, err)
		}
	}
	s.put(nsPath+"/configmaps/kube-root-ca.crt", "", nil)
	s.put(nsPath+"/serviceaccounts/default", "", nil)
	for _, id := range []string{own, other} {
		found, err := c.Find(t.Context(), id)
		if err != nil || len(found) != 1 || found[0].Kind != KindNamespace || found[0].Deployment != id {
			t.Fatalf("%s: %v, %v", id, found, err)
		}
		for range 2 {
			if err := c.Delete(t.Context(), found[0]); err != nil {
				t.Fatal(err)
			}
		}
		if left, err := c.Find(t.Context(), id); err != nil || len(left) != 0 {
			t.Errorf("%s: left %v, %v", id, left, err)
		}
		if there := s.has(nsPath); there != (id == own) {
			t.Errorf("after %s: there is a namespace: %v", id, there)
		}
	}
}

func TestNamespaceOfOthersStays(t *testing.T) {
	s := newServer(t)
	s.put(nsPath, "", nil)
	c := s.cloud()
	if made, err := c.EnsureNamespace(t.Context(), own); err != nil || made {
		t.Fatalf("made %v: %v", made, err)
	}
	if found, err := c.Find(t.Context(), own); err != nil || len(found) != 0 {
		t.Errorf("%v, %v", found, err)
	}
}

// What somebody put into our namespace keeps it.
func TestNamespaceWithOthersThingsStays(t *testing.T) {
	s := newServer(t)
	c := s.cloud()
	if _, err := c.EnsureNamespace(t.Context(), own); err != nil {
		t.Fatal(err)
	}
	s.put("/apis/apps/v1/namespaces/blueprints/statefulsets/database", "", nil)
	found, err := c.Find(t.Context(), own)
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	if err := c.Delete(t.Context(), found[0]); err != nil || !s.has(nsPath) {
		t.Errorf("%v, there: %v", err, s.has(nsPath))
	}
	if left, err := c.Find(t.Context(), own); err != nil || len(left) != 0 {
		t.Errorf("it still counts as left: %v, %v", left, err)
	}
}

// A deployment that comes between the look and the deletion keeps it.
func TestNamespaceIsNotTakenFromUnderANewcomer(t *testing.T) {
	s := newServer(t)
	c := s.cloud()
	if _, err := c.EnsureNamespace(t.Context(), own); err != nil {
		t.Fatal(err)
	}
	found, err := c.Find(t.Context(), own)
	if err != nil {
		t.Fatal(err)
	}
	came := false
	s.before = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodDelete && !came {
			came = true
			s.mu.Lock()
			o := s.objects[nsPath]
			o.meta()["labels"].(map[string]any)[memberPrefix+other] = ""
			o.meta()["resourceVersion"] = "999"
			s.mu.Unlock()
		}
		return false
	}
	if err := c.Delete(t.Context(), found[0]); err != nil || !came || !s.has(nsPath) {
		t.Errorf("%v, came %v, there %v", err, came, s.has(nsPath))
	}
	if left, err := c.Find(t.Context(), other); err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
}

func TestNamespaceThatIsGoingOrForbidden(t *testing.T) {
	s := newServer(t)
	s.put(nsPath, own, object{"metadata": map[string]any{"deletionTimestamp": "2026-11-30T08:00:00Z"}})
	_, err := s.cloud().EnsureNamespace(t.Context(), other)
	if err == nil || Faults().Judge(err.Error()).Class != "invalid" {
		t.Errorf("terminating: %v", err)
	}
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		forbid(w, strings.ToLower(r.Method), "namespaces", "at the cluster scope")
		return true
	}
	if made, err := s.cloud().EnsureNamespace(t.Context(), other); err != nil || made {
		t.Errorf("forbidden: %v, %v", made, err)
	}
}

// A deployment whose user may not change namespaces is known by its objects.
func TestNamespaceStaysForWhoCouldNotNoteItself(t *testing.T) {
	s := newServer(t)
	c := s.cloud()
	if _, err := c.EnsureNamespace(t.Context(), own); err != nil {
		t.Fatal(err)
	}
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPatch {
			forbid(w, "patch", "namespaces", "at the cluster scope")
			return true
		}
		return false
	}
	if made, err := c.EnsureNamespace(t.Context(), other); err != nil || made {
		t.Errorf("made %v: %v", made, err)
	}
	s.before = nil
	install(s, "blueprints", other)
	found, err := c.Find(t.Context(), own)
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	if err := c.Delete(t.Context(), found[0]); err != nil || !s.has(nsPath) || s.objects[nsPath].meta()["labels"].(map[string]any)[Label] == nil {
		t.Errorf("%v, there: %v", err, s.has(nsPath))
	}
}
