package selector

import (
	"fmt"
	"slices"

	"skysail/catalog"
	"skysail/policies"
)

// cluster is a cluster in the form of an offer: its context is the
// region and the namespace the type. It takes whatever size is asked for and
// has no price, since its nodes are paid for already. Neither regions, spot
// nor caps of the policy speak of it. nil when it is not to be used.
func (c *checker) cluster(list []string) *catalog.Offer {
	if !slices.Contains(list, policies.Kubernetes) || c.in.Unavailable[policies.Kubernetes] != "" || c.clusterRefusal() != "" {
		return nil
	}
	need := &c.in.Service.Resources
	o := &catalog.Offer{
		Provider: policies.Kubernetes, Region: contextOf(c.in.Policy), Type: c.in.Policy.Kubernetes.Namespace,
		Arch: c.arch, VCPU: need.CPU, MemoryGB: need.MemoryGB, DiskGB: need.StorageGB,
	}
	if g := need.GPU; g != nil {
		o.GPU = &catalog.GPU{Model: g.Model, Count: g.Count, MemoryGB: g.MemoryGB}
	}
	return o
}

// clusterRefusal says why the policy's cluster can not be used, or "".
func (c *checker) clusterRefusal() string {
	name := contextOf(c.in.Policy)
	why, asked := c.in.Clusters[name]
	if !asked {
		return fmt.Sprintf("kubeconfig context %s was not asked", name)
	}
	return why
}

// Contexts are the kubeconfig contexts that a policy names, in its order.
func Contexts(p *policies.Policy) []string {
	out := []string{p.Kubernetes.Context}
	if p.Hybrid != nil && !slices.Contains(out, p.Hybrid.FallbackK8s) {
		out = append(out, p.Hybrid.FallbackK8s)
	}
	return out
}
