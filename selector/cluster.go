package selector

import (
	"fmt"
	"slices"
	"strings"

	"skysail/catalog"
	"skysail/policies"
	"skysail/spec"
)

// clusters are the clusters that can be used, each in the form of an offer: its
// context is the region and the namespace the type. It takes whatever size is
// asked for and has no price, since its nodes are paid for already. Neither
// regions, spot nor caps of the policy speak of it.
func (c *checker) clusters(list []string) []catalog.Offer {
	if !slices.Contains(list, policies.Kubernetes) || c.in.Unavailable[policies.Kubernetes] != "" || notForClusters(c.in.Service) != "" {
		return nil
	}
	need := &c.in.Service.Resources
	var out []catalog.Offer
	for _, name := range contextsOf(c.in.Policy) {
		if c.contextRefusal(name) != "" {
			continue
		}
		o := catalog.Offer{
			Provider: policies.Kubernetes, Region: name, Type: c.in.Policy.Kubernetes.Namespace,
			Arch: c.arch, VCPU: need.CPU, MemoryGB: need.MemoryGB, DiskGB: need.StorageGB,
		}
		if g := need.GPU; g != nil {
			o.GPU = &catalog.GPU{Model: g.Model, Count: g.Count, MemoryGB: g.MemoryGB}
		}
		out = append(out, o)
	}
	return out
}

// clusterRefusal says why clusters of the policy can not be used, or "" when
// all of them can.
func (c *checker) clusterRefusal() string {
	if why := notForClusters(c.in.Service); why != "" {
		return why
	}
	var out []string
	for _, name := range contextsOf(c.in.Policy) {
		if why := c.contextRefusal(name); why != "" {
			out = append(out, why)
		}
	}
	return strings.Join(out, "; ")
}

func (c *checker) contextRefusal(name string) string {
	why, asked := c.in.Clusters[name]
	if !asked {
		return fmt.Sprintf("kubeconfig context %s was not asked", name)
	}
	return why
}

// notForClusters says why no cluster can run the service, or "".
func notForClusters(svc *spec.Service) string {
	if svc.Source.Native != nil {
		return "a cluster runs container images, and the service's source is a native archive: build an image of it"
	}
	return ""
}

// Clusters are the kubeconfig contexts that the selection could put the service
// on, in their order, and none when it does not come to one: asking a cluster
// takes time.
func Clusters(svc *spec.Service, p *policies.Policy) []string {
	_, _, list := match(svc, p)
	if !slices.Contains(list, policies.Kubernetes) || notForClusters(svc) != "" {
		return nil
	}
	return contextsOf(p)
}

// Cluster is the first of Clusters, or false when there is none.
func Cluster(svc *spec.Service, p *policies.Policy) (context string, ok bool) {
	names := Clusters(svc, p)
	if len(names) == 0 {
		return "", false
	}
	return names[0], true
}

// Contexts are the kubeconfig contexts that a policy names, in its order.
func Contexts(p *policies.Policy) []string {
	out := slices.Clone(p.Kubernetes.Names())
	if p.Hybrid != nil && p.Hybrid.FallbackK8s != "" && !slices.Contains(out, p.Hybrid.FallbackK8s) {
		out = append(out, p.Hybrid.FallbackK8s)
	}
	return out
}

// contextsOf are those that a selection under the policy can come to.
func contextsOf(p *policies.Policy) []string {
	if p.Hybrid != nil && p.Hybrid.Primary != policies.Kubernetes {
		return []string{p.Hybrid.FallbackK8s}
	}
	return p.Kubernetes.Names()
}
