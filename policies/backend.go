package policies

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"skysail/internal/hclfile"
	"skysail/internal/lazyregexp"
)

// Backend says where Terraform keeps the state of remote deployments. A policy
// without one keeps it on this machine.
type Backend struct {
	// Type is one of BackendTypes.
	Type string `json:"type"`
	// Config holds the backend's arguments as encoding/json decodes them. There
	// are no credentials among them: Terraform takes those from Variables.
	Config map[string]any `json:"config,omitempty"`
}

// Variables are what Terraform's backend of this type reads from the
// environment, credentials among it.
func (b *Backend) Variables() []string { return slices.Clone(backends[b.Type].variables) }

// Text is an argument that is a string, else "".
func (b *Backend) Text(name string) string {
	s, _ := b.Config[name].(string)
	return s
}

// BackendTypes lists the types of backend that a policy may name.
func BackendTypes() []string { return []string{"azurerm", "gcs", "http", "kubernetes", "pg", "s3"} }

// argumentName is what Terraform takes for the name of an argument.
var argumentName = lazyregexp.New(`^[a-z][a-z0-9_]{0,63}$`)

func (b *Backend) mistakes() []hclfile.Mistake {
	if b == nil {
		return nil
	}
	kind, known := backends[b.Type]
	if !known {
		return []hclfile.Mistake{{
			Path:    "backend#label",
			Summary: "Unknown backend",
			Detail:  "{value} is no backend that a policy can name.",
			Value:   b.Type,
			Hint:    hclfile.DidYouMean(b.Type, BackendTypes()),
		}}
	}
	var out []hclfile.Mistake
	for _, name := range kind.required {
		if s, ok := b.Config[name].(string); !ok || s == "" {
			out = append(out, hclfile.Mistake{
				Path:    "backend." + name,
				Summary: "Missing " + name,
				Detail:  fmt.Sprintf("A backend %q needs the argument %s, a string.", b.Type, name),
				Hint:    kind.hints[name],
			})
		}
	}
	if _, wrong := b.Config[kind.base]; wrong && b.Text(kind.base) == "" && !slices.Contains(kind.required, kind.base) {
		out = append(out, hclfile.Mistake{
			Path:    "backend." + kind.base,
			Summary: "Invalid " + kind.base,
			Detail:  "The states' names are made of it, so it must be a string and have something in it.",
			Hint:    `leave it out for "skysail"`,
		})
	}
	for _, name := range slices.Sorted(maps.Keys(b.Config)) {
		if !argumentName.MatchString(name) {
			out = append(out, hclfile.Mistake{
				Path:    "backend." + name,
				Summary: "Invalid argument name",
				Detail:  "{value} is no name of a Terraform argument.",
				Value:   name,
			})
			continue
		}
		out = append(out, b.credentialMistakes(kind, name, b.Config[name])...)
	}
	return out
}

// credentialMistakes finds what must not be written down in an argument, and
// in what is inside it.
func (b *Backend) credentialMistakes(kind backendKind, path string, v any) []hclfile.Mistake {
	if c, is := kind.credentials[path]; is {
		if s, text := v.(string); text && c.harmless != nil && c.harmless(s) {
			return nil
		}
		return []hclfile.Mistake{b.credential(path, c.variables)}
	}
	switch v := v.(type) {
	case string:
		if urlHasCredential(v) {
			return []hclfile.Mistake{b.credential(path, kind.urlVariables)}
		}
	case map[string]any:
		var out []hclfile.Mistake
		for _, k := range slices.Sorted(maps.Keys(v)) {
			out = append(out, b.credentialMistakes(kind, path+"."+k, v[k])...)
		}
		return out
	case []any:
		for _, e := range v {
			if m := b.credentialMistakes(kind, path, e); len(m) > 0 {
				return m
			}
		}
	}
	return nil
}

func (b *Backend) credential(path string, variables []string) hclfile.Mistake {
	m := hclfile.Mistake{
		Path:         "backend." + path,
		Summary:      "Credential in the policy",
		Detail:       fmt.Sprintf("%s of backend %q holds a credential, which would be written into every bundle.", path, b.Type),
		Hint:         "leave it out of the file",
		Confidential: true,
	}
	if len(variables) > 0 {
		m.Hint = fmt.Sprintf("leave it out and set %s in the environment, where Terraform reads it", hclfile.Join(variables, "or"))
	}
	return m
}

func decodeBackend(b *hclfile.Body, p *Policy) {
	if b == nil {
		return
	}
	p.Backend = &Backend{Type: b.Label, Config: map[string]any{}}
	for _, name := range b.Names() {
		if v, ok := b.Value(name); ok {
			p.Backend.Config[name] = v
		}
	}
}

// secretParameter is what the names of query parameters with a credential have
// in them.
var secretParameter = lazyregexp.New(`(?i)(token|passw|secret|signature|api_?key|access_?key|^sig$)`)

// connSetting finds the settings of a libpq connection string that are
// credentials: https://www.postgresql.org/docs/current/libpq-connect.html
var connSetting = lazyregexp.New(`(?i)(?:^|\s)(?:password|sslpassword)\s*=`)

// passwordless says that a connection string of PostgreSQL, in either form,
// has no password in it.
func passwordless(s string) bool {
	if strings.Contains(s, "://") {
		return !urlHasCredential(s)
	}
	return !connSetting.MatchString(s)
}
