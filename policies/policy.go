// Package policies holds how a user wants targets chosen and guarded: the
// model of policy.hcl, its defaults, and the loader.
package policies

import "time"

// Provider names, as they stand in policy files, stores and output.
const (
	AWS          = "aws"
	GCP          = "gcp"
	DigitalOcean = "digitalocean"
	Vultr        = "vultr"
	Kubernetes   = "kubernetes"
	Local        = "local"
)

// Providers lists every name a policy may use, in the order we print them.
func Providers() []string {
	return []string{AWS, GCP, DigitalOcean, Vultr, Kubernetes, Local}
}

// Order says how candidates of a rule's provider list are put in order.
type Order string

// OrderListed keeps the list's order, cheapest first inside a provider.
// OrderCheapest sorts by price over all providers of the list.
const (
	OrderListed   Order = "listed"
	OrderCheapest Order = "cheapest"
)

// Spot says whether interruptible capacity may be used.
type Spot string

// The values of limits.spot.
const (
	SpotNever   Spot = "never"
	SpotPrefer  Spot = "prefer"
	SpotRequire Spot = "require"
)

// Engines that can run bundles.
const (
	EngineTerraform = "terraform"
	EngineTofu      = "tofu"
)

// Policy is one policy block with defaults filled in.
type Policy struct {
	// Engine is terraform or tofu.
	Engine     string        `json:"engine"`
	Lists      Lists         `json:"providers"`
	Thresholds Thresholds    `json:"thresholds"`
	Kubernetes KubernetesRef `json:"kubernetes"`
	// Target is kubernetes where everything goes to a cluster, else empty.
	Target   string   `json:"target,omitempty"`
	Hybrid   *Hybrid  `json:"hybrid,omitempty"`
	Limits   Limits   `json:"limits"`
	Failover Failover `json:"failover"`
	Access   Access   `json:"access"`
	// Backend is nil for state on this machine.
	Backend    *Backend   `json:"backend,omitempty"`
	Guardrails Guardrails `json:"guardrails,omitzero"`
	Reaction   Reaction   `json:"reaction,omitzero"`
	Notify     []Notify   `json:"notify,omitempty"`
}

// Lists are the provider lists of the selection rules, first match wins.
type Lists struct {
	GPU    []string `json:"gpu_providers"`
	CPU    []string `json:"cpu_intensive"`
	Memory []string `json:"memory_intensive"`
	Cost   []string `json:"cost_optimized"`
	// Order is empty when the policy does not set it: then the cost list is
	// cheapest first and every other list is in its listed order.
	Order Order `json:"order,omitempty"`
}

// Thresholds separate the rules: a service above one falls under its rule.
type Thresholds struct {
	CPU       float64 `json:"cpu"`       // vCPU
	MemoryGB  float64 `json:"memory_gb"` // GiB
	Instances int     `json:"instances"`
}

// Hybrid is target "hybrid": a cloud first and a cluster when it has no room,
// or the other way round.
type Hybrid struct {
	// Primary is a cloud, or kubernetes for the clusters of the kubernetes block.
	Primary string `json:"primary"`
	// FallbackK8s is the kubeconfig context that a cloud falls back on.
	FallbackK8s string `json:"fallback_k8s,omitempty"`
	// Fallback is the cloud that clusters fall back on.
	Fallback string `json:"fallback,omitempty"`
}

// Limits bound what may be chosen.
type Limits struct {
	// MaxHourlyUSD caps the whole deployment (all instances); 0 is no cap.
	MaxHourlyUSD float64       `json:"max_hourly_usd,omitempty"`
	TTL          time.Duration `json:"ttl,omitempty"`
	Regions      []string      `json:"regions,omitempty"` // globs; empty is any
	Spot         Spot          `json:"spot"`
	MaxPriceAge  time.Duration `json:"max_price_age"`
}

// Failover bounds how long, how often and for how much to try.
type Failover struct {
	MaxAttempts    int           `json:"max_attempts"`
	AttemptTimeout time.Duration `json:"attempt_timeout"`
	// ProviderTimeout narrows AttemptTimeout by provider: see Timeout.
	ProviderTimeout map[string]time.Duration `json:"provider_timeout,omitempty"`
	TotalTimeout    time.Duration            `json:"total_timeout"`
	RegionsFirst    bool                     `json:"regions_first"`
	// BudgetUSD is what the attempts of one deployment may cost together in
	// US dollars, those that fail and the one that runs; 0 is no budget.
	BudgetUSD float64 `json:"budget_usd,omitempty"`
}

// Access says who may open SSH connections to instances, and by which way.
type Access struct {
	// SSHFrom are CIDR blocks. Empty means the caller's own address.
	SSHFrom []string `json:"ssh_from,omitempty"`
	// SOCKS5 is host:port of a proxy, and Jumps are machines, that every SSH
	// connection to the instances goes through, in this order.
	SOCKS5 string `json:"socks5,omitempty"`
	Jumps  []Jump `json:"jump,omitempty"`
}

// Default is the policy of the brief, in force where no file says otherwise.
func Default() Policy {
	return Policy{
		Engine: EngineTerraform,
		Lists: Lists{
			GPU:    []string{GCP, AWS},
			CPU:    []string{Vultr, DigitalOcean, AWS},
			Memory: []string{AWS, GCP},
			Cost:   []string{Vultr, DigitalOcean, AWS, GCP},
		},
		Thresholds: Thresholds{CPU: 8, MemoryGB: 32, Instances: 10},
		Kubernetes: KubernetesRef{Context: "production", Namespace: "blueprints"},
		Limits:     Limits{Spot: SpotNever, MaxPriceAge: 720 * time.Hour},
		Failover: Failover{
			MaxAttempts:     6,
			AttemptTimeout:  15 * time.Minute,
			ProviderTimeout: defaultProviderTimeouts(),
			TotalTimeout:    time.Hour,
			RegionsFirst:    true,
		},
	}
}
