package guardrails

import (
	"cmp"
	"slices"
)

// Verdict is what the rules say of one plan, sorted by rule, address and
// message; the same plan has the same verdict.
type Verdict struct {
	Deny []Result `json:"deny"`
	Warn []Result `json:"warn"`
	// Exceptions are the rules that an exception rule of the user left out.
	Exceptions []string `json:"exceptions,omitempty"`
	// Printed is what rules gave to print(), each with its place.
	Printed []string `json:"printed,omitempty"`
}

// Result is one thing that a rule found.
type Result struct {
	Rule    string `json:"rule"` // deny, warn_price, …
	Message string `json:"msg"`
	// Address is the resource's, when the rule gave one as "address".
	Address string `json:"address,omitempty"`
	// Source is the file that has the rule; "builtin/…" for one of our own.
	// Several when a user's rule is spread over them.
	Source string `json:"source"`
	// Metadata is what else was in the rule's object.
	Metadata map[string]any `json:"metadata,omitempty"`
}

// Denied says that the plan must not be applied.
func (v Verdict) Denied() bool { return len(v.Deny) > 0 }

// DenyTexts are the denials, a line each.
func (v Verdict) DenyTexts() []string { return texts(v.Deny) }

// WarnTexts are the warnings, a line each.
func (v Verdict) WarnTexts() []string { return texts(v.Warn) }

func texts(rs []Result) []string {
	out := make([]string, 0, len(rs))
	for _, r := range rs {
		out = append(out, r.String())
	}
	return out
}

// String is the result on a line: message, resource, rule and file.
func (r Result) String() string {
	text := r.Message
	if r.Address != "" {
		text += " [" + r.Address + "]"
	}
	return text + " (" + r.Rule + ", " + r.Source + ")"
}

func order(a, b Result) int {
	return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Address, b.Address),
		cmp.Compare(a.Message, b.Message), cmp.Compare(a.Source, b.Source))
}

func (v *Verdict) sort() {
	slices.SortStableFunc(v.Deny, order)
	slices.SortStableFunc(v.Warn, order)
	slices.Sort(v.Exceptions)
}
