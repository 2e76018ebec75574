package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/strvals"
	"sigs.k8s.io/yaml"
)

// values merges what a configuration gives a chart, in the provider's order:
// values, set, set_list, set_sensitive. Errors name keys, never values.
func (m *model) values(ctx context.Context) (map[string]any, error) {
	out := map[string]any{}
	var documents []string
	if err := diagnosed(m.Values.ElementsAs(ctx, &documents, false)); err != nil {
		return nil, err
	}
	for i, doc := range documents {
		var v map[string]any
		if yaml.Unmarshal([]byte(doc), &v) != nil {
			return nil, fmt.Errorf("values[%d] is no YAML mapping", i)
		}
		out = loader.MergeMaps(out, v)
	}
	var sets, sensitive []setValue
	var lists []setList
	if err := errors.Join(diagnosed(m.Set.ElementsAs(ctx, &sets, false)), diagnosed(m.SetList.ElementsAs(ctx, &lists, false)),
		diagnosed(m.SetSensitive.ElementsAs(ctx, &sensitive, false))); err != nil {
		return nil, err
	}
	for _, s := range sets {
		if err := s.into(out); err != nil {
			return nil, err
		}
	}
	for _, l := range lists {
		if strvals.ParseInto(l.Name.ValueString()+"={"+strings.Join(l.Value, ",")+"}", out) != nil {
			return nil, fmt.Errorf("the list for key %q can not be parsed", l.Name.ValueString())
		}
	}
	for _, s := range sensitive {
		if err := s.into(out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *setValue) into(values map[string]any) error {
	name, pair := s.Name.ValueString(), s.Name.ValueString()+"="+s.Value.ValueString()
	var err error
	switch kind := s.Type.ValueString(); kind {
	case "", "auto":
		err = strvals.ParseInto(pair, values)
	case "string":
		err = strvals.ParseIntoString(pair, values)
	case "literal": // YAML, and the name is no path
		var one map[string]any
		if err = yaml.Unmarshal([]byte(name+": "+s.Value.ValueString()), &one); err == nil {
			values[name] = one[name]
		}
	default:
		return fmt.Errorf("key %q: %q is no type; there are auto, string and literal", name, kind)
	}
	if err != nil {
		return fmt.Errorf("the value for key %q can not be parsed", name)
	}
	return nil
}

// shown is what a release was given, without the sensitive values.
func (m *model) shown(ctx context.Context, given map[string]any) (string, error) {
	if given == nil {
		return "{}", nil
	}
	raw, err := json.Marshal(given) // a copy, which is changed
	if err != nil {
		return "", err
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		return "", err
	}
	var sensitive []setValue
	if err := diagnosed(m.SetSensitive.ElementsAs(ctx, &sensitive, false)); err != nil {
		return "", err
	}
	for _, s := range sensitive {
		cloak(out, strings.Split(s.Name.ValueString(), "."))
	}
	raw, err = json.Marshal(out)
	return string(raw), err
}

func cloak(values map[string]any, path []string) {
	if len(path) == 1 {
		values[path[0]] = "(sensitive value)"
		return
	}
	if inner, ok := values[path[0]].(map[string]any); ok {
		cloak(inner, path[1:])
	}
}
