package kubernetes

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// pageSize is how much is listed at once, as kubectl does.
var pageSize = "500"

// page is the part of every list that is not its items.
type page[T any] struct {
	Metadata metav1.ListMeta `json:"metadata"`
	Items    []T             `json:"items"`
}

// all reads every page of a list. A list that grew too old between two pages
// is read once more, whole.
func all[T any](ctx context.Context, a *api, c call) ([]T, error) {
	c.verb = http.MethodGet
	q := url.Values{"limit": {pageSize}}
	for k, v := range c.query {
		q[k] = v
	}
	c.query = q
	var out []T
	for {
		var p page[T]
		err := a.json(ctx, c, &p)
		if apierrors.IsResourceExpired(err) && q.Get("continue") != "" {
			out = nil
			q.Del("continue")
			q.Del("limit")
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, p.Items...)
		if p.Metadata.Continue == "" {
			return out, nil
		}
		q.Set("continue", p.Metadata.Continue)
	}
}

// path is that of a kind's objects, of one of them where name is not empty.
func (k kind) path(namespace, name string) string {
	var b strings.Builder
	if k.group == "" {
		b.WriteString("/api/" + k.version)
	} else {
		b.WriteString("/apis/" + k.group + "/" + k.version)
	}
	if namespace != "" && !k.cluster {
		b.WriteString("/namespaces/" + url.PathEscape(namespace))
	}
	b.WriteString("/" + k.plural)
	if name != "" {
		b.WriteString("/" + url.PathEscape(name))
	}
	return b.String()
}
