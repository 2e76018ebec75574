package policies

// Guardrails are the rules that a plan must pass before it is applied, beside
// those that are built in.
type Guardrails struct {
	// Rego are the user's rules. Load reads them, so that another process
	// needs no files.
	Rego []RegoFile `json:"rego,omitempty"`
	// RegoVersion is the language of Rego: "v1", which empty is too, or "v0".
	RegoVersion string `json:"rego_version,omitempty"`
	// WarnAsDeny makes every warning a denial.
	WarnAsDeny bool `json:"warn_as_deny,omitempty"`
}

// RegoFile is one file of rules.
type RegoFile struct {
	// Name is the file's path as the policy file names it.
	Name   string `json:"name"`
	Source string `json:"source"`
}
