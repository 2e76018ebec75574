package kubernetes

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
)

func TestEnsureSecret(t *testing.T) {
	s := newServer(t)
	c := s.cloud()
	path := "/api/v1/namespaces/blueprints/secrets/" + unit
	for _, value := range []string{"hunter2-hunter2", "another-value"} {
		if err := c.EnsureSecret(t.Context(), own, unit, map[string]string{"API_KEY": value}); err != nil {
			t.Fatal(err)
		}
		o := s.objects[path]
		data := o["data"].(map[string]any)
		if got, _ := base64.StdEncoding.DecodeString(data["API_KEY"].(string)); string(got) != value || len(data) != 1 || o["type"] != "Opaque" {
			t.Errorf("it holds %v", o)
		}
		if o.meta()["labels"].(map[string]any)[Label] != own {
			t.Errorf("labels %v", o.meta()["labels"])
		}
	}
	if s.called("hunter2") != 0 {
		t.Error("a value is in a URL")
	}
	found, err := c.Find(t.Context(), own)
	if err != nil || len(found) != 1 || c.Delete(t.Context(), found[0]) != nil || s.has(path) {
		t.Errorf("it is not found and deleted: %v, %v", found, err)
	}
	if err := c.EnsurePullSecret(t.Context(), own, unit+"-pull", []byte(`{"auths":{}}`)); err != nil || s.objects[path+"-pull"]["type"] != "kubernetes.io/dockerconfigjson" {
		t.Errorf("%v: %v", err, s.objects[path+"-pull"])
	}
}

func TestEnsureSecretLeavesOthersAlone(t *testing.T) {
	s := newServer(t)
	s.put("/api/v1/namespaces/blueprints/secrets/"+unit, other, nil)
	if err := s.cloud().EnsureSecret(t.Context(), own, unit, nil); !errors.Is(err, ErrNotOurs) || s.called("PATCH") != 0 {
		t.Errorf("%v", err)
	}
}

func TestEnsureSecretSaysNoValue(t *testing.T) {
	s := newServer(t)
	value := "hunter2-hunter2"
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPatch {
			return false
		}
		refuse(w, http.StatusUnprocessableEntity, "Invalid", "Secret is invalid: data: Invalid value: "+value+" "+base64.StdEncoding.EncodeToString([]byte(value)))
		return true
	}
	err := s.cloud().EnsureSecret(t.Context(), own, unit, map[string]string{"A B": value})
	if err == nil || strings.Contains(err.Error(), value) || strings.Contains(err.Error(), base64.StdEncoding.EncodeToString([]byte(value))) || !strings.Contains(err.Error(), "Invalid value: (hidden) (hidden)") {
		t.Errorf("%v", err)
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if strings.Contains(e.Error(), value) {
			t.Errorf("%v", e)
		}
	}
}
