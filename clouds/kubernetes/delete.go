package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"skysail/clouds"
)

// deletePatience bounds the wait for one object to be gone. A pod has its
// grace of 30 seconds, and a Deployment goes after its pods.
const deletePatience = 2 * time.Minute

// Delete removes one thing that Find returned, and returns once the API says
// that it is gone. What is gone already, or is another object of that name by
// now, is no error. A namespace loses the deployment's mark, and is removed
// with the last one if nothing of anybody else's is in it. It may be retried.
func (c *Cloud) Delete(ctx context.Context, r clouds.Resource) error {
	k, ok := kindOf(r.Kind)
	if !ok {
		return fmt.Errorf("skysail does not delete a Kubernetes %s: `kubectl --context %s --namespace %s delete` does", r.Kind, c.context, r.Region)
	}
	if r.ID == "" {
		return fmt.Errorf("deleting %s %s: %w", r.Kind, r.Name, errNoID)
	}
	api, err := c.connect()
	if err != nil {
		return err
	}
	defer api.close()
	if k.cluster {
		return c.leave(ctx, api, r)
	}
	what := fmt.Sprintf("deleting %s %s in namespace %s", r.Kind, r.Name, r.Region)
	if err := api.remove(ctx, k, r.Region, r.Name, types.UID(r.ID), ""); err != nil {
		return api.explain(err, "%s", what)
	}
	return api.gone(ctx, k, r, what)
}

// remove asks for a deletion. Not there, or another of that name, is done.
func (a *api) remove(ctx context.Context, k kind, namespace, name string, uid types.UID, version string) error {
	policy := metav1.DeletePropagationBackground
	if k.foreground {
		policy = metav1.DeletePropagationForeground
	}
	pre := &metav1.Preconditions{UID: &uid}
	if version != "" {
		pre.ResourceVersion = &version
	}
	body, err := json.Marshal(metav1.DeleteOptions{
		TypeMeta:      metav1.TypeMeta{APIVersion: "v1", Kind: "DeleteOptions"},
		Preconditions: pre, PropagationPolicy: &policy,
	})
	if err != nil {
		return err
	}
	err = a.json(ctx, call{verb: http.MethodDelete, path: k.path(namespace, name), body: body}, nil)
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) && version == "" {
		return nil
	}
	if apierrors.IsForbidden(err) && !k.cluster {
		// What a Deployment owned is gone with it, and then nobody needs the
		// right to delete that.
		var now metav1.PartialObjectMetadata
		if got := a.json(ctx, call{verb: http.MethodGet, path: k.path(namespace, name)}, &now); apierrors.IsNotFound(got) || got == nil && now.UID != uid {
			return nil
		}
	}
	return err
}

// gone waits until the object is no more.
func (a *api) gone(ctx context.Context, k kind, r clouds.Resource, what string) error {
	var last metav1.PartialObjectMetadata
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		var now metav1.PartialObjectMetadata
		err := a.json(ctx, call{verb: http.MethodGet, path: k.path(r.Region, r.Name)}, &now)
		if apierrors.IsNotFound(err) || err == nil && now.UID != types.UID(r.ID) {
			return struct{}{}, nil
		}
		if err != nil {
			return struct{}{}, backoff.Permanent(err)
		}
		last = now
		return struct{}{}, errStillThere
	}, backoff.WithMaxElapsedTime(deletePatience), backoff.WithBackOff(pauses()))
	if err == nil {
		return nil
	}
	text := a.explain(err, "%s", what)
	if len(last.Finalizers) > 0 && err == errStillThere { //nolint:errorlint // it is ours and not wrapped
		return fmt.Errorf("%w: it waits for %s", text, strings.Join(last.Finalizers, ", "))
	}
	return text
}

var errStillThere = fmt.Errorf("it is still there after %s; `kubectl describe` says what it waits for, most often a node that is away", deletePatience)

// leave takes the deployment off a namespace of skysail's making, and removes
// that with the last one.
func (c *Cloud) leave(ctx context.Context, api *api, r clouds.Resource) error {
	id := r.Deployment
	if id == "" {
		id = clouds.DeploymentOf(r.Tags, "")
	}
	if err := clouds.CheckID(id); err != nil {
		return fmt.Errorf("namespace %s: whose it is is not known: %w", r.Name, err)
	}
	what := "removing namespace " + r.Name
	for range 5 {
		ns, err := api.namespace(ctx, r.Name)
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return api.explain(err, "%s", what)
		}
		if string(ns.UID) != r.ID || ns.Labels[Label] == "" || !hasMember(ns, id) {
			return nil
		}
		if ns.DeletionTimestamp != nil {
			return api.gone(ctx, namespaceKind, clouds.Resource{Name: r.Name, ID: r.ID}, what)
		}
		labels := map[string]any{memberPrefix + id: nil}
		if len(members(ns)) == 1 {
			who, err := c.inhabited(ctx, api, ns.Name, id)
			if err != nil {
				return err
			}
			if who == nobody {
				err := api.remove(ctx, namespaceKind, "", ns.Name, ns.UID, ns.ResourceVersion)
				if apierrors.IsConflict(err) {
					continue // somebody came
				}
				if err != nil {
					return api.explain(err, "%s", what)
				}
				return api.gone(ctx, namespaceKind, clouds.Resource{Name: r.Name, ID: r.ID}, what)
			}
			if who == somebody {
				labels[Label] = nil // from now on it is theirs
			}
		}
		err = api.patchNamespace(ctx, ns, labels)
		if err == nil || apierrors.IsNotFound(err) {
			return nil
		}
		if !apierrors.IsConflict(err) {
			return api.explain(err, "%s", what)
		}
	}
	return fmt.Errorf("%s: it changes all the time; try again", what)
}
