package digitalocean

import (
	"sync"

	"skysail/clouds/faults"
)

// Sources of the rules.
const (
	srcDroplet  = "terraform-provider-digitalocean digitalocean/droplet/resource_droplet.go"
	srcFirewall = "terraform-provider-digitalocean digitalocean/firewall/resource_firewall.go"
	srcGodo     = "godo godo.go, ErrorResponse.Error: METHOD URL: STATUS (request ID) MESSAGE; giving up after N attempt(s)"
	srcLimit    = "https://github.com/pry0cc/axiom/issues/422"
	srcPayment  = "https://github.com/digitalocean/api-v2/issues/36"
	srcScopes   = "https://github.com/digitalocean/doctl/issues/1635"
	srcSize     = "https://github.com/ChainSafe/forest-iac/pull/437"
	srcStock    = "https://github.com/inlets/inlets-operator/issues/111"
	srcRegion   = "https://github.com/digitalocean/api-v2/issues/41"
	srcKeyLag   = "https://github.com/poseidon/typhoon/issues/106"
	srcKeyTwice = "https://github.com/digitalocean/packer-plugin-digitalocean/issues/113"
	srcDouble   = "https://github.com/harmony-one/harmony-ops/issues/374"
	srcInvalid  = "https://github.com/digitalocean/terraform-provider-digitalocean/issues/60, /pull/1035"
	srcRate     = "https://github.com/digitalocean/terraform-provider-digitalocean/issues/546"
)

// request is how a refused call begins in godo's errors.
const request = `\b(?:GET|POST|PUT|PATCH|DELETE) \S+: `

// Faults classifies what Terraform prints when DigitalOcean refuses. What the
// words say goes before what the status says: limits were told with 403 too.
func (c *Cloud) Faults() faults.Table { return table() }

var table = sync.OnceValue(func() faults.Table {
	return append(faults.Table{
		faults.NewRule(faults.Quota, `exceed your droplet limit|droplet limit (?:exceeded|reached)`, srcLimit),
		faults.NewRule(faults.NotEnabled, `size is currently restricted|send an additional payment to unlock`, srcPayment),
		faults.NewRule(faults.Auth, `Unable to authenticate you|not authorized to perform this operation|do not have access for the attempted action`, srcScopes),
		faults.NewRule(faults.Auth, request+`40[13]\b`, srcGodo),

		faults.NewRule(faults.Capacity, `Size is not available in this region`, srcSize),
		faults.NewRule(faults.Capacity, `size is (?:currently )?unavailable`, srcStock),
		faults.NewRule(faults.Capacity, `Region is not available|image you specified is not available in the selected region`, srcRegion),

		// Both keys and firewalls are new with each attempt. One that is there
		// already was made by a call whose answer was lost, and goes with the
		// attempt; one that is not there yet needs a moment to be known.
		faults.NewRule(faults.Transient, `are invalid key identifiers for Droplet creation`, srcKeyLag),
		faults.NewRule(faults.Transient, `SSH Key is already in use on your account`, srcKeyTwice),
		faults.NewRule(faults.Transient, `/v2/firewalls: 409\b.*duplicate name`, srcDouble),
		faults.NewRule(faults.Transient, `API Rate limit exceeded|Too many requests`, srcRate),

		faults.NewRule(faults.Invalid, `You specified an invalid (?:size|image|region) for Droplet creation|Only valid hostname characters are allowed|User data is too large`, srcInvalid),
		faults.NewRule(faults.Invalid, `/v2/firewalls: 422\b.*invalid (?:address|port)`, "https://github.com/digitalocean/terraform-provider-digitalocean/pull/36"),
		faults.NewRule(faults.Invalid, "At least one rule must be specified|`port_range` of (?:in|out)bound rules is required", srcFirewall),
		faults.NewRule(faults.Invalid, `backup_policy can only be set when backups are enabled`, srcDroplet),

		faults.NewRule(faults.Transient, request+`(?:429|500|502|503|504|52\d)\b`, srcGodo),
	}, faults.Common()...)
})
