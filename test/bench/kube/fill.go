package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"skysail/clouds/kubernetes"
	"skysail/policies"
	"skysail/sandbox/kube"
	"skysail/spec"
	"skysail/store"
)

const (
	cluster   = "production" // a context of the sandbox's kubeconfig
	namespace = "fleet"
)

type object = map[string]any

// fill makes the rows in the store, and in the cluster what the chart makes of
// each and Helm keeps: Terraform would take hours for so many. The pods are
// bound to nodes as they are made, so nothing waits for the scheduler; the
// Deployments stand at 0 and make none.
func (b *bench) fill(ctx context.Context, c *kube.Cluster, nodes []kube.Node) error {
	s, err := store.Open(ctx, filepath.Join(b.home, "skysail.db"))
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // what it was told is in it
	var g errgroup.Group
	g.SetLimit(16)
	var made atomic.Int64
	for i := range b.releases {
		name := fmt.Sprintf("fleet-%03d", i)
		id, err := b.row(ctx, s, name)
		if err != nil {
			return err
		}
		b.names = append(b.names, name)
		g.Go(func() error {
			return b.release(ctx, c, name, id, func() string { return nodes[int(made.Add(1))%len(nodes)].Name })
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return b.settled(ctx, c)
}

// row records a deployment that runs.
func (b *bench) row(ctx context.Context, s *store.Store, name string) (string, error) {
	id, err := s.NextID(ctx, name)
	if err != nil {
		return "", err
	}
	svc := spec.Service{
		Name: name, Instances: b.each, Source: spec.Source{Container: &spec.Container{Image: image(name)}},
		Resources: spec.Resources{CPU: 0.1, MemoryGB: 0.125}, Ports: []spec.Port{{Name: "http", Number: 8080, Public: true}},
		Health: &spec.Health{HTTP: &spec.HTTPHealth{Port: "http", Path: "/healthz"}},
	}
	p := policies.Default()
	p.Target, p.Kubernetes.Namespace = policies.Kubernetes, namespace
	if err := s.Create(ctx, store.Deployment{ID: id, Name: name, Remote: true, Service: svc, Policy: p}); err != nil {
		return "", err
	}
	at := store.Attempt{N: 1, Provider: policies.Kubernetes, Region: cluster, Type: namespace}
	if err := s.StartAttempt(ctx, id, at); err != nil {
		return "", err
	}
	var pods []store.Instance
	for i := range b.each {
		pods = append(pods, store.Instance{ID: podName(id, i), Name: podName(id, i)})
	}
	return id, s.Register(ctx, id, pods)
}

func image(name string) string { return "registry.example/" + name + ":1.0" }

func podName(id string, i int) string {
	return fmt.Sprintf("%s-746f96fb84-%05d", kubernetes.ReleaseName(id), i)
}

// release makes what there is of one deployment.
func (b *bench) release(ctx context.Context, c *kube.Cluster, name, id string, node func() string) error {
	full := kubernetes.ReleaseName(id)
	selector := object{"app.kubernetes.io/name": name, "app.kubernetes.io/instance": full}
	labels := object{"app.kubernetes.io/managed-by": "Helm", kubernetes.Label: id}
	for k, v := range selector {
		labels[k] = v
	}
	meta := object{"name": full, "labels": labels}
	template := object{"metadata": object{"labels": labels}, "spec": podSpec(name, full, "")}
	record := make([]byte, 4096) // as long as a small chart's is, compressed
	if _, err := rand.Read(record); err != nil {
		return err
	}
	port := []any{object{"name": "http", "port": 8080}}
	for _, o := range []struct {
		path string
		what object
	}{
		{"/api/v1/namespaces/%s/serviceaccounts", object{"metadata": meta, "automountServiceAccountToken": false}},
		{"/api/v1/namespaces/%s/services", object{"metadata": meta, "spec": object{"selector": selector, "clusterIP": "None", "ports": port}}},
		{"/apis/networking.k8s.io/v1/namespaces/%s/networkpolicies", object{"metadata": meta, "spec": object{"podSelector": object{"matchLabels": selector}, "ingress": []any{object{}}}}},
		{"/apis/policy/v1/namespaces/%s/poddisruptionbudgets", object{"metadata": meta, "spec": object{"maxUnavailable": 1, "selector": object{"matchLabels": object{"none": full}}}}},
		{"/apis/apps/v1/namespaces/%s/deployments", object{"metadata": meta, "spec": object{"replicas": 0, "selector": object{"matchLabels": selector}, "template": template}}},
		{"/api/v1/namespaces/%s/secrets", object{
			"metadata": object{"name": "sh.helm.release.v1." + full + ".v1", "labels": object{"name": full, "owner": "helm", "status": "deployed", "version": "1"}},
			"type":     "helm.sh/release.v1", "data": object{"release": base64.StdEncoding.EncodeToString(record)},
		}},
	} {
		if err := c.Do(ctx, "POST", fmt.Sprintf(o.path, namespace), o.what, nil); err != nil {
			return fmt.Errorf("%s: %w", o.path, err)
		}
	}
	for i := range b.each {
		pod := object{
			"metadata": object{
				"name": podName(id, i), "labels": labels,
				// The forms that metrics-server writes.
				"annotations": object{kube.UsageCPU: fmt.Sprintf("%dn", 1_000_000+i*7919), kube.UsageMemory: fmt.Sprintf("%dKi", 32_000+i*13)},
			},
			"spec": podSpec(name, full, node()),
		}
		if err := c.Do(ctx, "POST", "/api/v1/namespaces/"+namespace+"/pods", pod, nil); err != nil {
			return fmt.Errorf("pod: %w", err)
		}
	}
	return nil
}

// podSpec is a pod as the chart makes it.
func podSpec(name, account, node string) object {
	get := object{"path": "/healthz", "port": 8080, "scheme": "HTTP"}
	probe := func(period, failures int) object {
		return object{"httpGet": get, "periodSeconds": period, "timeoutSeconds": 5, "failureThreshold": failures}
	}
	resources := object{"cpu": "100m", "memory": "128Mi"}
	out := object{
		"serviceAccountName": account, "automountServiceAccountToken": false, "enableServiceLinks": false,
		"securityContext": object{"runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "seccompProfile": object{"type": "RuntimeDefault"}},
		"containers": []any{object{
			"name": name, "image": image(name), "ports": []any{object{"name": "http", "containerPort": 8080}},
			"env":             []any{object{"name": "LOG_LEVEL", "value": "info"}},
			"resources":       object{"requests": resources, "limits": resources},
			"securityContext": object{"allowPrivilegeEscalation": false, "capabilities": object{"drop": []any{"ALL"}}},
			"startupProbe":    probe(2, 60), "readinessProbe": probe(5, 3), "livenessProbe": probe(10, 6),
		}},
	}
	if node != "" {
		out["nodeName"] = node
	}
	return out
}

// settled waits until every pod runs.
func (b *bench) settled(ctx context.Context, c *kube.Cluster) error {
	var list struct{ Items []struct{} }
	at := "/api/v1/namespaces/" + namespace + "/pods?resourceVersion=0&fieldSelector=status.phase%3D"
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); time.Sleep(2 * time.Second) {
		list.Items = nil
		if err := c.Do(ctx, "GET", at+"Running", nil, &list); err != nil {
			return err
		}
		if len(list.Items) == b.pods() {
			return nil
		}
	}
	return fmt.Errorf("%d pods of %d run after five minutes", len(list.Items), b.pods())
}
