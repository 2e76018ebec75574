package kubernetes

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/labels"
)

const (
	own   = "db5qkck60vew"
	other = "dzzzzzzzzzzz"
)

// object is one of the API's, as JSON has it.
type object map[string]any

func (o object) meta() map[string]any { return o["metadata"].(map[string]any) }

// server is an API server as the wire shows it: paths, label selectors, pages,
// preconditions and Status errors as the real one has them.
type server struct {
	t   *testing.T
	url string
	ca  []byte

	mu      sync.Mutex
	objects map[string]object // by path
	version int
	calls   []string
	// before may answer in the place of the store.
	before func(w http.ResponseWriter, r *http.Request) bool
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, objects: map[string]object{}}
	h := httptest.NewTLSServer(s)
	t.Cleanup(h.Close)
	s.url = h.URL
	s.ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.Certificate().Raw})
	return s
}

// cloud is a Cloud of the server, for namespace blueprints.
func (s *server) cloud() *Cloud {
	s.t.Helper()
	c, err := New(at(kubeconfig(s.t, s.url, `{token: `+token+`}`, s.ca)), "production", "blueprints")
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// put stores an object under its path, such as /api/v1/namespaces/a/pods/b.
func (s *server) put(path string, id string, more object) object {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	parts := strings.Split(strings.Trim(path, "/"), "/")
	meta := map[string]any{
		"name": parts[len(parts)-1], "uid": fmt.Sprintf("uid-%d", s.version), "resourceVersion": strconv.Itoa(s.version),
		"creationTimestamp": "2026-11-30T08:00:00Z", "labels": map[string]any{},
	}
	if len(parts) > 4 && parts[len(parts)-4] == "namespaces" {
		meta["namespace"] = parts[len(parts)-3]
	}
	if id != "" {
		meta["labels"].(map[string]any)[Label] = id
	}
	o := object{"metadata": meta}
	for k, v := range more {
		if k == "metadata" {
			maps.Copy(meta, v.(map[string]any))
			continue
		}
		o[k] = v
	}
	s.objects[path] = o
	return o
}

func (s *server) has(path string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.objects[path] != nil
}

func (s *server) called(text string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, c := range s.calls {
		if strings.Contains(c, text) {
			n++
		}
	}
	return n
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.calls = append(s.calls, r.Method+" "+r.URL.RequestURI())
	before := s.before
	s.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer "+token {
		refuse(w, http.StatusUnauthorized, "Unauthorized", "Unauthorized")
		return
	}
	if before != nil && before(w, r) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	path := r.URL.Path
	o := s.objects[path]
	switch {
	case r.Method == http.MethodGet && o != nil:
		reply(w, o)
	case r.Method == http.MethodGet && isList(path):
		s.list(w, r)
	case r.Method == http.MethodDelete && o != nil:
		s.remove(w, r, path, o)
	case r.Method == http.MethodPost:
		s.create(w, r)
	case r.Method == http.MethodPatch && (o != nil || strings.Contains(r.Header.Get("Content-Type"), "apply")):
		s.patch(w, r, path, o)
	default:
		last := path[strings.LastIndex(path, "/")+1:]
		kind := strings.Split(path, "/")
		refuse(w, http.StatusNotFound, "NotFound", fmt.Sprintf("%s %q not found", kind[len(kind)-2], last))
	}
}

// isList says whether a path is that of a collection: without or with a
// namespace.
func isList(path string) bool {
	rest := strings.TrimPrefix(strings.TrimPrefix(path, "/api/v1/"), "/apis/")
	parts := strings.Split(rest, "/")
	if strings.HasPrefix(path, "/apis/") {
		parts = parts[2:]
	}
	return len(parts) == 1 || len(parts) == 3 && parts[0] == "namespaces"
}

