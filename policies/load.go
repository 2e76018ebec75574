package policies

import (
	"skysail/internal/hclfile"
)

var (
	listsSchema = &hclfile.Schema{
		What:       "a providers block",
		Attributes: []string{"gpu_providers", "cpu_intensive", "memory_intensive", "cost_optimized", "order"},
	}
	thresholdsSchema = &hclfile.Schema{What: "a thresholds block", Attributes: []string{"cpu", "memory_gb", "instances"}}
	targetSchema     = &hclfile.Schema{What: "a target block", Attributes: []string{"primary", "fallback_k8s", "fallback"}}
	limitsSchema     = &hclfile.Schema{
		What:       "a limits block",
		Attributes: []string{"max_hourly_usd", "ttl", "regions", "spot", "max_price_age"},
	}
	failoverSchema = &hclfile.Schema{
		What:       "a failover block",
		Attributes: []string{"max_attempts", "attempt_timeout", "provider_timeout", "total_timeout", "regions_first", "budget_usd"},
	}
	accessSchema = &hclfile.Schema{
		What: "an access block", Attributes: []string{"ssh_from", "socks5"},
		Blocks: []hclfile.Block{{Type: "jump", Label: "host:port", Many: true, Schema: jumpSchema}},
	}
	backendSchema = &hclfile.Schema{
		What:  "a backend block",
		Free:  true,
		Hints: map[string]string{"exec": "write it as exec = { … }"},
	}
	policySchema = &hclfile.Schema{
		What:       "a policy block",
		Attributes: []string{"engine"},
		Blocks: []hclfile.Block{
			{Type: "providers", Schema: listsSchema},
			{Type: "thresholds", Schema: thresholdsSchema},
			{Type: "kubernetes", Schema: kubernetesSchema},
			{Type: "target", Label: "kind", Schema: targetSchema},
			{Type: "limits", Schema: limitsSchema},
			{Type: "failover", Schema: failoverSchema},
			{Type: "access", Schema: accessSchema},
			{Type: "backend", Label: "type", Schema: backendSchema},
			{Type: "guardrails", Schema: guardrailsSchema},
			{Type: "reaction", Schema: reactionSchema},
			{Type: "notify", Label: "kind", Many: true, Schema: notifySchema},
		},
	}
	fileSchema = &hclfile.Schema{
		What:   "a policy file",
		Blocks: []hclfile.Block{{Type: "policy", Schema: policySchema}},
		Hints:  map[string]string{"service": "a service has a file of its own; this one is for the policy"},
	}
)

// Load reads and checks the policy file at path, HCL or, when its name ends
// in .json, HCL-JSON. What the file leaves out has its default. For a file
// that is wrong the error is an *hclfile.Error with every mistake in it.
func Load(path string) (Policy, error) {
	return load(path, hclfile.ParseOptions{})
}

func load(path string, opts hclfile.ParseOptions) (Policy, error) {
	opts.Kind = "policy"
	f, err := hclfile.Parse(path, opts)
	if err != nil {
		return Policy{}, err
	}
	return decode(f)
}

// parse is load for bytes that are at hand.
func parse(path string, src []byte, opts hclfile.ParseOptions) (Policy, error) {
	opts.Kind = "policy"
	f, err := hclfile.ParseSource(path, src, opts)
	if err != nil {
		return Policy{}, err
	}
	return decode(f)
}

