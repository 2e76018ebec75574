package selector

import (
	"fmt"

	"skysail/policies"
	"skysail/spec"
)

// Rule is the selection rule that a service falls under; the first that
// matches decides.
type Rule string

// The rules, in the order in which they are tried.
const (
	RuleLocal     Rule = "local"            // not remote
	RuleHybrid    Rule = "hybrid"           // the policy names a hybrid target
	RuleInstances Rule = "many instances"   // more instances than thresholds.instances
	RuleGPU       Rule = "gpu"              // a GPU is asked for
	RuleCPU       Rule = "cpu-intensive"    // more vCPU than thresholds.cpu
	RuleMemory    Rule = "memory-intensive" // more GiB than thresholds.memory_gb
	RuleCost      Rule = "cost-optimized"   // all else
)

func match(svc *spec.Service, p *policies.Policy) (Rule, string, []string) {
	need, t := svc.Resources, p.Thresholds
	switch {
	case p.Hybrid != nil:
		return RuleHybrid, fmt.Sprintf("the policy's target is hybrid: %s, then Kubernetes context %s", p.Hybrid.Primary, p.Hybrid.FallbackK8s),
			[]string{p.Hybrid.Primary, policies.Kubernetes}
	case svc.Instances > t.Instances:
		return RuleInstances, fmt.Sprintf("%d instances are more than %d: Kubernetes context %s", svc.Instances, t.Instances, p.Kubernetes.Context),
			[]string{policies.Kubernetes}
	case need.GPU != nil:
		return RuleGPU, "a GPU is needed", p.Lists.GPU
	case need.CPU > t.CPU:
		return RuleCPU, fmt.Sprintf("%s vCPU are more than %s", num(need.CPU), num(t.CPU)), p.Lists.CPU
	case need.MemoryGB > t.MemoryGB:
		return RuleMemory, fmt.Sprintf("%s GiB of memory are more than %s", num(need.MemoryGB), num(t.MemoryGB)), p.Lists.Memory
	default:
		return RuleCost, "no rule for special needs matches", p.Lists.Cost
	}
}

// Cluster is the kubeconfig context that the selection could put the service
// on, or false when it does not come to one: asking a cluster takes time.
func Cluster(svc *spec.Service, p *policies.Policy) (context string, ok bool) {
	_, _, list := match(svc, p)
	for _, provider := range list {
		if provider == policies.Kubernetes {
			return contextOf(p), true
		}
	}
	return "", false
}

func contextOf(p *policies.Policy) string {
	if p.Hybrid != nil {
		return p.Hybrid.FallbackK8s
	}
	return p.Kubernetes.Context
}
