package kubernetes

import (
	"context"
	"net/http"
	"net/url"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"skysail/clouds"
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

// Who else has something in a namespace.
const (
	nobody     = iota
	deployment // another one, which could not note that it is there
	somebody   // not of skysail's making, or nobody can see
)

// inhabited says who else than the deployment has something in a namespace.
func (c *Cloud) inhabited(ctx context.Context, api *api, namespace, id string) (int, error) {
	who := nobody
	for _, k := range inhabitants {
		q := call{verb: http.MethodGet, path: k.path(namespace, ""), accept: metadataOnly, query: url.Values{"labelSelector": {Label + "!=" + id}}}
		list, err := all[metav1.PartialObjectMetadata](ctx, api, q)
		if apierrors.IsForbidden(err) {
			return somebody, nil
		}
		if err != nil && !apierrors.IsNotFound(err) {
			return who, api.explain(err, "looking at what is in namespace %s", namespace)
		}
		for _, m := range list {
			switch {
			case native(k, m), clouds.Named(m.Labels["name"], id) && m.Labels["owner"] == "helm":
			case clouds.CheckID(m.Labels[Label]) == nil, clouds.Named(m.Labels["name"], clouds.Any) && m.Labels["owner"] == "helm":
				who = max(who, deployment)
			default:
				return somebody, nil
			}
		}
	}
	return who, nil
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
