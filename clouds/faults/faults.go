// Package faults says what a failed attempt means: classes, their next step,
// and the tables by which a provider's words are put into a class.
package faults

import (
	"regexp"
	"strings"
)

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
	// Service is the user's own program, which ends or does not get healthy
	// wherever it runs.
	Service Class = "service"
	Busy    Class = "busy"
	Timeout Class = "timeout"
	Unknown Class = "unknown"
)

// Classes lists the classes.
func Classes() []Class {
	return []Class{Capacity, Quota, Transient, Auth, NotEnabled, Invalid, Service, Busy, Timeout, Unknown}
}

// Step is what the deployer does after a failed attempt was cleaned up.
type Step string

// The steps a class can lead to.
const (
	NextZone     Step = "next-zone"     // same candidate in another zone; then NextRegion
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
	case Invalid, Service:
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
	case Service:
		return "mend the service: it ends, or does not answer its health check, and would do so elsewhere as well; its last log lines say more"
	case Busy:
		return "wait for the other skysail process, or see who holds the lock with `skysail status`"
	case Timeout:
		return "raise failover.attempt_timeout in the policy, or try later"
	default:
		return ""
	}
}

// Scope is how far a fault reaches: what shares it is not worth trying.
type Scope string

// The scopes, from the narrowest.
const (
	ScopeZone       Scope = "zone"       // this type in this zone
	ScopeRegion     Scope = "region"     // this region of the provider
	ScopeProvider   Scope = "provider"   // the account at this provider
	ScopeEverywhere Scope = "everywhere" // the request itself, or this machine
)

// Scopes lists the scopes, from the narrowest.
func Scopes() []Scope { return []Scope{ScopeZone, ScopeRegion, ScopeProvider, ScopeEverywhere} }

// Scope is how far a fault of this class reaches unless its rule says
// otherwise.
func (c Class) Scope() Scope {
	switch c {
	case Capacity:
		return ScopeZone
	case Quota, Timeout:
		return ScopeRegion
	case Invalid, Service, Busy:
		return ScopeEverywhere
	default:
		return ScopeProvider
	}
}

// Verdict is what a table says of a failure.
type Verdict struct {
	Class Class
	Scope Scope
	// Message is the one that decided; all of them where none did. It went
	// through Clean.
	Message string
	// Source says where the rule's words are from, "" where none matched.
	Source string
}

// Rule maps words that a provider prints to a class.
type Rule struct {
	Class   Class
	Pattern *regexp.Regexp
	// Scope is empty for that of the class.
	Scope Scope
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

// Judge is Classify with the scope, the message that decided and the rule's
// source. What follows from a fault, such as an output without its instance,
// is not its cause.
func (t Table) Judge(messages ...string) Verdict {
	for _, rule := range t {
		for _, m := range messages {
			if !rule.Pattern.MatchString(m) {
				continue
			}
			scope := rule.Scope
			if scope == "" {
				scope = rule.Class.Scope()
			}
			return Verdict{Class: rule.Class, Scope: scope, Message: Clean(m), Source: rule.Source}
		}
	}
	return Verdict{Class: Unknown, Scope: Unknown.Scope(), Message: Clean(strings.Join(messages, "; "))}
}
