package review

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"
)

// What stands in plan.json in place of a value.
const (
	Sensitive = "(sensitive)"
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
	redactConfig(p)
	redactValues(object(p["planned_values"]))
	redactValues(object(object(p["prior_state"])["values"]))
	for _, key := range []string{"resource_changes", "resource_drift", "deferred_changes"} {
		for _, rc := range array(p[key]) {
			rc := object(rc)
			redactChange(object(rc["change"]))
			// A deferred change holds a change of a resource.
			redactChange(object(object(rc["resource_change"])["change"]))
		}
	}
	for _, c := range object(p["output_changes"]) {
		redactChange(object(c))
	}
	for _, a := range array(p["action_invocations"]) {
		mask(object(a), "config_values", "config_sensitive")
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(scrub(p, lines(texts(secrets)), texts(fresh))); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	return b.Bytes(), nil
}

// redactConfig hides the values and the defaults of sensitive variables.
func redactConfig(p map[string]any) {
	root := object(object(p["configuration"])["root_module"])
	variables := object(p["variables"])
	for name, v := range object(root["variables"]) {
		if object(v)["sensitive"] == true {
			hide(object(variables[name]), "value")
		}
	}
	redactModule(root)
}

func redactModule(module map[string]any) {
	for _, v := range object(module["variables"]) {
		if v := object(v); v["sensitive"] == true {
			hide(v, "default")
		}
	}
	for _, call := range object(module["module_calls"]) {
		redactModule(object(object(call)["module"]))
	}
}

func redactValues(values map[string]any) {
	for _, o := range object(values["outputs"]) {
		if o := object(o); o["sensitive"] == true {
			hide(o, "value")
		}
	}
	redactResources(object(values["root_module"]))
}

func redactResources(module map[string]any) {
	for _, r := range array(module["resources"]) {
		mask(object(r), "values", "sensitive_values")
	}
	for _, child := range array(module["child_modules"]) {
		redactResources(object(child))
	}
}

func redactChange(c map[string]any) {
	mask(c, "before", "before_sensitive")
	mask(c, "after", "after_sensitive")
}

func hide(m map[string]any, key string) {
	if v, ok := m[key]; ok && v != nil {
		m[key] = Sensitive
	}
}

func mask(m map[string]any, value, marks string) {
	if v, ok := m[value]; ok {
		m[value] = masked(v, m[marks])
	}
}

// masked is v with Sensitive wherever marks, which has v's shape, is true.
func masked(v, marks any) any {
	switch marks := marks.(type) {
	case bool:
		if marks && v != nil {
			return Sensitive
		}
	case map[string]any:
		if o, ok := v.(map[string]any); ok {
			for key, sub := range marks {
				if inner, ok := o[key]; ok {
					o[key] = masked(inner, sub)
				}
			}
		}
	case []any:
		if a, ok := v.([]any); ok {
			for i := range min(len(a), len(marks)) {
				a[i] = masked(a[i], marks[i])
			}
		}
	}
	return v
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
