package kubernetes

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	quantities "k8s.io/apimachinery/pkg/api/resource"
)

// differ adds the fields in which what there is does not hold what is wanted.
func differ(out []DriftedField, path string, want, have any) []DriftedField {
	switch w := want.(type) {
	case nil:
		return out
	case map[string]any:
		h, _ := have.(map[string]any)
		for _, k := range slices.Sorted(maps.Keys(w)) {
			out = differ(out, path+"."+k, w[k], h[k])
		}
		return out
	case []any:
		return differList(out, path, w, have)
	}
	if same(path, want, have) {
		return out
	}
	return append(out, DriftedField{Path: path, Want: fmt.Sprint(want), Have: shown(have)})
}

// differList compares lists of things with names by these, others by place.
func differList(out []DriftedField, path string, want []any, have any) []DriftedField {
	h, _ := have.([]any)
	if len(want) == 0 && len(h) == 0 {
		return out
	}
	if nameOf(want) == nil {
		if len(want) != len(h) {
			return append(out, DriftedField{Path: path, Want: fmt.Sprintf("%d entries", len(want)), Have: fmt.Sprintf("%d entries", len(h))})
		}
		for i := range want {
			out = differ(out, fmt.Sprintf("%s[%d]", path, i), want[i], h[i])
		}
		return out
	}
	there := nameOf(h)
	for name, w := range nameOf(want) {
		at := path + "[" + name + "]"
		if there[name] == nil {
			out = append(out, DriftedField{Path: at, Want: "there", Have: "missing"})
			continue
		}
		out = differ(out, at, w, there[name])
		delete(there, name)
	}
	for _, name := range slices.Sorted(maps.Keys(there)) {
		out = append(out, DriftedField{Path: path + "[" + name + "]", Want: "not there", Have: "added"})
	}
	slices.SortFunc(out, func(a, b DriftedField) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// nameOf are a list's things by their names, nil where one has none.
func nameOf(list []any) map[string]any {
	out := map[string]any{}
	for _, x := range list {
		m, _ := x.(map[string]any)
		name := text(m["name"])
		if name == "" || out[name] != nil {
			return nil
		}
		out[name] = x
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// same compares two plain values. Zero and empty are as good as not there, and
// quantities are written in many ways.
func same(path string, want, have any) bool {
	w, h := fmt.Sprint(want), shown(have)
	if w == h {
		return true
	}
	if have == nil && (w == "" || w == "0" || w == "false") {
		return true
	}
	if !strings.Contains(path, ".resources.") && !strings.Contains(path, "sizeLimit") {
		return false
	}
	x, err := quantities.ParseQuantity(w)
	if err != nil {
		return false
	}
	y, err := quantities.ParseQuantity(h)
	return err == nil && x.Cmp(y) == 0
}

func shown(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}
