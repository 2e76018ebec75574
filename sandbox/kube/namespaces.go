package kube

import (
	"context"
	"fmt"
)

// AddNamespace makes a namespace and waits until pods can be made in it: until
// it has its default service account.
func (c *Cluster) AddNamespace(ctx context.Context, name string, labels map[string]string) error {
	ns := object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": name, "labels": labels}}
	if err := c.Apply(ctx, "/api/v1/namespaces/"+name, ns); err != nil {
		return fmt.Errorf("namespace %s: %w", name, err)
	}
	if err := c.await(ctx, func(ctx context.Context) error {
		return c.Do(ctx, "GET", "/api/v1/namespaces/"+name+"/serviceaccounts/default", nil, nil)
	}); err != nil {
		return fmt.Errorf("namespace %s: %w", name, err)
	}
	return nil
}

// SetQuota limits a namespace: hard is as in a ResourceQuota, such as
// {"pods": "3", "requests.cpu": "2"}.
func (c *Cluster) SetQuota(ctx context.Context, namespace string, hard map[string]string) error {
	path := "/api/v1/namespaces/" + namespace + "/resourcequotas/sandbox"
	quota := object{
		"apiVersion": "v1", "kind": "ResourceQuota", "metadata": object{"name": "sandbox", "namespace": namespace},
		"spec": object{"hard": hard},
	}
	if err := c.Apply(ctx, path, quota); err != nil {
		return fmt.Errorf("quota of %s: %w", namespace, err)
	}
	// A quota counts only when the controller has looked at it once.
	return c.await(ctx, func(ctx context.Context) error {
		var q struct {
			Status struct{ Hard map[string]string }
		}
		if err := c.Do(ctx, "GET", path, nil, &q); err != nil {
			return err
		}
		if len(q.Status.Hard) != len(hard) {
			return fmt.Errorf("the quota of %s is not in force yet", namespace)
		}
		return nil
	})
}
