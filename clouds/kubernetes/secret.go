package kubernetes

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"skysail/clouds"
)

// manager is the field manager of what skysail itself writes.
const manager = "skysail"

// ErrNotOurs is an object of somebody else's that stands where ours should.
var ErrNotOurs = errors.New("an object of that name exists and is not of this deployment")

// EnsureSecret makes a deployment's Secret of the given values, or makes it
// hold these and no others; its keys are the names. It carries the deployment's
// label, so that Find tells it and Delete removes it. A Secret of that name
// which is not the deployment's is left alone: ErrNotOurs. No error holds a
// value. It is idempotent and may be retried.
func (c *Cloud) EnsureSecret(ctx context.Context, id, name string, values map[string]string) error {
	data := map[string]string{}
	for k, v := range values {
		data[k] = base64.StdEncoding.EncodeToString([]byte(v))
	}
	return c.ensureSecret(ctx, id, name, corev1.SecretTypeOpaque, data, values)
}

// EnsurePullSecret is EnsureSecret for the credentials of image registries, in
// the form of docker's config.json: {"auths": {"ghcr.io": {…}}}.
func (c *Cloud) EnsurePullSecret(ctx context.Context, id, name string, dockerConfig []byte) error {
	raw := base64.StdEncoding.EncodeToString(dockerConfig)
	return c.ensureSecret(ctx, id, name, corev1.SecretTypeDockerConfigJson,
		map[string]string{corev1.DockerConfigJsonKey: raw}, map[string]string{"": string(dockerConfig)})
}

func (c *Cloud) ensureSecret(ctx context.Context, id, name string, kindOf corev1.SecretType, data, values map[string]string) error {
	if err := clouds.CheckID(id); err != nil {
		return err
	}
	api, err := c.connect()
	if err != nil {
		return err
	}
	defer api.close()
	doing := fmt.Sprintf("writing secret %s in namespace %s", name, c.namespace)
	path := secretKind.path(c.namespace, name)
	var now metav1.PartialObjectMetadata
	err = api.json(ctx, call{verb: http.MethodGet, path: path, accept: metadataOf}, &now)
	switch {
	case err == nil && now.Labels[Label] != id:
		return fmt.Errorf("%s: %w", doing, ErrNotOurs)
	case err != nil && !apierrors.IsNotFound(err):
		return api.explain(err, "%s", doing)
	}
	body, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Secret", "type": kindOf,
		"metadata": map[string]any{"name": name, "namespace": c.namespace, "labels": map[string]string{
			Label: id, "app.kubernetes.io/managed-by": manager, "app.kubernetes.io/instance": ReleaseName(id),
		}},
		"data": data,
	})
	if err != nil {
		return errors.New(doing + ": the values can not be written as JSON")
	}
	err = api.json(ctx, call{
		verb: http.MethodPatch, path: path, kind: "application/apply-patch+yaml", body: body,
		query: url.Values{"fieldManager": {manager}, "force": {"true"}},
	}, nil)
	if err == nil {
		return nil
	}
	err = api.explain(err, "%s", doing)
	text := hide(err.Error(), values)
	if text == hide(text, data) && text == err.Error() {
		return err
	}
	return errors.New(hide(text, data))
}

const metadataOf = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

// hide takes values out of a text, the longest first.
func hide(text string, values map[string]string) string {
	list := make([]string, 0, len(values))
	for _, v := range values {
		if len(v) >= shortest {
			list = append(list, v)
		}
	}
	slices.SortFunc(list, func(a, b string) int { return len(b) - len(a) })
	for _, v := range list {
		text = strings.ReplaceAll(text, v, "(hidden)")
	}
	return text
}

// shortest is the least length of a value that is looked for: a shorter one
// would hide words that it only happens to be part of.
const shortest = 6
