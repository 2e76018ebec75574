package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"skysail/clouds"
)

// memberPrefix begins the labels by which a namespace of skysail's making says
// which deployments are in it, from before their first object exists. Without
// them a sweep could take a namespace from under a deployment that is on its
// way.
const memberPrefix = "member.skysail.dev/"

// EnsureNamespace makes the Cloud's namespace for a deployment where it does
// not exist, and says whether it did. In a namespace of skysail's making the
// deployment is noted as one that is in it; to others nothing is done. It is
// idempotent. A user who may not look at namespaces, or not change them, gets
// no error: the namespace is then taken to exist, and stays.
func (c *Cloud) EnsureNamespace(ctx context.Context, id string) (made bool, err error) {
	if err := clouds.CheckID(id); err != nil {
		return false, err
	}
	api, err := c.connect()
	if err != nil {
		return false, err
	}
	defer api.close()
	for range 5 { // another deployment can come or go at the same moment
		ns, err := api.namespace(ctx, c.namespace)
		switch {
		case apierrors.IsForbidden(err):
			return false, nil
		case apierrors.IsNotFound(err):
			err := api.json(ctx, call{verb: http.MethodPost, path: namespaceKind.path("", ""), body: namespaceBody(c.namespace, id)}, nil)
			if apierrors.IsAlreadyExists(err) {
				continue
			}
			return err == nil, api.explain(err, "making namespace %s", c.namespace)
		case err != nil:
			return false, api.explain(err, "looking at namespace %s", c.namespace)
		case ns.DeletionTimestamp != nil:
			return false, &Error{
				Context: c.context, Doing: "using namespace " + c.namespace, Next: "wait until it is gone, then try again",
				Err: fmt.Errorf("namespace %s is being terminated", c.namespace),
			}
		case ns.Labels[Label] == "" || hasMember(ns, id):
			return false, nil
		}
		err = api.patchNamespace(ctx, ns, map[string]any{memberPrefix + id: ""})
		if apierrors.IsForbidden(err) {
			return false, nil // what it makes there says that it is there
		}
		if err == nil || !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
			return false, api.explain(err, "noting the deployment on namespace %s", c.namespace)
		}
	}
	return false, fmt.Errorf("namespace %s changes all the time; try again", c.namespace)
}

func namespaceBody(name, id string) []byte {
	b, _ := json.Marshal(map[string]any{ //nolint:errchkjson // strings only
		"apiVersion": "v1", "kind": "Namespace",
		"metadata": map[string]any{"name": name, "labels": map[string]string{
			Label: id, memberPrefix + id: "",
			"app.kubernetes.io/managed-by": "skysail",
			// What the chart makes fits the strictest level:
			// https://kubernetes.io/docs/concepts/security/pod-security-standards/
			"pod-security.kubernetes.io/enforce": "restricted",
		}},
	})
	return b
}

func (a *api) namespace(ctx context.Context, name string) (metav1.PartialObjectMetadata, error) {
	var out metav1.PartialObjectMetadata
	err := a.json(ctx, call{verb: http.MethodGet, path: namespaceKind.path("", name)}, &out)
	return out, err
}

// patchNamespace changes labels, unless the namespace is another by now.
func (a *api) patchNamespace(ctx context.Context, ns metav1.PartialObjectMetadata, labels map[string]any) error {
	body, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid": ns.UID, "resourceVersion": ns.ResourceVersion, "labels": labels,
	}})
	if err != nil {
		return err
	}
	return a.json(ctx, call{verb: http.MethodPatch, path: namespaceKind.path("", ns.Name), kind: "application/merge-patch+json", body: body}, nil)
}

func hasMember(ns metav1.PartialObjectMetadata, id string) bool {
	_, ok := ns.Labels[memberPrefix+id]
	return ok
}

func members(ns metav1.PartialObjectMetadata) []string {
	var out []string
	for k := range ns.Labels {
		if id, ok := strings.CutPrefix(k, memberPrefix); ok {
			out = append(out, id)
		}
	}
	return out
}

// namespaces are those of skysail's making that the deployment is in.
func (c *Cloud) namespaces(ctx context.Context, api *api, id string) ([]clouds.Resource, error) {
	sel := Label
	if id != clouds.Any {
		sel = memberPrefix + id
	}
	q := call{path: namespaceKind.path("", ""), query: url.Values{"labelSelector": {sel}}, accept: metadataOnly}
	items, err := all[metav1.PartialObjectMetadata](ctx, api, q)
	if apierrors.IsForbidden(err) {
		var one metav1.PartialObjectMetadata
		one, err = api.namespace(ctx, c.namespace)
		items = []metav1.PartialObjectMetadata{one}
		if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
			return nil, nil // who may not look at it has not made it
		}
	}
	if err != nil {
		return nil, api.explain(err, "listing namespaces")
	}
	var out []clouds.Resource
	for _, ns := range items {
		if ns.Labels[Label] == "" {
			continue
		}
		for _, member := range members(ns) {
			if id != clouds.Any && member != id || clouds.CheckID(member) != nil {
				continue
			}
			r := namespaceKind.resource(ns)
			r.Region = ns.Name
			r.Deployment, r.Tags = member, []string{clouds.DeploymentTag(member)}
			out = append(out, r)
		}
	}
	return out, nil
}
