package generator

// provider is what differs between the roots of bundles.
type provider struct {
	// modules are copied; the first of them is called.
	modules []string
	// local is the Terraform provider's own name where it is not ours.
	local string
	// source and version pin the Terraform provider. The module allows its
	// patch releases; a bundle runs with the one that was tested.
	source, version string
	// config is the provider's configuration block. Credentials are not in it:
	// the provider takes them from the environment.
	config []setting
	// comment stands over the block.
	comment string
	// more says that the module has inputs and outputs beyond those of all, in
	// cluster_variables.tf and cluster_outputs.tf.
	more bool
	// ssh says that instances are reached by SSH, so that keys are needed.
	ssh bool
}

// Requirement is the Terraform provider that a provider's bundles are pinned
// to: its address, without a host where it is a public one, and its version.
// Both are empty for a provider that has no module.
func Requirement(name string) (source, version string) {
	p := providers[name]
	return p.source, p.version
}

// setting is one argument of a provider block: the value of one of the root's
// variables, a text, or a number. In an object it stands where that is named.
type setting struct {
	name     string
	object   string
	value    int64
	text     string
	variable string
}

var providers = map[string]provider{
	"aws": {
		modules: []string{"aws", "cloudinit"},
		source:  "hashicorp/aws",
		version: "6.59.0",
		config: []setting{
			{name: "region", variable: "region"},
			{name: "max_retries", value: 2},
		},
		comment: "Credentials come from AWS_* or the files in ~/.aws. Few retries: a provider that fails is left for the next.",
		ssh:     true,
	},
	"digitalocean": {
		modules: []string{"digitalocean", "cloudinit"},
		source:  "digitalocean/digitalocean",
		version: "2.99.1",
		config: []setting{
			{name: "http_retry_max", value: 2},
			{name: "http_retry_wait_max", value: 5},
		},
		comment: "The token comes from DIGITALOCEAN_TOKEN. Few retries: a provider that fails is left for the next.",
		ssh:     true,
	},
	"gcp": {
		modules: []string{"gcp", "cloudinit"},
		local:   "google",
		source:  "hashicorp/google",
		version: "7.45.0",
		config: []setting{
			{name: "region", variable: "region"},
			{name: "poll_interval", text: "2s"},
		},
		comment: "Credentials and project come from GOOGLE_APPLICATION_CREDENTIALS and GOOGLE_PROJECT. Operations are looked at often: they take seconds.",
		ssh:     true,
	},
	"vultr": {
		modules: []string{"vultr", "cloudinit"},
		source:  "vultr/vultr",
		version: "2.32.0",
		// Any argument here would make api_key one that has to be given too,
		// and validate would fail where VULTR_API_KEY is not set.
		comment: "The key comes from VULTR_API_KEY.",
		ssh:     true,
	},
	"kubernetes": {
		modules: []string{"kubernetes"},
		local:   "helm",
		source:  "hashicorp/helm",
		version: "3.1.2",
		config:  []setting{{object: "kubernetes", name: "config_context", variable: "region"}},
		comment: "The kubeconfig is that of KUBE_CONFIG_PATH or KUBE_CONFIG_PATHS; of it comes the context, and nothing of it is here.",
		more:    true,
	},
	"local": {
		modules: []string{"local"},
		source:  "skysail.internal/skysail/local",
		version: "1.0.0",
		comment: "skysail serves this provider itself and tells it where services live.",
	},
}
