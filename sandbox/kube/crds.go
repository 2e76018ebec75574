package kube

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// object is JSON of the API.
type object = map[string]any

// kwokGroup is the API group of kwok's own objects; see
// https://kwok.sigs.k8s.io/docs/user/configuration/
const kwokGroup = "kwok.x-k8s.io"

// kinds of kwok that the cluster has, and whether they are in namespaces.
var kwokKinds = map[string]bool{
	"Stage": false,
	"Logs":  true, "ClusterLogs": false,
	"Exec": true, "ClusterExec": false,
	"PortForward": true, "ClusterPortForward": false,
}

// plural is the name of a kind in paths.
func plural(kind string) string {
	p := strings.ToLower(kind)
	if !strings.HasSuffix(p, "s") {
		p += "s"
	}
	return p
}

// installKwokKinds defines kwok's kinds, so that what pods do can be changed
// while the cluster runs. kwok reads the objects strictly; the API takes any.
func (c *Cluster) installKwokKinds(ctx context.Context) error {
	for kind, namespaced := range kwokKinds {
		scope, name := "Cluster", plural(kind)+"."+kwokGroup
		if namespaced {
			scope = "Namespaced"
		}
		crd := object{
			"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": object{"name": name},
			"spec": object{
				"group": kwokGroup, "scope": scope,
				"names": object{"kind": kind, "listKind": kind + "List", "plural": plural(kind), "singular": strings.ToLower(kind)},
				"versions": []any{object{
					"name": "v1alpha1", "served": true, "storage": true, "subresources": object{"status": object{}},
					"schema": object{"openAPIV3Schema": object{"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
				}},
			},
		}
		if err := c.Apply(ctx, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"+name, crd); err != nil {
			return fmt.Errorf("defining %s: %w", kind, err)
		}
	}
	for kind := range kwokKinds {
		if err := c.await(ctx, func(ctx context.Context) error {
			return c.Do(ctx, "GET", "/apis/"+kwokGroup+"/v1alpha1/"+plural(kind), nil, nil)
		}); err != nil {
			return fmt.Errorf("kind %s: %w", kind, err)
		}
	}
	return nil
}

// kwokKindNames are the kinds for kwok's --enable-crds.
func kwokKindNames() string {
	var out []string
	for kind := range kwokKinds {
		out = append(out, kind)
	}
	slices.Sort(out)
	return strings.Join(out, ",")
}

// await polls the API while the cluster's programs run.
func (c *Cluster) await(ctx context.Context, ask func(context.Context) error) error {
	return poll(ctx, 50*time.Millisecond, c.Err, ask)
}
