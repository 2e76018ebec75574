package vultr

import (
	"testing"

	"skysail/clouds"
	"skysail/clouds/faults"
)

func TestFaults(t *testing.T) {
	table := New(clouds.MapEnv(nil)).Faults()
	for _, c := range []struct {
		text string
		want faults.Class
	}{
		{`error creating server: {"error":"Plan is not available in the selected datacenter.  This could mean you have chosen the wrong plan (for example, a storage plan in a location that does not offer them), or the location you have selected does not have any more capacity.","status":400}`, faults.Capacity},
		{`error creating server: {"error":"plan is not available in the selected region","status":400}`, faults.Capacity},
		{`error creating server: error returned from api : plan is not available in this region`, faults.Capacity},
		{`error creating server: gave up after 4 attempts, last error: "{\"error\":\"Plan is not available in the selected region\",\"status\":500}"`, faults.Capacity},
		{`error creating server: {"error":"Server add failed: You have reached the maximum monthly fee limit for this account. To deploy additional services, please request a limit increase.","status":400}`, faults.Quota},
		{`error creating server: {"error":"Server add failed: You have reached the maximum number of active virtual machines for this account. For security reasons, please contact our support team to have the limit raised","status":400}`, faults.Quota},
		{`error creating server: {"error":"You have reached the maximum number of instances allowed on your account","status":403}`, faults.Quota},
		{`error creating server: {"error":"Server add failed: This plan is not enabled for your account. Please contact our support team to have it enabled.","status":400}`, faults.NotEnabled},
		{`error creating SSH key: {"error":"Invalid API token.","status":401}`, faults.Auth},
		{`error creating SSH key: error returned from api : Invalid API token.`, faults.Auth},
		{`error creating firewall group: {"error":"Unauthorized IP address: 203.0.113.7","status":401}`, faults.Auth},
		{`error creating server: Your IP (203.0.113.7) is not authorized to use this API key`, faults.Auth},
		{`error creating server: {"error":"Forbidden","status":403}`, faults.Auth},
		{`error in api response "gave up after 4 attempts, last error: \"{\"status\": 401,\"error\": \"no\"}\"" : unable to unmarshal api response`, faults.Auth},
		{`Missing required argument: The argument "api_key" is required, but no definition was found.`, faults.Auth},
		{`error getting list of attached VPCs : gave up after 11 attempts, last error: "{\"status\": 429,\"error\": \"rate limit exceeded\"}"`, faults.Transient},
		{`error getting firewall rule c5a8d199: Rate limit reached - please try your request again later.  Current rate limit: 3 requests/sec`, faults.Transient},
		{`error creating server: gave up after 4 attempts, last error unavailable (resp == nil)`, faults.Transient},
		{`error creating server: gave up after 4 attempts, last error: "{\"error\":\"Internal server error.\",\"status\":500}"`, faults.Transient},
		{`error creating server: gave up after 4 attempts, last error: "<html><body>503 Service Temporarily Unavailable</body></html>"`, faults.Transient},
		{`error creating server: gave up after 4 attempts, last error : Post "https://api.vultr.com/v2/instances": dial tcp: lookup api.vultr.com: no such host`, faults.Transient},
		{`error creating server: gave up after 4 attempts, last error : Post "https://api.vultr.com/v2/instances": context deadline exceeded`, faults.Timeout},
		{`error updating instance a1: {"error":"Unable to attach: Server is currently locked","status":500}`, faults.Transient},
		{`error creating server: {"error":"Invalid plan chosen.","status":400}`, faults.Invalid},
		{`error creating server: {"error":"Invalid region.","status":400}`, faults.Invalid},
		{`error creating firewall rule : {"error":"Invalid subnet","status":400}`, faults.Invalid},
		{`Please do not set snapshot_id with os_id`, faults.Invalid},
		// From the common rules.
		{`error while waiting for Server a1 to be completed: timeout while waiting for state to become 'active' (last state: 'pending', timeout: 1h0m0s)`, faults.Timeout},
		{`Error acquiring the state lock`, faults.Busy},
		{`Unsupported argument: An argument named "plans" is not expected here.`, faults.Invalid},
		// Unknown stays unknown.
		{`error creating server: {"error":"Something that nobody has seen yet","status":400}`, faults.Unknown},
		{`error while waiting for Server a1 to be completed: unexpected state 'suspended', wanted target 'active'. last error: %!s(<nil>)`, faults.Unknown},
	} {
		if got := table.Classify(c.text); got != c.want {
			t.Errorf("%s\n  is %s, want %s", c.text, got, c.want)
		}
	}
	for _, r := range table {
		if r.Source == "" {
			t.Errorf("rule %s names no source", r.Pattern)
		}
	}
}