func (s *server) list(w http.ResponseWriter, r *http.Request) {
	sel, err := labels.Parse(r.URL.Query().Get("labelSelector"))
	if err != nil {
		refuse(w, http.StatusBadRequest, "BadRequest", err.Error())
		return
	}
	prefix, plural := r.URL.Path[:strings.LastIndex(r.URL.Path, "/")], r.URL.Path[strings.LastIndex(r.URL.Path, "/"):]
	var items []object
	for _, path := range slices.Sorted(maps.Keys(s.objects)) {
		parent := path[:strings.LastIndex(path, "/")]
		if !strings.HasPrefix(path, prefix+"/") || !strings.HasSuffix(parent, plural) {
			continue
		}
		set := labels.Set{}
		for k, v := range s.objects[path].meta()["labels"].(map[string]any) {
			set[k] = v.(string)
		}
		if sel.Matches(set) {
			items = append(items, s.objects[path])
		}
	}
	meta := map[string]any{"resourceVersion": strconv.Itoa(s.version)}
	from, _ := strconv.Atoi(r.URL.Query().Get("continue"))
	items = items[min(from, len(items)):]
	if limit, _ := strconv.Atoi(r.URL.Query().Get("limit")); limit > 0 && len(items) > limit {
		items = items[:limit]
		meta["continue"] = strconv.Itoa(from + limit)
	}
	reply(w, object{"metadata": meta, "items": items})
}

func (s *server) remove(w http.ResponseWriter, r *http.Request, path string, o object) {
	var opts struct {
		Preconditions struct {
			UID             string `json:"uid"`
			ResourceVersion string `json:"resourceVersion"`
		} `json:"preconditions"`
	}
	if err := json.NewDecoder(r.Body).Decode(&opts); err != nil {
		refuse(w, http.StatusBadRequest, "BadRequest", err.Error())
		return
	}
	p := opts.Preconditions
	if p.UID != "" && p.UID != o.meta()["uid"] || p.ResourceVersion != "" && p.ResourceVersion != o.meta()["resourceVersion"] {
		refuse(w, http.StatusConflict, "Conflict", "Operation cannot be fulfilled on "+path+": the UID in the precondition does not match")
		return
	}
	if _, ok := o.meta()["finalizers"]; ok {
		o.meta()["deletionTimestamp"] = "2026-11-30T08:01:00Z"
	} else {
		for p := range s.objects {
			if p == path || strings.HasPrefix(p, path+"/") {
				delete(s.objects, p)
			}
		}
	}
	reply(w, object{"kind": "Status", "apiVersion": "v1", "status": "Success"})
}

func (s *server) create(w http.ResponseWriter, r *http.Request) {
	var o object
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
		refuse(w, http.StatusBadRequest, "BadRequest", err.Error())
		return
	}
	path := r.URL.Path + "/" + fmt.Sprint(o.meta()["name"])
	if s.objects[path] != nil {
		refuse(w, http.StatusConflict, "AlreadyExists", path+" already exists")
		return
	}
	s.version++
	o.meta()["uid"], o.meta()["resourceVersion"] = fmt.Sprintf("uid-%d", s.version), strconv.Itoa(s.version)
	s.objects[path] = o
	reply(w, o)
}

func (s *server) patch(w http.ResponseWriter, r *http.Request, path string, o object) {
	var change object
	if err := json.NewDecoder(r.Body).Decode(&change); err != nil {
		refuse(w, http.StatusBadRequest, "BadRequest", err.Error())
		return
	}
	s.version++
	if strings.Contains(r.Header.Get("Content-Type"), "apply") {
		change.meta()["uid"], change.meta()["resourceVersion"] = fmt.Sprintf("uid-%d", s.version), strconv.Itoa(s.version)
		s.objects[path] = change
		reply(w, change)
		return
	}
	if v := change.meta()["resourceVersion"]; v != nil && v != o.meta()["resourceVersion"] {
		refuse(w, http.StatusConflict, "Conflict", "Operation cannot be fulfilled on "+path+": the object has been modified")
		return
	}
	have := o.meta()["labels"].(map[string]any)
	for k, v := range change.meta()["labels"].(map[string]any) {
		if v == nil {
			delete(have, k)
		} else {
			have[k] = v
		}
	}
	o.meta()["resourceVersion"] = strconv.Itoa(s.version)
	reply(w, o)
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// refuse answers with a Status, as every refusal of the API is. What the
// header Retry-After says stands in it too.
func refuse(w http.ResponseWriter, code int, reason, message string) {
	after, _ := strconv.Atoi(w.Header().Get("Retry-After"))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(object{"kind": "Status", "apiVersion": "v1", "metadata": object{}, "status": "Failure", "message": message, "reason": reason, "code": code, "details": object{"retryAfterSeconds": after}})
}

func forbid(w http.ResponseWriter, verb, plural, scope string) {
	refuse(w, http.StatusForbidden, "Forbidden", fmt.Sprintf(`%s is forbidden: User "dev" cannot %s resource %q in API group "" %s`, plural, verb, plural, scope))
}