func decode(f *hclfile.File) (Policy, error) {
	root := f.Root(fileSchema)
	// A file without a policy is not taken for one of defaults: a limit that
	// somebody wrote may have been lost with the rest of the file.
	root.RequireBlock("policy", "write policy { } for the defaults, or leave the file out")
	block := root.Child("policy")
	if block == nil {
		return Policy{}, f.Err()
	}
	p := Default()
	block.String("engine", &p.Engine)
	decodeLists(block.Child("providers"), &p.Lists)
	if b := block.Child("thresholds"); b != nil {
		b.Number("cpu", &p.Thresholds.CPU)
		b.Number("memory_gb", &p.Thresholds.MemoryGB)
		b.Int("instances", &p.Thresholds.Instances)
	}
	decodeKubernetes(block.Child("kubernetes"), block.Child("thresholds"), &p)
	decodeTarget(block.Child("target"), &p)
	decodeLimits(block.Child("limits"), &p.Limits)
	decodeFailover(block.Child("failover"), &p.Failover)
	decodeAccess(block.Child("access"), f.Dir(), &p.Access)
	decodeBackend(block.Child("backend"), &p)
	decodeGuardrails(block.Child("guardrails"), f.Dir(), &p.Guardrails)
	decodeReaction(block.Child("reaction"), &p.Reaction)
	p.Notify = decodeNotify(block)
	for _, m := range p.mistakes() {
		block.Report(m)
	}
	if err := f.Err(); err != nil {
		return Policy{}, err
	}
	return p, nil
}

func decodeLists(b *hclfile.Body, into *Lists) {
	if b == nil {
		return
	}
	b.Strings("gpu_providers", &into.GPU)
	b.Strings("cpu_intensive", &into.CPU)
	b.Strings("memory_intensive", &into.Memory)
	b.Strings("cost_optimized", &into.Cost)
	order := string(into.Order)
	b.String("order", &order)
	into.Order = Order(order)
	if b.Has("order") && order == "" {
		b.Report(orderMistake(into.Order))
	}
}

func decodeTarget(b *hclfile.Body, p *Policy) {
	if b == nil {
		return
	}
	switch b.Label {
	case Kubernetes:
		p.Target = Kubernetes
		for _, name := range targetSchema.Attributes {
			if b.Has(name) {
				b.Report(hclfile.Mistake{
					Path: name, Summary: "Argument of another target",
					Detail: `A kubernetes target has no arguments: its clusters are in the kubernetes block.`,
					Hint:   `for a cloud and a cluster write target "hybrid"`,
				})
			}
		}
		return
	case hybrid:
	default:
		b.Report(hclfile.Mistake{
			Path:    "#label",
			Summary: "Unknown target",
			Detail:  "{value} is no kind of target that a policy can name.",
			Value:   b.Label,
			Hint:    hclfile.DidYouMean(b.Label, []string{hybrid, Kubernetes}),
		})
	}
	p.Hybrid = &Hybrid{}
	b.String("primary", &p.Hybrid.Primary)
	b.Require("primary", "what is tried first: "+hclfile.Join(append(clouds(), Kubernetes), "or"))
	b.String("fallback_k8s", &p.Hybrid.FallbackK8s)
	b.String("fallback", &p.Hybrid.Fallback)
	if p.Hybrid.Primary == Kubernetes {
		b.Require("fallback", "the cloud that takes over: "+hclfile.Join(clouds(), "or"))
		return
	}
	b.Require("fallback_k8s", "the kubeconfig context of the cluster that takes over")
}

func decodeLimits(b *hclfile.Body, into *Limits) {
	if b == nil {
		return
	}
	b.Number("max_hourly_usd", &into.MaxHourlyUSD)
	if b.Has("max_hourly_usd") && into.MaxHourlyUSD == 0 {
		b.Report(hclfile.Mistake{
			Path:    "max_hourly_usd",
			Summary: "Invalid max_hourly_usd",
			Detail:  "A limit of 0 dollars an hour allows nothing.",
			Hint:    "leave it out for no limit",
		})
	}
	duration(b, "ttl", &into.TTL)
	b.Strings("regions", &into.Regions)
	notEmpty(b, "regions", len(into.Regions), "leave regions out for any")
	spot := string(into.Spot)
	b.String("spot", &spot)
	into.Spot = Spot(spot)
	duration(b, "max_price_age", &into.MaxPriceAge)
}

// notEmpty reports a list that is given and has nothing in it: in a policy
// that could be read as "all" or as "none".
func notEmpty(b *hclfile.Body, name string, n int, hint string) {
	if b.Has(name) && n == 0 {
		b.Report(hclfile.Mistake{
			Path:    name,
			Summary: "Empty list",
			Detail:  name + " has nothing in it.",
			Hint:    hint,
		})
	}
}
