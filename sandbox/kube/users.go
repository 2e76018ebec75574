package kube

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
)

// Rule lets a user do something, as in a Role.
type Rule struct {
	Groups    []string // API groups; "" is the core
	Resources []string
	Verbs     []string
}

// AddUser makes a user that may do in each namespace what the rules say, and
// nothing else, and returns the path of its kubeconfig (0600). Its contexts are
// those of the cluster's defaults when none are given. Without rules the user may
// do nothing at all.
func (c *Cluster) AddUser(ctx context.Context, name string, rules map[string][]Rule, contexts ...Context) (kubeconfig string, err error) {
	for namespace, rs := range rules {
		if err := c.grant(ctx, name, namespace, rs); err != nil {
			return "", fmt.Errorf("user %s: %w", name, err)
		}
	}
	if len(contexts) == 0 {
		contexts = Contexts()
	}
	path := filepath.Join(c.dir, "user-"+name+".kubeconfig")
	return path, c.writeKubeconfig(path, c.server(), identity{user: name}, contexts)
}

func (c *Cluster) grant(ctx context.Context, user, namespace string, rules []Rule) error {
	var list []any
	for _, r := range rules {
		list = append(list, object{"apiGroups": r.Groups, "resources": r.Resources, "verbs": r.Verbs})
	}
	base := "/apis/rbac.authorization.k8s.io/v1/namespaces/" + namespace
	meta := object{"name": user, "namespace": namespace}
	return errors.Join(
		c.Apply(ctx, base+"/roles/"+user, object{
			"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": meta, "rules": list,
		}),
		c.Apply(ctx, base+"/rolebindings/"+user, object{
			"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": meta,
			"roleRef":  object{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": user},
			"subjects": []any{object{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}},
		}),
	)
}
