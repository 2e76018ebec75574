// Package guardrails decides by rules in Rego whether a plan may be applied.
// It is pure: the same input gives the same verdict, and neither network nor
// environment nor files are in reach of a rule.
//
// One call does it all:
//
//	v, err := guardrails.Evaluate(ctx, guardrails.Input{
//		Plan:  planJSON,               // terraform show -json of the saved plan
//		Facts: facts,                  // what rules see as data.skysail
//		Rules: policy.Guardrails,      // the user's rules
//	})
//	v.Denied(), v.DenyTexts(), v.WarnTexts()
//
// Whoever evaluates many plans compiles once: Compile, then Rules.Evaluate.
//
// The built-in rules (builtin/*.rego, package builtin) always hold. A user's
// rules are read as conftest reads them: package main; deny, violation and
// warn, also with a suffix (deny_ports); strings, or objects with msg; rules
// named by exception are left out.
// https://github.com/open-policy-agent/conftest/blob/master/policy/engine.go
package guardrails
