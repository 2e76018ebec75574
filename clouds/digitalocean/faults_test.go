package digitalocean

import (
	"testing"

	"skysail/clouds"
	"skysail/clouds/faults"
)

func TestFaults(t *testing.T) {
	table := New(clouds.MapEnv(nil)).Faults()
	const post = `Error creating droplet: POST https://api.digitalocean.com/v2/droplets: `
	for _, c := range []struct {
		text string
		want faults.Class
	}{
		{post + `422 (request "94739105-b2bb-4bf4-90f3-e23974f4a74d") Size is not available in this region.`, faults.Capacity},
		{post + `422 Size is not available in this region.`, faults.Capacity},
		{post + `422 (request "r-1") size is unavailable`, faults.Capacity},
		{post + `422 Region is not available`, faults.Capacity},
		{post + `422 The image you specified is not available in the selected region, you can transfer it to this region from the images pages.`, faults.Capacity},
		{post + `422 creating this/these droplet(s) will exceed your droplet limit`, faults.Quota},
		{post + `403 (request "r-1") creating this/these droplet(s) will exceed your droplet limit`, faults.Quota},
		{post + `422 This size is currently restricted please send an additional payment to unlock.`, faults.NotEnabled},
		{post + `401 (request "r-1") Unable to authenticate you`, faults.Auth},
		{post + `403 (request "e1efed05") You are not authorized to perform this operation`, faults.Auth},
		{post + `403 You do not have access for the attempted action.`, faults.Auth},
		{`Error creating SSH Key: POST http://127.0.0.1:4000/v2/account/keys: 401 (request "r") Unable to authenticate you`, faults.Auth},
		{`Error creating firewall: POST https://api.digitalocean.com/v2/firewalls: 403 forbidden`, faults.Auth},
		{post + `422 (request "a3dee5f9") 59723548 are invalid key identifiers for Droplet creation.`, faults.Transient},
		{`Error creating SSH Key: POST https://api.digitalocean.com/v2/account/keys: 422 (request "3099ae6d") SSH Key is already in use on your account`, faults.Transient},
		{`Error creating firewall: POST https://api.digitalocean.com/v2/firewalls: 409 (request "4830045a") duplicate name`, faults.Transient},
		{post + `429 (request "r") API Rate limit exceeded; giving up after 5 attempt(s)`, faults.Transient},
		{post + `429 Too many requests`, faults.Transient},
		{post + `503 (request "r") ; giving up after 5 attempt(s)`, faults.Transient},
		{post + `500 (request "r") Unexpected server-side error; giving up after 5 attempt(s)`, faults.Transient},
		{`Error waiting for droplet (1004) to become ready: Error retrieving droplet: GET https://api.digitalocean.com/v2/droplets/1004: 502 <html>; giving up after 5 attempt(s)`, faults.Transient},
		{post + `422 (request "a87e6ebb") You specified an invalid image for Droplet creation.`, faults.Invalid},
		{post + `422 You specified an invalid size for Droplet creation.`, faults.Invalid},
		{post + `422 Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)`, faults.Invalid},
		{`Error creating firewall: POST https://api.digitalocean.com/v2/firewalls: 422 (request "1cf5da03") invalid address`, faults.Invalid},
		{"`port_range` of inbound rules is required if protocol is `tcp` or `udp`", faults.Invalid},
		// From the common rules.
		{`Error waiting for droplet (1004) to become ready: timeout while waiting for state to become 'active' (last state: 'new', timeout: 1h0m0s)`, faults.Timeout},
		{`Error acquiring the state lock`, faults.Busy},
		{`Error creating droplet: Post "https://api.digitalocean.com/v2/droplets": dial tcp: lookup api.digitalocean.com: no such host`, faults.Transient},
		// Unknown stays unknown.
		{post + `422 (request "r") something that nobody has seen yet`, faults.Unknown},
		{`Error waiting for droplet (1004) to become ready: unexpected state 'off', wanted target 'active'. last error: %!s(<nil>)`, faults.Unknown},
		{post + `501 the skysail sandbox does not simulate this`, faults.Unknown},
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
