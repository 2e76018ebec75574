package faults

import (
	"regexp"
	"sync"
)

// Common are the words that come from Terraform itself and from the network,
// whatever the provider. It goes after a provider's own rules.
func Common() Table { return common() }

// Sources of the common rules.
const (
	srcLock      = "terraform internal/command/clistate/state.go"
	srcInit      = "terraform internal/command/init.go; https://developer.hashicorp.com/terraform/cli/commands/init"
	srcConfig    = "terraform internal/terraform/evaluate.go and hcl/v2 hclsyntax: diagnostics of configuration errors"
	srcVariable  = "terraform internal/terraform/eval_variable.go"
	srcCondition = "terraform internal/terraform/eval_conditions.go"
	srcNet       = "Go net, net/http and crypto/tls error texts"
	srcProxy     = "Go net/http transport.go: an answer to CONNECT other than 200 becomes the error's text"
	srcWait      = "terraform-plugin-sdk helper/retry/error.go and state.go"
)

var common = sync.OnceValue(func() Table {
	return Table{
		NewRule(Busy, `Error acquiring the state lock`, srcLock),

		NewRule(Invalid, `Invalid value for (?:input )?variable|No value for required variable|Value for undeclared variable`, srcVariable),
		NewRule(Invalid, `Unsupported argument|Unsupported block type|Unsupported attribute|Missing required argument|Missing required block|Insufficient \S+ blocks|Too many \S+ blocks|Reference to undeclared|Invalid reference|Invalid function argument|Error in function call|Call to unknown function|Incorrect attribute value type|Inappropriate value for attribute|Invalid expression|Invalid template interpolation value|Invalid for_each argument|Invalid count argument|Argument or block definition required|Module not installed|Unreadable module directory`, srcConfig),
		NewRule(Invalid, `Resource precondition failed|Module output value precondition failed`, srcCondition),
		NewRule(Invalid, `Inconsistent dependency lock file|Unsupported Terraform Core version`, srcInit),

		// A registry that answers and does not have the provider will not have
		// it in a minute. What that means is not known here.
		NewRule(Unknown, `no available releases match the given constraints|does not have a provider named|was not found in any of the search locations|the previously-selected version \S+ is no longer available|doesn't match any of the checksums`, srcInit),
		// Nothing can be installed while the registry cannot be reached.
		NewRule(Transient, `Failed to query available provider packages|Could not retrieve the list of available versions|Failed to install provider|could not connect to \S+: `, srcInit),

		NewRule(Timeout, `context deadline exceeded|timeout while waiting for state|Client\.Timeout exceeded`, srcWait),

		NewRule(Transient, `connection refused|connection reset by peer|broken pipe|no such host|server misbehaving|Temporary failure in name resolution|network is unreachable|no route to host|i/o timeout|operation timed out|timeout awaiting response headers|server closed idle connection|http2: (?:server sent GOAWAY|client connection lost)|(?:^|[\s:])(?:unexpected )?EOF\s*$`, srcNet),
		NewRule(Transient, `TLS handshake timeout|remote error: tls:|tls: |x509: `, srcNet),
		NewRule(Transient, `proxyconnect tcp|": (?:Bad Gateway|Service Unavailable|Gateway Timeout)\b|\b50[234] (?:Bad Gateway|Service (?:Temporarily )?Unavailable|Gateway Time-?out)`, srcProxy),
	}
})

// NewRule makes a rule of a pattern, in which case does not matter and . is
// also a line's end.
func NewRule(c Class, pattern, source string) Rule {
	return Rule{Class: c, Pattern: regexp.MustCompile(`(?is)` + pattern), Source: source}
}
