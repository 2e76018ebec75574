package kubernetes

import (
	"context"
	"errors"
	"net/url"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"golang.org/x/sync/errgroup"

	"skysail/clouds"
)

// metadataOnly asks for the objects without their content: no Secret's values
// and no release's manifest travel. See
// https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables
const metadataOnly = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

// Find returns everything that is left of a deployment, in the order in which
// it must be deleted: what carries its label, the Secrets in which Helm keeps
// its release, and the namespace when skysail made it and this deployment is in
// it. It looks at all namespaces where the user may, else at the Cloud's own.
// Resource.ID is the object's UID, Resource.Region its namespace. Secrets are
// listed without their values. It may be retried.
func (c *Cloud) Find(ctx context.Context, deploymentID string) ([]clouds.Resource, error) {
	if err := clouds.CheckID(deploymentID); err != nil {
		return nil, err
	}
	return c.search(ctx, deploymentID)
}

// FindAll is Find for every deployment, this installation's and others'; each
// thing says whose it is. It may be retried.
func (c *Cloud) FindAll(ctx context.Context) ([]clouds.Resource, error) {
	list, err := c.search(ctx, clouds.Any)
	if err != nil {
		return nil, err
	}
	return clouds.WithDeployment(list), nil
}

func (c *Cloud) search(ctx context.Context, id string) ([]clouds.Resource, error) {
	api, err := c.connect()
	if err != nil {
		return nil, err
	}
	defer api.close()
	found := make([][]clouds.Resource, len(kinds)+1)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for i, k := range kinds {
		g.Go(func() error {
			items, err := c.list(gctx, api, k, id)
			for _, item := range items {
				found[i] = append(found[i], k.resource(item))
			}
			return err
		})
	}
	g.Go(func() error {
		var err error
		found[len(kinds)], err = c.namespaces(gctx, api, id)
		return err
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(append([][]clouds.Resource{{}}, found...)...), nil
}

// list returns the metadata of a kind's objects that are of the deployment.
func (c *Cloud) list(ctx context.Context, api *api, k kind, id string) ([]metav1.PartialObjectMetadata, error) {
	sel, err := k.selector(id)
	if err != nil {
		return nil, err
	}
	q := call{path: k.path("", ""), query: url.Values{"labelSelector": {sel}}, accept: metadataOnly}
	items, err := all[metav1.PartialObjectMetadata](ctx, api, q)
	where := "all namespaces"
	if apierrors.IsForbidden(err) && !k.cluster {
		q.path = k.path(c.namespace, "")
		where = "namespace " + c.namespace
		items, err = all[metav1.PartialObjectMetadata](ctx, api, q)
	}
	if k.optional && (apierrors.IsNotFound(err) || apierrors.IsForbidden(err)) {
		return nil, nil
	}
	if err != nil {
		return nil, api.explain(err, "listing %s in %s", k.plural, where)
	}
	if id == clouds.Any || k.name != KindRelease {
		return items, nil
	}
	return slices.DeleteFunc(items, func(m metav1.PartialObjectMetadata) bool { return !clouds.Named(m.Labels["name"], id) }), nil
}

// selector matches a kind's objects of a deployment. Helm labels its own
// Secrets: helm pkg/storage/driver/secrets.go, newSecretsObject.
func (k kind) selector(id string) (string, error) {
	if k.name != KindRelease {
		return selector(id)
	}
	if id == clouds.Any {
		return "owner=helm", nil
	}
	if err := clouds.CheckID(id); err != nil {
		return "", err
	}
	return "owner=helm,name=" + ReleaseName(id), nil
}

// ReleaseName is the name of a deployment's Helm release.
func ReleaseName(id string) string { return "skysail-" + id }

func (k kind) resource(m metav1.PartialObjectMetadata) clouds.Resource {
	r := resource(k.name, string(m.UID), m.Name)
	r.Region, r.CreatedAt = m.Namespace, m.CreationTimestamp.UTC()
	id := m.Labels[Label]
	if k.name == KindRelease {
		id = clouds.DeploymentOf(nil, m.Labels["name"])
	}
	if clouds.CheckID(id) == nil {
		r.Deployment, r.Tags = id, []string{clouds.DeploymentTag(id)}
	}
	return r
}

func (a *api) close() { a.http.CloseIdleConnections() }

// forbidden says whether a call was refused for want of rights.
func forbidden(err error) bool {
	var e *Error
	if errors.As(err, &e) {
		err = e.Err
	}
	return apierrors.IsForbidden(err)
}
