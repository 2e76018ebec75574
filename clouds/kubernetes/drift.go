package kubernetes

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/yaml"

	"skysail/clouds"
)

// Drifted is an object of a deployment's release that is not as the release
// has it.
type Drifted struct {
	Kind, Namespace, Name string
	// Deleted says that it is not there; else Fields are those that differ.
	Deleted bool
	Fields  []DriftedField
}

// DriftedField is a field with what the release has and what there is.
type DriftedField struct{ Path, Want, Have string }

// maxRelease bounds what is unpacked: a Secret holds 1 MiB.
const maxRelease = 64 << 20

// ErrNoRelease is a deployment of which Helm has no release that stands.
var ErrNoRelease = errors.New("there is no deployed Helm release of it")

// Drift compares what a deployment's newest Helm release has with what is in
// the cluster, field by field. What the release does not speak of is not
// compared: defaults, and what controllers write. It changes nothing and may
// be repeated.
func (c *Cloud) Drift(ctx context.Context, id string) ([]Drifted, error) {
	api, err := c.connect()
	if err != nil {
		return nil, err
	}
	defer api.close()
	manifest, err := c.manifest(ctx, api, id)
	if err != nil {
		return nil, err
	}
	out := []Drifted{}
	for doc := range strings.SplitSeq(manifest, "\n---") {
		var want map[string]any
		if err := yaml.Unmarshal([]byte(strings.TrimPrefix(doc, "---")), &want); err != nil {
			return nil, fmt.Errorf("manifest of %s: %w", ReleaseName(id), err)
		}
		if len(want) == 0 {
			continue
		}
		d, err := c.compare(ctx, api, want)
		if err != nil {
			return nil, err
		}
		if d.Deleted || len(d.Fields) > 0 {
			out = append(out, d)
		}
	}
	return out, nil
}

func (c *Cloud) compare(ctx context.Context, api *api, want map[string]any) (Drifted, error) {
	meta, _ := want["metadata"].(map[string]any)
	d := Drifted{Kind: text(want["kind"]), Namespace: text(meta["namespace"]), Name: text(meta["name"])}
	if d.Namespace == "" {
		d.Namespace = c.namespace
	}
	k := kind{version: text(want["apiVersion"]), plural: plural(d.Kind)}
	if group, version, ok := strings.Cut(k.version, "/"); ok {
		k.group, k.version = group, version
	}
	var have map[string]any
	err := api.json(ctx, call{verb: http.MethodGet, path: k.path(d.Namespace, d.Name)}, &have)
	if apierrors.IsNotFound(err) {
		d.Deleted = true
		return d, nil
	}
	if err != nil {
		return d, api.explain(err, "reading %s %s in namespace %s", d.Kind, d.Name, d.Namespace)
	}
	for _, part := range []string{"spec", "data", "automountServiceAccountToken"} {
		if w, ok := want[part]; ok {
			d.Fields = differ(d.Fields, part, w, have[part])
		}
	}
	there, _ := have["metadata"].(map[string]any)
	d.Fields = differ(d.Fields, "metadata.labels", meta["labels"], there["labels"])
	return d, nil
}

// plural is a kind's name in paths, by the API's own rule: kubernetes
// staging/src/k8s.io/apimachinery/pkg/api/meta/restmapper.go,
// UnsafeGuessKindToResource.
func plural(kind string) string {
	k := strings.ToLower(kind)
	switch {
	case strings.HasSuffix(k, "s"):
		return k + "es"
	case strings.HasSuffix(k, "y"):
		return strings.TrimSuffix(k, "y") + "ies"
	default:
		return k + "s"
	}
}

// manifest is what Helm keeps of the newest revision that stands, in the form
// of helm pkg/storage/driver/util.go, decodeRelease.
func (c *Cloud) manifest(ctx context.Context, api *api, id string) (string, error) {
	if err := clouds.CheckID(id); err != nil {
		return "", err
	}
	q := call{path: releaseKind.path(c.namespace, ""), query: url.Values{"labelSelector": {"owner=helm,status=deployed,name=" + ReleaseName(id)}}}
	list, err := all[corev1.Secret](ctx, api, q)
	if err != nil {
		return "", api.explain(err, "reading Helm's release in namespace %s", c.namespace)
	}
	if len(list) == 0 {
		return "", ErrNoRelease
	}
	newest := slices.MaxFunc(list, func(a, b corev1.Secret) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	return decodeRelease(newest.Data["release"])
}

func decodeRelease(raw []byte) (string, error) {
	packed, err := base64.StdEncoding.DecodeString(string(raw))
	if err != nil {
		return "", fmt.Errorf("the Helm release: %w", err)
	}
	var in io.Reader = bytes.NewReader(packed)
	if bytes.HasPrefix(packed, []byte{0x1f, 0x8b, 0x08}) {
		if in, err = gzip.NewReader(in); err != nil {
			return "", fmt.Errorf("the Helm release: %w", err)
		}
	}
	var release struct {
		Manifest string `json:"manifest"`
	}
	if err := json.NewDecoder(io.LimitReader(in, maxRelease)).Decode(&release); err != nil {
		return "", fmt.Errorf("the Helm release: %w", err)
	}
	return release.Manifest, nil
}

func text(v any) string {
	s, _ := v.(string)
	return s
}
