package kube

import (
	"fmt"
	"testing"
	"time"
)

// Autoscaling is the control plane's own: it goes by the pods' metrics.
func TestKubeAutoscaling(t *testing.T) {
	t.Parallel()
	c := started(t, Options{Namespaces: []string{"a"}})
	ctx := t.Context()
	if err := c.EnableMetrics(ctx); err != nil {
		t.Fatal(err)
	}
	labels := object{"app": "web"}
	deployment := object{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": object{"name": "web"},
		"spec": object{
			"replicas": 1, "selector": object{"matchLabels": labels},
			"template": object{
				"metadata": object{"labels": labels, "annotations": object{UsageCPU: "900m", UsageMemory: "64Mi"}},
				"spec":     object{"containers": []any{object{"name": "main", "image": "web:1", "resources": object{"requests": object{"cpu": "1"}}}}},
			},
		},
	}
	hpa := object{
		"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": object{"name": "web"},
		"spec": object{
			"minReplicas": 1, "maxReplicas": 3, "scaleTargetRef": object{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
			"metrics": []any{object{"type": "Resource", "resource": object{"name": "cpu", "target": object{"type": "Utilization", "averageUtilization": 50}}}},
		},
	}
	if err := c.Do(ctx, "POST", "/apis/apps/v1/namespaces/a/deployments", deployment, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Do(ctx, "POST", "/apis/autoscaling/v2/namespaces/a/horizontalpodautoscalers", hpa, nil); err != nil {
		t.Fatal(err)
	}
	var d struct{ Status struct{ ReadyReplicas int } }
	for range 300 {
		if err := c.Do(ctx, "GET", "/apis/apps/v1/namespaces/a/deployments/web", nil, &d); err != nil {
			t.Fatal(err)
		}
		if d.Status.ReadyReplicas >= 2 {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
	var why struct{ Status struct{ Conditions []any } }
	_ = c.Do(ctx, "GET", "/apis/autoscaling/v2/namespaces/a/horizontalpodautoscalers/web", nil, &why)
	t.Errorf("at 90 %% of a target of 50 %% there is %d: %s", d.Status.ReadyReplicas, fmt.Sprint(why.Status.Conditions))
}
