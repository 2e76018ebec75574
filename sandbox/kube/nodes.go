package kube

import (
	"context"
	"fmt"
	"strconv"
)

// Node is a simulated machine.
type Node struct {
	Name     string
	CPU      string // quantity, such as "8"; default 8
	Memory   string // quantity, such as "32Gi"; default 32Gi
	Storage  string // ephemeral storage; default 200Gi
	Pods     int    // default 110, as a kubelet has it
	GPUs     int    // nvidia.com/gpu
	GPUModel string // label nvidia.com/gpu.product, as NVIDIA's feature discovery writes it, such as NVIDIA-L4
	Zone     string // label topology.kubernetes.io/zone
	Labels   map[string]string
}

// Nodes are those of a cluster that is not told otherwise: three in three
// zones, and one with two GPUs that only pods which tolerate it may use.
func Nodes() []Node {
	return []Node{
		{Name: "node-1", Zone: "zone-a"},
		{Name: "node-2", Zone: "zone-b"},
		{Name: "node-3", Zone: "zone-c"},
		{Name: "gpu-1", Zone: "zone-a", CPU: "16", Memory: "64Gi", GPUs: 2, GPUModel: "NVIDIA-L4"},
	}
}

// AddNode makes a node, or changes it to this.
func (c *Cluster) AddNode(ctx context.Context, n Node) error {
	labels := map[string]string{
		"kubernetes.io/hostname": n.Name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
		"topology.kubernetes.io/zone": or(n.Zone, "zone-a"), "topology.kubernetes.io/region": "sandbox",
		"skysail.dev/sandbox": "true",
	}
	resources := object{
		"cpu": or(n.CPU, "8"), "memory": or(n.Memory, "32Gi"), "ephemeral-storage": or(n.Storage, "200Gi"),
		"pods": or(n.Pods, 110),
	}
	spec := object{}
	if n.GPUs > 0 {
		resources["nvidia.com/gpu"] = n.GPUs
		labels["nvidia.com/gpu.present"] = "true"
		labels["nvidia.com/gpu.count"] = strconv.Itoa(n.GPUs)
		labels["nvidia.com/gpu.product"] = or(n.GPUModel, "NVIDIA-L4")
		spec["taints"] = []any{object{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}}
	}
	for k, v := range n.Labels {
		labels[k] = v
	}
	node := object{"apiVersion": "v1", "kind": "Node", "metadata": object{"name": n.Name, "labels": labels}, "spec": spec}
	if err := c.Apply(ctx, "/api/v1/nodes/"+n.Name, node); err != nil {
		return fmt.Errorf("node %s: %w", n.Name, err)
	}
	status := object{"status": object{"capacity": resources, "allocatable": resources}}
	if err := c.Do(ctx, "PATCH", "/api/v1/nodes/"+n.Name+"/status", status, nil); err != nil {
		return fmt.Errorf("node %s: %w", n.Name, err)
	}
	return nil
}

// RemoveNode takes a node away; what ran there is made anew elsewhere.
func (c *Cluster) RemoveNode(ctx context.Context, name string) error {
	return c.Do(ctx, "DELETE", "/api/v1/nodes/"+name, nil, nil)
}

// nodesReady waits until kwok has taken every node.
func (c *Cluster) nodesReady(ctx context.Context) error {
	return c.await(ctx, func(ctx context.Context) error {
		var list struct {
			Items []struct {
				Metadata struct{ Name string }
				Spec     struct{ Taints []struct{ Key string } }
				Status   struct {
					Conditions []struct{ Type, Status string }
				}
			}
		}
		if err := c.Do(ctx, "GET", "/api/v1/nodes", nil, &list); err != nil {
			return err
		}
		for _, n := range list.Items {
			ready := false
			for _, x := range n.Status.Conditions {
				ready = ready || x.Type == "Ready" && x.Status == "True"
			}
			for _, t := range n.Spec.Taints {
				if t.Key == "node.kubernetes.io/not-ready" {
					ready = false
				}
			}
			if !ready {
				return fmt.Errorf("node %s is not ready", n.Metadata.Name)
			}
		}
		return nil
	})
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}
