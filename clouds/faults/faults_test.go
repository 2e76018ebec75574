package faults_test

import (
	"regexp"
	"testing"

	"skysail/clouds/faults"
)

func TestCommon(t *testing.T) {
	for _, c := range []struct {
		text string
		want faults.Class
	}{
		{`Error acquiring the state lock: resource temporarily unavailable`, faults.Busy},
		{`Invalid value for variable: ssh_from must hold CIDR blocks such as 203.0.113.0/24 or 2001:db8::/48.`, faults.Invalid},
		{`Invalid value for input variable: The given value is not suitable for var.instances declared at variables.tf:30,1-21: a number is required.`, faults.Invalid},
		{`Unsupported argument: An argument named "sizes" is not expected here. Did you mean "size"?`, faults.Invalid},
		{`Reference to undeclared input variable: An input variable with the name "sizee" has not been declared.`, faults.Invalid},
		{`Reference to undeclared resource: A managed resource "vultr_instance" "x" has not been declared in module.service.`, faults.Invalid},
		{`Resource precondition failed: ssh_host_keys must hold one key for each instance.`, faults.Invalid},
		{`Inconsistent dependency lock file: The following dependency selections recorded in the lock file are inconsistent with the current configuration`, faults.Invalid},
		{`Failed to query available provider packages: Could not retrieve the list of available versions for provider vultr/vultr: could not connect to registry.terraform.io: failed to request discovery document: Get "https://registry.terraform.io/.well-known/terraform.json": dial tcp: lookup registry.terraform.io: no such host`, faults.Transient},
		{`Failed to query available provider packages: Could not retrieve the list of available versions for provider vultr/vultr: no available releases match the given constraints 2.32.0`, faults.Unknown},
		{`Failed to query available provider packages: Could not retrieve the list of available versions for provider vultr/vultr: provider registry.terraform.io/vultr/vultr was not found in any of the search locations`, faults.Unknown},
		{`Error creating droplet: Post "https://api.digitalocean.com/v2/droplets": dial tcp 104.16.181.15:443: connect: connection refused`, faults.Transient},
		{`Get "https://api.vultr.com/v2/ssh-keys": dial tcp: lookup api.vultr.com on 127.0.0.53:53: server misbehaving`, faults.Transient},
		{`Get "https://api.vultr.com/v2/instances": dial tcp 104.16.182.15:443: i/o timeout`, faults.Transient},
		{`Get "https://api.vultr.com/v2/instances": net/http: TLS handshake timeout`, faults.Transient},
		{`Get "https://api.vultr.com/v2/instances": tls: failed to verify certificate: x509: certificate signed by unknown authority`, faults.Transient},
		{`Post "https://api.digitalocean.com/v2/droplets": read tcp 10.0.0.2:41234->104.16.181.15:443: read: connection reset by peer`, faults.Transient},
		{`Post "https://api.digitalocean.com/v2/droplets": EOF`, faults.Transient},
		{`Post "https://api.vultr.com/v2/instances": Bad Gateway`, faults.Transient},
		{`Get "https://api.vultr.com/v2/instances": proxyconnect tcp: dial tcp 127.0.0.1:3128: connect: connection refused`, faults.Transient},
		{`Error waiting for droplet (1004) to become ready: timeout while waiting for state to become 'active' (last state: 'new', timeout: 1h0m0s)`, faults.Timeout},
		{`error while waiting for Server a1b2 to be completed: context deadline exceeded`, faults.Timeout},
		{`Get "https://api.vultr.com/v2/instances": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`, faults.Timeout},
		{`Provider produced inconsistent result after apply`, faults.Unknown},
		{`Plugin did not respond: The plugin encountered an error, and failed to respond to the plugin.(*GRPCProvider).ApplyResourceChange call.`, faults.Unknown},
		{``, faults.Unknown},
	} {
		if got := faults.Common().Classify(c.text); got != c.want {
			t.Errorf("%s\n  is %s, want %s", c.text, got, c.want)
		}
	}
}

// An apply of several instances fails with several messages. The rules'
// order decides, not that of the messages.
func TestClassifyOrder(t *testing.T) {
	table := faults.Table{
		{Class: faults.Quota, Pattern: regexp.MustCompile(`limit`)},
		{Class: faults.Capacity, Pattern: regexp.MustCompile(`stock`)},
	}
	if got := table.Classify("out of stock", "over the limit"); got != faults.Quota {
		t.Errorf("two messages are %s, want the class of the first rule", got)
	}
	if got := table.Classify("other", "out of stock"); got != faults.Capacity {
		t.Errorf("the second message was not looked at: %s", got)
	}
	if got := table.Classify(); got != faults.Unknown {
		t.Errorf("no message is %s", got)
	}
}

// Each rule must be able to be checked by a reader.
func TestSources(t *testing.T) {
	for _, r := range faults.Common() {
		if r.Source == "" {
			t.Errorf("rule %s names no source", r.Pattern)
		}
	}
}

func TestSteps(t *testing.T) {
	for class, want := range map[faults.Class]faults.Step{
		faults.Capacity: faults.NextRegion, faults.Quota: faults.NextRegion,
		faults.Transient: faults.SameAgain,
		faults.Auth:      faults.NextProvider, faults.NotEnabled: faults.NextProvider,
		faults.Timeout: faults.NextProvider, faults.Unknown: faults.NextProvider,
		faults.Invalid: faults.Stop, faults.Busy: faults.Wait,
	} {
		if got := class.Next(); got != want {
			t.Errorf("after %s comes %s, want %s", class, got, want)
		}
		if class.Remedy() == "" && class != faults.Unknown {
			t.Errorf("%s has no remedy", class)
		}
	}
}
