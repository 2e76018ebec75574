package policies

import (
	"fmt"
	"slices"
	"time"

	durations "skysail/internal/duration"
	"skysail/internal/hclfile"
)

const maxBudgetUSD = 1_000_000

// defaultProviderTimeouts is how long an attempt may take at a provider before
// the next is worth more than waiting. Inside the real providers a create took
// 5 s (google), 10 s (aws), 10.7 s (digitalocean) and 20.7 s (vultr); left
// alone they would wait far longer for one that does not come:
// terraform-provider-aws internal/service/ec2/ec2_instance.go 10 minutes, and
// its SDK retries a stockout for up to an hour; google
// services/compute/resource_compute_instance.go 20 minutes; digitalocean
// droplet/resource_droplet.go and vultr resource_vultr_instance.go 60 minutes.
// What is left of it is for the boot and the service's first answer.
func defaultProviderTimeouts() map[string]time.Duration {
	return map[string]time.Duration{
		AWS: 10 * time.Minute, GCP: 8 * time.Minute, DigitalOcean: 8 * time.Minute, Vultr: 12 * time.Minute,
	}
}

// Timeout is how long one attempt at a provider may take.
func (f Failover) Timeout(provider string) time.Duration {
	if d := f.ProviderTimeout[provider]; d > 0 && d < f.AttemptTimeout {
		return d
	}
	return f.AttemptTimeout
}

// timed are the providers that can have a deadline of their own.
func timed() []string { return []string{AWS, GCP, DigitalOcean, Vultr, Kubernetes} }

func decodeProviderTimeouts(b *hclfile.Body, into *Failover) {
	given := map[string]string{}
	b.Map("provider_timeout", &given)
	// What is said of all attempts is not narrowed by what nobody said.
	if b.Has("attempt_timeout") {
		into.ProviderTimeout = nil
	}
	if len(given) > 0 && into.ProviderTimeout == nil {
		into.ProviderTimeout = map[string]time.Duration{}
	}
	for _, name := range sortedKeys(given) {
		at := fmt.Sprintf("provider_timeout[%s]", name)
		d, err := durations.Parse(given[name])
		if err != nil {
			b.Report(durationMistake(at, given[name]))
			b.Broken(at)
			continue
		}
		into.ProviderTimeout[name] = d
		if b.Has("attempt_timeout") && d > into.AttemptTimeout {
			b.Report(hclfile.Mistake{
				Path:    at,
				Summary: "Longer than attempt_timeout",
				Detail:  fmt.Sprintf("An attempt at %s may take {value}, which is longer than any attempt may take (attempt_timeout).", name),
				Value:   d,
				Hint:    "raise attempt_timeout, or lower this",
			})
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (f Failover) mistakes() []hclfile.Mistake {
	var out []hclfile.Mistake
	if f.MaxAttempts < 1 || f.MaxAttempts > maxMaxAttempts {
		out = append(out, hclfile.Mistake{
			Path:    "failover.max_attempts",
			Summary: "Invalid number of attempts",
			Detail:  fmt.Sprintf("There are between 1 and %d attempts, not {value}.", maxMaxAttempts),
			Value:   f.MaxAttempts,
			Hint:    "1 tries the best candidate only",
		})
	}
	attempt := bounds("failover.attempt_timeout", f.AttemptTimeout, false)
	total := bounds("failover.total_timeout", f.TotalTimeout, false)
	out = append(append(out, attempt...), total...)
	if len(attempt)+len(total) == 0 && f.AttemptTimeout > f.TotalTimeout {
		out = append(out, hclfile.Mistake{
			Path:    "failover.attempt_timeout",
			Summary: "Attempt longer than the whole",
			Detail:  "One attempt may take {value}, which is longer than all of them together may take (total_timeout).",
			Value:   f.AttemptTimeout,
			Hint:    "raise total_timeout, or lower attempt_timeout",
		})
	}
	out = append(out, f.providerMistakes()...)
	if !(f.BudgetUSD >= 0 && f.BudgetUSD <= maxBudgetUSD) {
		out = append(out, hclfile.Mistake{
			Path:    "failover.budget_usd",
			Summary: "Invalid budget_usd",
			Detail:  fmt.Sprintf("A budget is more than 0 and at most %d dollars, and this is {value}.", maxBudgetUSD),
			Value:   f.BudgetUSD,
			Hint:    "leave it out for no budget",
		})
	}
	return out
}

func (f Failover) providerMistakes() []hclfile.Mistake {
	var out []hclfile.Mistake
	for _, name := range sortedKeys(f.ProviderTimeout) {
		at := fmt.Sprintf("failover.provider_timeout[%s]", name)
		if !slices.Contains(timed(), name) {
			out = append(out, hclfile.Mistake{
				Path:    at + "#name",
				Summary: "Unknown provider",
				Detail:  "{value} is no provider with a deadline of its own.",
				Value:   name,
				Hint:    hclfile.DidYouMean(name, timed()),
			})
			continue
		}
		out = append(out, bounds(at, f.ProviderTimeout[name], false)...)
	}
	return out
}

func decodeFailover(b *hclfile.Body, into *Failover) {
	if b == nil {
		return
	}
	b.Int("max_attempts", &into.MaxAttempts)
	duration(b, "attempt_timeout", &into.AttemptTimeout)
	duration(b, "total_timeout", &into.TotalTimeout)
	decodeProviderTimeouts(b, into)
	b.Bool("regions_first", &into.RegionsFirst)
	b.Number("budget_usd", &into.BudgetUSD)
	if b.Has("budget_usd") && into.BudgetUSD == 0 {
		b.Report(hclfile.Mistake{
			Path:    "budget_usd",
			Summary: "Invalid budget_usd",
			Detail:  "A budget of 0 dollars allows nothing.",
			Hint:    "leave it out for no budget",
		})
	}
	// A short total bounds the attempts that nobody set apart.
	if b.Has("total_timeout") && !b.Has("attempt_timeout") && into.TotalTimeout > 0 {
		into.AttemptTimeout = min(into.AttemptTimeout, into.TotalTimeout)
	}
	// One that was set longer than the others lengthens what bounds them all,
	// unless that was set as well.
	if !b.Has("attempt_timeout") {
		longest := into.AttemptTimeout
		for _, d := range into.ProviderTimeout {
			longest = max(longest, d)
		}
		into.AttemptTimeout = max(into.AttemptTimeout, min(longest, into.TotalTimeout))
	}
}
