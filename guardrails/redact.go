package guardrails

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
)

// Hidden stands for a sensitive value.
const Hidden = "(sensitive)"

// Redact returns a plan in JSON with every value hidden that Terraform marks
// as sensitive: in resources, outputs, and the root's variables.
// https://developer.hashicorp.com/terraform/internals/json-format
func Redact(plan []byte) ([]byte, error) {
	doc, err := redacted(plan)
	if err != nil {
		return nil, err
	}
	return json.Marshal(doc)
}

func redacted(plan []byte) (map[string]any, error) {
	dec := json.NewDecoder(bytes.NewReader(plan))
	dec.UseNumber()
	var doc map[string]any
	if err := dec.Decode(&doc); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows after the plan's object")
	}
	if _, ok := doc["resource_changes"].([]any); !ok {
		if _, ok := doc["planned_values"].(map[string]any); !ok {
			return nil, errors.New("it has neither resource_changes nor planned_values")
		}
	}
	hideVariables(doc)
	hideMarked(doc)
	return doc, nil
}

func hideVariables(doc map[string]any) {
	declared := object(object(object(doc["configuration"])["root_module"])["variables"])
	given := object(doc["variables"])
	for name, d := range declared {
		v, ok := given[name].(map[string]any)
		if sensitive, _ := object(d)["sensitive"].(bool); !sensitive || !ok {
			continue
		}
		if _, ok := v["value"]; ok {
			v["value"] = Hidden
		}
	}
}

// hideMarked goes through the plan and applies each mark beside its value.
func hideMarked(v any) {
	switch v := v.(type) {
	case map[string]any:
		for value, mark := range map[string]string{"values": "sensitive_values", "before": "before_sensitive", "after": "after_sensitive"} {
			if m, ok := v[mark]; ok && v[value] != nil {
				v[value] = hide(v[value], m)
			}
		}
		if s, _ := v["sensitive"].(bool); s && v["value"] != nil {
			v["value"] = Hidden
		}
		for _, child := range v {
			hideMarked(child)
		}
	case []any:
		for _, child := range v {
			hideMarked(child)
		}
	}
}

// hide replaces what mark marks: true for a whole value, or the same shape
// with marks inside.
func hide(value, mark any) any {
	switch mark := mark.(type) {
	case bool:
		if mark && value != nil {
			return Hidden
		}
	case map[string]any:
		if v, ok := value.(map[string]any); ok {
			for k, m := range mark {
				if old, ok := v[k]; ok {
					v[k] = hide(old, m)
				}
			}
		}
	case []any:
		if v, ok := value.([]any); ok && slices.ContainsFunc(mark, func(m any) bool { return m != nil }) {
			for i := range min(len(v), len(mark)) {
				v[i] = hide(v[i], mark[i])
			}
		}
	}
	return value
}

func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}
