package kubernetes

import (
	"context"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"skysail/clouds"
)

// Release is what Helm has of a deployment, as `helm list` shows it.
type Release struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	Revision  int    `json:"revision"`
}

// releasePrefix begins the names of the Secrets in which Helm keeps revisions;
// see helm pkg/storage/storage.go, makeKey.
const releasePrefix = "sh.helm.release.v1."

// NewestRelease is the newest revision among what Find returned of one
// deployment, nil when there is none.
func NewestRelease(found []clouds.Resource) *Release {
	var newest *Release
	for _, r := range found {
		full, ok := strings.CutPrefix(r.Name, releasePrefix)
		at := strings.LastIndex(full, ".v")
		if !ok || at < 0 || r.Kind != KindRelease {
			continue
		}
		n, err := strconv.Atoi(full[at+len(".v"):])
		if err == nil && (newest == nil || n > newest.Revision) {
			newest = &Release{Name: full[:at], Namespace: r.Region, Revision: n}
		}
	}
	return newest
}

// KeepSecret removes every Secret of skysail's own of a deployment but the one
// of that name. It is idempotent.
func (c *Cloud) KeepSecret(ctx context.Context, id, name string) error {
	api, err := c.connect()
	if err != nil {
		return err
	}
	defer api.close()
	list, err := c.list(ctx, api, secretKind, id)
	if err != nil {
		return err
	}
	for _, s := range list {
		if s.Name == name || s.Labels["app.kubernetes.io/managed-by"] != manager {
			continue
		}
		if err := api.remove(ctx, secretKind, s.Namespace, s.Name, s.UID, ""); err != nil {
			return api.explain(err, "removing the Secret %s in namespace %s", s.Name, s.Namespace)
		}
	}
	return nil
}

// UnlockRelease removes Helm's record of a change that it had begun with a
// deployment's release and did not end, and returns what it removed: while it
// is there Helm refuses everything but an uninstall. The caller knows that no
// Helm works on it. What that change had done stays until the next one. It is
// idempotent. See https://github.com/helm/helm/issues/8987; the labels are
// those of helm pkg/storage/driver/secrets.go, newSecretsObject, the states
// those of pkg/release/common/status.go.
func (c *Cloud) UnlockRelease(ctx context.Context, id string) ([]string, error) {
	api, err := c.connect()
	if err != nil {
		return nil, err
	}
	defer api.close()
	list, err := c.list(ctx, api, releaseKind, id)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, s := range pendingReleases(list) {
		if err := api.remove(ctx, releaseKind, s.Namespace, s.Name, s.UID, ""); err != nil {
			return out, api.explain(err, "removing %s in namespace %s", s.Name, s.Namespace)
		}
		out = append(out, s.Name+" ("+s.Labels["status"]+")")
	}
	return out, nil
}

func pendingReleases(list []metav1.PartialObjectMetadata) []metav1.PartialObjectMetadata {
	var out []metav1.PartialObjectMetadata
	for _, s := range list {
		switch s.Labels["status"] {
		case "pending-install", "pending-upgrade", "pending-rollback":
			out = append(out, s)
		}
	}
	return out
}
