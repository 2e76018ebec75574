package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"skysail/clouds"
)

// right is what a user must be allowed in the namespace.
type right struct{ group, resource, verb string }

func (r right) String() string {
	if r.group == "" {
		return r.verb + " " + r.resource
	}
	return r.verb + " " + r.resource + "." + r.group
}

// Rights are those without which a deployment fails: what Helm does with the
// chart's objects, what skysail makes, and what tells why pods are not ready.
func rights() []right {
	var out []right
	add := func(group, resource string, verbs ...string) {
		for _, v := range verbs {
			out = append(out, right{group, resource, v})
		}
	}
	for _, k := range kinds {
		switch k.name {
		case KindAutoscaler, KindDeployment, KindBudget, KindService, KindNetworkPolicy, KindServiceAccount:
			add(k.group, k.plural, "get", "list", "create", "patch", "delete")
		case KindSecret:
			add(k.group, k.plural, "get", "list", "create", "update", "patch", "delete")
		case KindReplicaSet, KindPod:
			add(k.group, k.plural, "get", "list", "watch")
		}
	}
	add("", "pods/log", "get")
	add("", "events", "list")
	return out
}

// Check asks the cluster who the credentials belong to, and whether that user
// may do what a deployment needs in the namespace. The error names the rights
// that are missing. It changes nothing and may be repeated.
func (c *Cloud) Check(ctx context.Context) (clouds.Account, error) {
	out, _ := c.Account()
	shared, err := c.connect()
	if err != nil {
		return out, err
	}
	api := *shared
	api.hasty = true // somebody waits, and wants the cause
	defer api.close()
	if out.ID, err = api.whoami(ctx); err != nil {
		return out, api.explain(err, "asking who the credentials belong to")
	}
	missing, err := api.missing(ctx, c.namespace)
	if err != nil {
		return out, api.explain(err, "asking for rights in namespace %s", c.namespace)
	}
	if len(missing) > 0 {
		return out, fmt.Errorf("user %q may not do all that a deployment needs in namespace %s of context %q; missing: %s\nLet the cluster's administrator grant them (docs/providers/kubernetes.md has the role); `kubectl --context %s --namespace %s auth can-i --list` shows what there is",
			out.ID, c.namespace, c.context, strings.Join(missing, ", "), c.context, c.namespace)
	}
	_, err = api.namespace(ctx, c.namespace)
	if apierrors.IsNotFound(err) {
		if ok, err := api.may(ctx, "", right{"", "namespaces", "create"}); err != nil || !ok {
			return out, fmt.Errorf("namespaces %q not found in context %q, and user %q may not make it: let the cluster's administrator do that, or name another in the policy's kubernetes.namespace", c.namespace, c.context, out.ID)
		}
	}
	return out, nil
}

// whoami is the user's name: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#self-subject-review
func (a *api) whoami(ctx context.Context) (string, error) {
	var review struct {
		Status struct {
			UserInfo struct {
				Username string `json:"username"`
			} `json:"userInfo"`
		} `json:"status"`
	}
	err := a.review(ctx, "authentication.k8s.io", "SelfSubjectReview", "selfsubjectreviews", nil, &review)
	return review.Status.UserInfo.Username, err
}

func (a *api) review(ctx context.Context, group, kind, plural string, spec, out any) error {
	body, err := json.Marshal(map[string]any{"apiVersion": group + "/v1", "kind": kind, "spec": spec})
	if err != nil {
		return err
	}
	return a.json(ctx, call{verb: http.MethodPost, path: "/apis/" + group + "/v1/" + plural, body: body}, out)
}

// missing are the rights that are not granted. One call tells the rules; where
// they are not complete, as an authorizer outside of the cluster has the rest,
// each right is asked for.
func (a *api) missing(ctx context.Context, namespace string) ([]string, error) {
	var review struct {
		Status struct {
			ResourceRules []rule `json:"resourceRules"`
		} `json:"status"`
	}
	err := a.review(ctx, "authorization.k8s.io", "SelfSubjectRulesReview", "selfsubjectrulesreviews", map[string]string{"namespace": namespace}, &review)
	if err != nil && !apierrors.IsForbidden(err) {
		return nil, err
	}
	var out []string
	for _, r := range rights() {
		if slices.ContainsFunc(review.Status.ResourceRules, func(g rule) bool { return g.grants(r) }) {
			continue
		}
		ok, err := a.may(ctx, namespace, r)
		if err != nil {
			return nil, err
		}
		if !ok {
			out = append(out, r.String())
		}
	}
	return out, nil
}

type rule struct {
	Verbs         []string `json:"verbs"`
	APIGroups     []string `json:"apiGroups"`
	Resources     []string `json:"resources"`
	ResourceNames []string `json:"resourceNames"`
}

func (g rule) grants(r right) bool {
	has := func(list []string, want string) bool {
		return slices.Contains(list, want) || slices.Contains(list, "*")
	}
	return len(g.ResourceNames) == 0 && has(g.Verbs, r.verb) && has(g.APIGroups, r.group) && has(g.Resources, r.resource)
}

// may asks for one right; namespace is empty for what is in none.
func (a *api) may(ctx context.Context, namespace string, r right) (bool, error) {
	resource, sub, _ := strings.Cut(r.resource, "/")
	var review struct {
		Status struct {
			Allowed bool `json:"allowed"`
		} `json:"status"`
	}
	err := a.review(ctx, "authorization.k8s.io", "SelfSubjectAccessReview", "selfsubjectaccessreviews", map[string]any{
		"resourceAttributes": map[string]string{"namespace": namespace, "verb": r.verb, "group": r.group, "resource": resource, "subresource": sub},
	}, &review)
	return review.Status.Allowed, err
}
