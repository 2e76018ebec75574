package deploy

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"skysail/policies"
	"skysail/spec"
)

// FieldChange is a field of a service or a policy that has another value in
// another revision.
type FieldChange struct {
	// Field is its path, such as service.ports.http.number.
	Field string `json:"field"`
	// Before and After are its values as JSON or as text, empty when it is not
	// set. Of secrets there are names only.
	Before string `json:"before"`
	After  string `json:"after"`
}

func (c FieldChange) String() string {
	show := func(s string) string {
		if s == "" {
			return "(none)"
		}
		return s
	}
	return c.Field + ": " + show(c.Before) + " -> " + show(c.After)
}

// changedFields is how one service and policy differ from others, sorted by
// field.
func changedFields(s1, s2 *spec.Service, p1, p2 *policies.Policy) []FieldChange {
	before, after := fieldsOf(s1, p1), fieldsOf(s2, p2)
	out := []FieldChange{}
	for f, b := range before {
		if a := after[f]; a != b {
			out = append(out, FieldChange{Field: f, Before: b, After: a})
		}
	}
	for f, a := range after {
		if _, ok := before[f]; !ok {
			out = append(out, FieldChange{Field: f, After: a})
		}
	}
	slices.SortFunc(out, func(a, b FieldChange) int { return strings.Compare(a.Field, b.Field) })
	return out
}

func fieldsOf(s *spec.Service, p *policies.Policy) map[string]string {
	out := map[string]string{}
	for name, v := range map[string]any{"service": s, "policy": p} {
		raw, err := json.Marshal(v)
		var tree any
		if err == nil {
			err = json.Unmarshal(raw, &tree)
		}
		if err != nil {
			out[name] = err.Error() // a field with that as its value: both models are plain data
			continue
		}
		flatten(out, name, tree)
	}
	return out
}

// flatten writes the leaves of a JSON value by path. Lists of things with
// names go by these, other lists are leaves.
func flatten(out map[string]string, path string, v any) {
	switch v := v.(type) {
	case nil:
	case map[string]any:
		for k, x := range v {
			flatten(out, path+"."+k, x)
		}
	case []any:
		if len(v) > 0 && !flattenNamed(out, path, v) {
			out[path] = leaf(path, v)
		}
	default:
		out[path] = leaf(path, v)
	}
}

func flattenNamed(out map[string]string, path string, list []any) bool {
	names := make([]string, len(list))
	for i, x := range list {
		m, _ := x.(map[string]any)
		if names[i], _ = m["name"].(string); names[i] == "" {
			return false
		}
	}
	for i, x := range list {
		m, _ := x.(map[string]any)
		delete(m, "name")
		flatten(out, path+"."+names[i], m)
	}
	return true
}

// durationFrom is the least number of a policy that is a time in nanoseconds:
// neither dollars nor sizes nor counts come near it.
const durationFrom = float64(time.Second)

func leaf(path string, v any) string {
	switch v := v.(type) {
	case string:
		if u, err := url.Parse(v); err == nil && u.User != nil {
			return u.Redacted()
		}
		return v
	case float64:
		if (strings.HasPrefix(path, "policy.") || strings.HasPrefix(path, "service.objectives.")) && v >= durationFrom {
			return time.Duration(v).String()
		}
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}
