// Package tfplan keeps secrets out of Terraform's plans in JSON, which have
// sensitive values in clear beside marks that say so.
package tfplan

// Sensitive stands in place of a sensitive value.
const Sensitive = "(sensitive)"

// marks are the keys that mark the values of another key beside them
// (https://developer.hashicorp.com/terraform/internals/json-format).
var marks = map[string]string{
	"values":        "sensitive_values",
	"before":        "before_sensitive",
	"after":         "after_sensitive",
	"config_values": "config_sensitive",
}

// Hide replaces every value that a plan marks as sensitive: of resources and
// outputs, wherever they stand, and values and defaults of variables. The plan
// is what encoding/json makes of the document, and is changed.
func Hide(plan map[string]any) {
	given := object(plan["variables"])
	for name, declared := range object(object(object(plan["configuration"])["root_module"])["variables"]) {
		if object(declared)["sensitive"] == true {
			blank(object(given[name]), "value")
		}
	}
	walk(plan)
}

func walk(v any) {
	switch v := v.(type) {
	case map[string]any:
		for value, mark := range marks {
			if m, ok := v[mark]; ok && v[value] != nil {
				v[value] = hidden(v[value], m)
			}
		}
		if v["sensitive"] == true { // an output, or a variable's declaration
			blank(v, "value")
			blank(v, "default")
		}
		for _, child := range v {
			walk(child)
		}
	case []any:
		for _, child := range v {
			walk(child)
		}
	}
}

func blank(m map[string]any, key string) {
	if m[key] != nil {
		m[key] = Sensitive
	}
}

// hidden is v with Sensitive wherever mark, which has v's shape, is true.
func hidden(v, mark any) any {
	switch mark := mark.(type) {
	case bool:
		if mark && v != nil {
			return Sensitive
		}
	case map[string]any:
		if o, ok := v.(map[string]any); ok {
			for key, sub := range mark {
				if inner, ok := o[key]; ok {
					o[key] = hidden(inner, sub)
				}
			}
		}
	case []any:
		if a, ok := v.([]any); ok {
			for i := range min(len(a), len(mark)) {
				a[i] = hidden(a[i], mark[i])
			}
		}
	}
	return v
}

func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}
