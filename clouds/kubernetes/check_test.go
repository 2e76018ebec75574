package kubernetes

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// reviews answers as the API does about a user's rights.
func reviews(rules []object, incomplete bool, allowed map[string]bool) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case strings.HasSuffix(r.URL.Path, "/selfsubjectreviews"):
			reply(w, object{"status": object{"userInfo": object{"username": "dev"}}})
		case strings.HasSuffix(r.URL.Path, "/selfsubjectrulesreviews"):
			reply(w, object{"status": object{"resourceRules": rules, "incomplete": incomplete}})
		case strings.HasSuffix(r.URL.Path, "/selfsubjectaccessreviews"):
			var review struct {
				Spec struct {
					Attributes struct{ Namespace, Verb, Group, Resource, Subresource string } `json:"resourceAttributes"`
				} `json:"spec"`
			}
			_ = json.NewDecoder(r.Body).Decode(&review)
			a := review.Spec.Attributes
			reply(w, object{"status": object{"allowed": allowed[a.Verb+" "+a.Resource]}})
		default:
			return false
		}
		return true
	}
}

func TestCheck(t *testing.T) {
	all := []object{{"verbs": []string{"*"}, "apiGroups": []string{"*"}, "resources": []string{"*"}}}
	noDeploy := []object{
		{"verbs": []string{"*"}, "apiGroups": []string{"", "autoscaling", "policy", "networking.k8s.io"}, "resources": []string{"*"}},
		{"verbs": []string{"get", "list", "watch"}, "apiGroups": []string{"apps"}, "resources": []string{"deployments", "replicasets"}},
		{"verbs": []string{"delete"}, "apiGroups": []string{"apps"}, "resources": []string{"*"}, "resourceNames": []string{"one"}},
	}
	for name, tt := range map[string]struct {
		before    func(http.ResponseWriter, *http.Request) bool
		namespace bool
		want      string
	}{
		"all rights":                 {reviews(all, false, nil), true, ""},
		"rights are missing":         {reviews(noDeploy, false, nil), true, "missing: create deployments.apps, patch deployments.apps, delete deployments.apps\n"},
		"another authorizer has one": {reviews(noDeploy, true, map[string]bool{"create deployments": true, "patch deployments": true}), true, "missing: delete deployments.apps\n"},
		"no namespace":               {reviews(all, false, nil), false, `namespaces "blueprints" not found in context "production", and user "dev" may not make it`},
		"no namespace, may make it":  {reviews(all, false, map[string]bool{"create namespaces": true}), false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.before = tt.before
			if tt.namespace {
				s.put(nsPath, "", nil)
			}
			account, err := s.cloud().Check(t.Context())
			if account.ID != "dev" || !strings.HasPrefix(account.Source, "context production of /") {
				t.Errorf("%+v", account)
			}
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

func TestCheckFails(t *testing.T) {
	s := newServer(t)
	c, err := New(at(kubeconfig(t, s.url, `{token: wrong}`, s.ca)), "production", "blueprints")
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Check(t.Context())
	if err == nil || Faults().Judge(err.Error()).Class != "auth" || !strings.Contains(err.Error(), "log in to the cluster again") || strings.Contains(err.Error(), token) {
		t.Errorf("%v", err)
	}
}
