package vultr

import (
	"sync"

	"skysail/clouds/faults"
)

// Sources of the rules.
const (
	srcProvider  = "terraform-provider-vultr vultr/provider.go"
	srcInstance  = "terraform-provider-vultr vultr/resource_vultr_instance.go"
	srcRule      = "terraform-provider-vultr vultr/resource_vultr_firewall_rule.go"
	srcSDK       = "govultr govultr.go: the error is the answer's body, or `gave up after N attempts, last error: BODY`"
	srcAddress   = "https://github.com/vultr/terraform-provider-vultr/issues/375"
	srcOldKey    = "https://github.com/sher/ansible-vultr/issues/6"
	srcRate      = "https://github.com/vultr/terraform-provider-vultr/issues/103"
	srcOldRate   = "https://github.com/vultr/terraform-provider-vultr-community/issues/97"
	srcMachines  = "https://github.com/getlantern/lantern_aws/issues/186"
	srcCapacity  = "https://github.com/vultr/whmcs-vultr/issues/74; https://www.vultr.com/api/ list-available-plans-region"
	srcPlan      = "https://github.com/vultr/terraform-provider-vultr/issues/377"
	srcLocked    = "https://github.com/vultr/ansible-collection-vultr/issues/113"
	srcNoAnswer  = "https://github.com/vultr/terraform-provider-vultr/issues/209"
	srcEnabled   = "https://docs.vultr.com/platform/billing: a payment method is required before resources can be deployed; the exact words are not published"
	srcReference = "https://www.vultr.com/api/"
)

// Faults classifies what Terraform prints when Vultr refuses. Vultr answers
// nearly all refusals with 400, so that the words decide; a 400 with unknown
// words stays unknown.
func (c *Cloud) Faults() faults.Table { return table() }

var table = sync.OnceValue(func() faults.Table {
	return append(faults.Table{
		faults.NewRule(faults.Auth, `Invalid API (?:token|key)`, srcReference),
		faults.NewRule(faults.Auth, `Unauthorized IP address`, srcAddress),
		faults.NewRule(faults.Auth, `is not authorized to use this API key`, srcOldKey),
		faults.NewRule(faults.Auth, `The argument "api_key" is required`, srcProvider),

		// Before the limits of the account, which have like words.
		faults.NewRule(faults.Transient, `rate[- ]limit (?:exceeded|reached)`, srcRate+"; "+srcOldRate),

		faults.NewRule(faults.Quota, `You have reached the (?:maximum|limit)`, srcMachines),
		faults.NewRule(faults.Quota, `request a limit increase|exceeds your account limits?`, srcReference),

		faults.NewRule(faults.NotEnabled, `not enabled for your account`, srcEnabled),

		faults.NewRule(faults.Auth, `\\?"status\\?":\s*40[13]\b`, srcSDK),

		faults.NewRule(faults.Capacity, `error creating server: .*(?:not available|any more capacity|out of capacity|out of stock|sold out)`, srcCapacity),

		faults.NewRule(faults.Invalid, `Invalid plan chosen`, srcPlan),
		faults.NewRule(faults.Invalid, `error creating (?:server|firewall rule) ?: .*Invalid (?:plan|region|os_id|user_data|hostname|label|subnet|subnet size|protocol|port|ip_type)\b`, srcReference),
		faults.NewRule(faults.Invalid, `too many options have been selected|Please do not set \S+ with os_id|error occurred while getting your intended os type|Backups are set to (?:en|dis)abled please`, srcInstance),
		faults.NewRule(faults.Invalid, `is required to be all lowercase`, srcRule),

		faults.NewRule(faults.Transient, `Server is currently locked`, srcLocked),
		// A create that was never answered: the same as no answer in time.
		faults.NewRule(faults.Timeout, `gave up after .*(?:context deadline exceeded|Client\.Timeout exceeded)`, srcSDK),
		faults.NewRule(faults.Transient, `gave up after \d+ attempts`, srcNoAnswer),
		faults.NewRule(faults.Transient, `\\?"status\\?":\s*(?:429|500|502|503|504)\b`, srcSDK),
	}, faults.Common()...)
})
