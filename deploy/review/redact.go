package review

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"skysail/internal/tfplan"
)

// What stands in plan.json in place of a value.
const (
	Sensitive = tfplan.Sensitive
	Fresh     = "(new with each plan)"
)

// Redact returns a plan as `terraform show -json` prints it, fit to be read by
// anybody: that command prints sensitive values in clear. Each value that is
// marked sensitive, and wherever it stands each text that holds one of secrets,
// becomes Sensitive; a text that is one of fresh becomes Fresh. The plan's time
// is left out, so that the same input gives the same bytes.
func Redact(plan *tfjson.Plan, secrets, fresh []string) ([]byte, error) {
	raw, err := json.Marshal(plan)
	if err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var p map[string]any
	if err := dec.Decode(&p); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	delete(p, "timestamp")
	sortArray(p, "relevant_attributes") // Terraform has them in any order
	tfplan.Hide(p)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(scrub(p, lines(texts(secrets)), texts(fresh))); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	return b.Bytes(), nil
}

// scrub replaces texts wherever they stand: a value that a provider copied
// into an attribute of its own has lost its mark.
func scrub(v any, secrets, fresh []string) any {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			v[k] = scrub(inner, secrets, fresh)
		}
	case []any:
		for i, inner := range v {
			v[i] = scrub(inner, secrets, fresh)
		}
	case string:
		for _, s := range secrets {
			if strings.Contains(v, s) {
				return Sensitive
			}
		}
		for _, s := range fresh {
			if strings.TrimSpace(v) == s {
				return Fresh
			}
		}
	}
	return v
}

// texts are those that are long enough to mean something.
func texts(list []string) []string {
	var out []string
	for _, s := range list {
		if s = strings.TrimSpace(s); len(s) >= 8 {
			out = append(out, s)
		}
	}
	return out
}

// lines adds the lines of each secret: a key is indented where it stands in a
// boot configuration.
func lines(secrets []string) []string {
	out := secrets
	for _, s := range secrets {
		for line := range strings.Lines(s) {
			if line = strings.TrimSpace(line); len(line) >= 32 && !strings.HasPrefix(line, "-----") {
				out = append(out, line)
			}
		}
	}
	return out
}

func sortArray(m map[string]any, key string) {
	list := array(m[key])
	text := func(v any) string { b, _ := json.Marshal(v); return string(b) } // it was JSON
	slices.SortFunc(list, func(a, b any) int { return strings.Compare(text(a), text(b)) })
}

func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

func array(v any) []any {
	a, _ := v.([]any)
	return a
}
