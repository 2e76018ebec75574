// Package faults says what a failed attempt means: classes, their next step,
// and the tables by which a provider's words are put into a class.
package faults

import "regexp"

// Class is what a failure means for what to do next.
type Class string

// The classes of DESIGN section 4. Unknown stays unknown: it is handled like
// Timeout, never guessed into something milder.
const (
	Capacity   Class = "capacity"
	Quota      Class = "quota"
	Transient  Class = "transient"
	Auth       Class = "auth"
	NotEnabled Class = "not-enabled"
	Invalid    Class = "invalid"
	Busy       Class = "busy"
	Timeout    Class = "timeout"
	Unknown    Class = "unknown"
)

// Step is what the deployer does after a failed attempt was cleaned up.
type Step string

// The steps a class can lead to.
const (
	NextRegion   Step = "next-region"   // same provider, another region; then NextProvider
	NextProvider Step = "next-provider" // skip the rest of this provider
	SameAgain    Step = "same-again"    // same candidate after a pause, bounded
	Stop         Step = "stop"          // falling back would only repeat it
	Wait         Step = "wait"          // somebody else holds the lock
)

// Next is the step that follows a failure of this class.
func (c Class) Next() Step {
	switch c {
	case Capacity, Quota:
		return NextRegion
	case Transient:
		return SameAgain
	case Invalid:
		return Stop
	case Busy:
		return Wait
	default:
		return NextProvider
	}
}

// Remedy tells a person how to mend a failure of this class, or is empty.
func (c Class) Remedy() string {
	switch c {
	case Capacity:
		return "the provider has no room for this type there now; allow more regions or providers in the policy, or try later"
	case Quota:
		return "ask the provider to raise the account's limit, or free what counts against it"
	case Transient:
		return "try again later; check this machine's network and proxy. When Terraform could not reach its provider registry, point SKYSAIL_PROVIDER_MIRROR at a folder that holds the providers"
	case Auth:
		return "check the provider's credentials in this environment"
	case NotEnabled:
		return "enable the provider's API or product for this account"
	case Invalid:
		return "mend the service or policy file; another provider would refuse it as well"
	case Busy:
		return "wait for the other skysail process, or see who holds the lock with `skysail status`"
	case Timeout:
		return "raise failover.attempt_timeout in the policy, or try later"
	default:
		return ""
	}
}

// Rule maps words that a provider prints to a class.
type Rule struct {
	Class   Class
	Pattern *regexp.Regexp
	// Source says where these words were seen: a file of the provider's
	// source, its documentation, or an issue.
	Source string
}

// Table is an ordered list of rules; the first that matches decides.
type Table []Rule

// Classify returns the class of the first rule that matches any of the
// messages, trying rules in the table's order, and Unknown when none does.
func (t Table) Classify(messages ...string) Class {
	for _, rule := range t {
		for _, m := range messages {
			if rule.Pattern.MatchString(m) {
				return rule.Class
			}
		}
	}
	return Unknown
}
