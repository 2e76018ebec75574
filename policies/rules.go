package policies

import (
	"fmt"
	"path"
	"slices"

	"skysail/internal/hclfile"
	"skysail/internal/lazyregexp"
)

const (
	hybrid         = "hybrid"
	maxThreshold   = 1_000_000
	maxHourlyUSD   = 1_000_000
	maxMaxAttempts = 100
)

var (
	dnsLabel = lazyregexp.New(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
	// contextName fits what kubectl, EKS (an ARN), GKE and OpenShift call
	// their contexts.
	contextName = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,252}$`)
	regionGlob  = lazyregexp.New(`^[A-Za-z0-9*?\[\]^-]{1,63}$`)
)

// clouds are the providers of a hybrid target beside kubernetes.
func clouds() []string { return []string{AWS, GCP, DigitalOcean, Vultr} }

// Validate checks a policy that was built by a program as Load checks one
// from a file. The error is an *hclfile.Error with every mistake.
func (p Policy) Validate() error {
	return hclfile.Check("the policy", p.mistakes())
}

// mistakes are all that is wrong with the policy.
func (p Policy) mistakes() []hclfile.Mistake {
	var out []hclfile.Mistake
	if p.Engine != EngineTerraform && p.Engine != EngineTofu {
		out = append(out, hclfile.Mistake{
			Path:    "engine",
			Summary: "Unknown engine",
			Detail:  "{value} runs no bundles here.",
			Value:   p.Engine,
			Hint:    hclfile.DidYouMean(p.Engine, []string{EngineTerraform, EngineTofu}),
		})
	}
	out = append(out, p.Lists.mistakes()...)
	out = append(out, threshold("thresholds.cpu", p.Thresholds.CPU)...)
	out = append(out, threshold("thresholds.memory_gb", p.Thresholds.MemoryGB)...)
	out = append(out, threshold("thresholds.instances", float64(p.Thresholds.Instances))...)
	out = append(out, p.Kubernetes.mistakes()...)
	if p.Target != "" && p.Target != Kubernetes {
		out = append(out, hclfile.Mistake{
			Path: "target", Summary: "Unknown target", Value: p.Target,
			Detail: "{value} is no kind of target that a policy can name.", Hint: hclfile.DidYouMean(p.Target, []string{Kubernetes}),
		})
	}
	out = append(out, p.Hybrid.mistakes()...)
	out = append(out, p.Limits.mistakes()...)
	out = append(out, p.Failover.mistakes()...)
	out = append(out, p.Access.mistakes()...)
	out = append(out, p.Backend.mistakes()...)
	out = append(out, p.Guardrails.mistakes()...)
	out = append(out, p.Reaction.mistakes()...)
	return append(out, notifyMistakes(p.Notify)...)
}

func (l Lists) mistakes() []hclfile.Mistake {
	var out []hclfile.Mistake
	for _, list := range []struct {
		name      string
		providers []string
	}{
		{"gpu_providers", l.GPU},
		{"cpu_intensive", l.CPU},
		{"memory_intensive", l.Memory},
		{"cost_optimized", l.Cost},
	} {
		out = append(out, providerMistakes("providers."+list.name, list.providers)...)
	}
	if l.Order != "" && l.Order != OrderListed && l.Order != OrderCheapest {
		m := orderMistake(l.Order)
		m.Path = "providers." + m.Path
		out = append(out, m)
	}
	return out
}

func orderMistake(given Order) hclfile.Mistake {
	return hclfile.Mistake{
		Path:    "order",
		Summary: "Unknown order",
		Detail:  "{value} is no order of candidates.",
		Value:   string(given),
		Hint:    hclfile.DidYouMean(string(given), []string{string(OrderListed), string(OrderCheapest)}),
	}
}

func providerMistakes(list string, providers []string) []hclfile.Mistake {
	var out []hclfile.Mistake
	if len(providers) == 0 {
		return []hclfile.Mistake{{
			Path:    list,
			Summary: "Empty list",
			Detail:  "The list has no provider, so nothing could be chosen by it.",
			Hint:    "leave the list out for its default",
		}}
	}
	for i, name := range providers {
		at := fmt.Sprintf("%s[%d]", list, i)
		switch {
		case !slices.Contains(Providers(), name):
			out = append(out, hclfile.Mistake{
				Path:    at,
				Summary: "Unknown provider",
				Detail:  "{value} is no provider.",
				Value:   name,
				Hint:    hclfile.DidYouMean(name, Providers()),
			})
		case slices.Contains(providers[:i], name):
			out = append(out, duplicate(at, name))
		}
	}
	return out
}

func duplicate(at, value string) hclfile.Mistake {
	return hclfile.Mistake{
		Path:    at,
		Summary: "Listed twice",
		Detail:  "{value} is in the list already.",
		Value:   value,
		Hint:    "keep the first",
	}
}

func threshold(at string, v float64) []hclfile.Mistake {
	if v >= 0 && v <= maxThreshold {
		return nil
	}
	return []hclfile.Mistake{{
		Path:    at,
		Summary: "Invalid threshold",
		Detail:  fmt.Sprintf("A threshold is between 0 and %d, and this is {value}.", maxThreshold),
		Value:   v,
	}}
}

func contextMistakes(at, name string) []hclfile.Mistake {
	if contextName.MatchString(name) {
		return nil
	}
	return []hclfile.Mistake{{
		Path:    at,
		Summary: "Invalid Kubernetes context",
		Detail:  "{value} is no name of a kubeconfig context: that has letters, digits and . _ : @ / + -, at most 253.",
		Value:   name,
		Hint:    "`kubectl config get-contexts -o name` prints those you have",
	}}
}

func (h *Hybrid) mistakes() []hclfile.Mistake {
	if h == nil {
		return nil
	}
	if h.Primary == Kubernetes {
		out := cloudMistakes("target.fallback", h.Fallback, "Fallback is no cloud",
			"{value} cannot be what clusters fall back on, which is a cloud.")
		return append(out, unwanted("target.fallback_k8s", h.FallbackK8s, "The clusters are the primary here, those of the kubernetes block.")...)
	}
	out := cloudMistakes("target.primary", h.Primary, "Primary is no cloud",
		"{value} cannot be the primary of a hybrid target, which is a cloud with a cluster to fall back on, or kubernetes with a cloud.")
	out = append(out, contextMistakes("target.fallback_k8s", h.FallbackK8s)...)
	return append(out, unwanted("target.fallback", h.Fallback, "A cloud falls back on the cluster of fallback_k8s.")...)
}

func unwanted(at, value, why string) []hclfile.Mistake {
	if value == "" {
		return nil
	}
	return []hclfile.Mistake{{Path: at, Summary: "Two fallbacks", Detail: why, Hint: "leave it out"}}
}

func cloudMistakes(at, name, summary, detail string) []hclfile.Mistake {
	if slices.Contains(clouds(), name) {
		return nil
	}
	allowed := clouds()
	if at == "target.primary" {
		allowed = append(allowed, Kubernetes)
	}
	m := hclfile.Mistake{
		Path:    at,
		Summary: "Unknown provider",
		Detail:  "{value} is no provider.",
		Value:   name,
		Hint:    hclfile.DidYouMean(name, allowed),
	}
	if slices.Contains(Providers(), name) {
		m.Summary, m.Detail = summary, detail
		m.Hint = "allowed: " + hclfile.Join(allowed, "or")
	}
	return []hclfile.Mistake{m}
}

func (l Limits) mistakes() []hclfile.Mistake {
	var out []hclfile.Mistake
	if !(l.MaxHourlyUSD >= 0 && l.MaxHourlyUSD <= maxHourlyUSD) {
		out = append(out, hclfile.Mistake{
			Path:    "limits.max_hourly_usd",
			Summary: "Invalid max_hourly_usd",
			Detail:  fmt.Sprintf("A limit is more than 0 and at most %d dollars an hour, and this is {value}.", maxHourlyUSD),
			Value:   l.MaxHourlyUSD,
			Hint:    "leave it out for no limit",
		})
	}
	out = append(out, bounds("limits.ttl", l.TTL, true)...)
	for i, glob := range l.Regions {
		at := fmt.Sprintf("limits.regions[%d]", i)
		switch {
		case !validGlob(glob):
			out = append(out, hclfile.Mistake{
				Path:    at,
				Summary: "Invalid region pattern",
				Detail:  "{value} is no pattern: it has letters, digits, dashes, * for any characters, ? for one, and [a-c] for one of some.",
				Value:   glob,
				Hint:    `for example "us-*" or "nyc?"`,
			})
		case slices.Contains(l.Regions[:i], glob):
			out = append(out, duplicate(at, glob))
		}
	}
	if l.Spot != SpotNever && l.Spot != SpotPrefer && l.Spot != SpotRequire {
		out = append(out, hclfile.Mistake{
			Path:    "limits.spot",
			Summary: "Unknown value of spot",
			Detail:  "{value} does not say whether interruptible capacity may be used.",
			Value:   string(l.Spot),
			Hint:    hclfile.DidYouMean(string(l.Spot), []string{string(SpotNever), string(SpotPrefer), string(SpotRequire)}),
		})
	}
	return append(out, bounds("limits.max_price_age", l.MaxPriceAge, false)...)
}

func validGlob(glob string) bool {
	if !regionGlob.MatchString(glob) {
		return false
	}
	_, err := path.Match(glob, "")
	return err == nil
}
