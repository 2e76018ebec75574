package kubernetes

import (
	"context"
	"net/http"
	"net/url"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// inhabitants are what somebody could have put into a namespace.
var inhabitants = []kind{
	podKind, secretKind, deploymentKind,
	{version: "v1", plural: "services"},
	{version: "v1", plural: "configmaps"},
	{version: "v1", plural: "persistentvolumeclaims"},
	{version: "v1", plural: "serviceaccounts"},
	{group: "apps", version: "v1", plural: "statefulsets"},
	{group: "apps", version: "v1", plural: "daemonsets"},
	{group: "batch", version: "v1", plural: "jobs"},
	{group: "batch", version: "v1", plural: "cronjobs"},
	{group: "networking.k8s.io", version: "v1", plural: "ingresses"},
}

// foreign says whether something is in a namespace that no deployment made, or
// whether that can not be seen.
func (c *Cloud) foreign(ctx context.Context, api *api, namespace string) (bool, error) {
	for _, k := range inhabitants {
		q := call{verb: http.MethodGet, path: k.path(namespace, ""), accept: metadataOnly, query: url.Values{"limit": {pageSize}, "labelSelector": {"!" + Label}}}
		list, err := all[metav1.PartialObjectMetadata](ctx, api, q)
		if apierrors.IsForbidden(err) {
			return true, nil
		}
		if err != nil && !apierrors.IsNotFound(err) {
			return false, api.explain(err, "looking at what is in namespace %s", namespace)
		}
		for _, m := range list {
			if !native(k, m) {
				return true, nil
			}
		}
	}
	return false, nil
}

// native says whether the cluster itself puts the object into each namespace.
func native(k kind, m metav1.PartialObjectMetadata) bool {
	switch k.plural {
	case "configmaps":
		return m.Name == "kube-root-ca.crt"
	case "serviceaccounts":
		return m.Name == "default"
	case "secrets":
		return m.Annotations["kubernetes.io/service-account.name"] == "default"
	}
	return false
}
