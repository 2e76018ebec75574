package selector

import (
	"fmt"
	"strings"

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
	RuleTarget    Rule = "kubernetes"       // the policy's target is Kubernetes
	RuleRange     Rule = "range"            // the number of instances is a range
	RuleInstances Rule = "many instances"   // more instances than thresholds.instances
	RuleGPU       Rule = "gpu"              // a GPU is asked for
	RuleCPU       Rule = "cpu-intensive"    // more vCPU than thresholds.cpu
	RuleMemory    Rule = "memory-intensive" // more GiB than thresholds.memory_gb
	RuleCost      Rule = "cost-optimized"   // all else
)

func match(svc *spec.Service, p *policies.Policy) (Rule, string, []string) {
	need, t := svc.Resources, p.Thresholds
	switch {
	case p.Hybrid != nil && p.Hybrid.Primary == policies.Kubernetes:
		return RuleHybrid, fmt.Sprintf("the policy's target is hybrid: Kubernetes %s, then %s", contexts(p), p.Hybrid.Fallback),
			[]string{policies.Kubernetes, p.Hybrid.Fallback}
	case p.Hybrid != nil:
		return RuleHybrid, fmt.Sprintf("the policy's target is hybrid: %s, then Kubernetes context %s", p.Hybrid.Primary, p.Hybrid.FallbackK8s),
			[]string{p.Hybrid.Primary, policies.Kubernetes}
	case p.Target == policies.Kubernetes:
		return RuleTarget, "the policy's target is Kubernetes: " + contexts(p), []string{policies.Kubernetes}
	case svc.Ranged():
		return RuleRange, fmt.Sprintf("%d to %d instances, by their use of CPU: Kubernetes %s", svc.Instances, svc.MaxInstances, contexts(p)),
			[]string{policies.Kubernetes}
	case svc.Instances > t.Instances:
		return RuleInstances, fmt.Sprintf("%d instances are more than %d: Kubernetes %s", svc.Instances, t.Instances, contexts(p)),
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

// contexts are the policy's clusters in words.
func contexts(p *policies.Policy) string {
	names := p.Kubernetes.Names()
	if len(names) == 1 {
		return "context " + names[0]
	}
	return "contexts " + strings.Join(names, ", then ")
}
