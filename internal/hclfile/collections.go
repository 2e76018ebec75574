package hclfile

import (
	"fmt"
	"sort"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// Strings decodes a list of strings. Numbers and booleans in it become
// strings, as in a command line.
func (b *Body) Strings(name string, into *[]string) {
	a, ok := b.attrs[name]
	if !ok {
		return
	}
	path := b.path(name)
	b.file.places[path] = a.Expr.Range()
	// A list that is written out has a place for each element; one that is
	// computed has only its own.
	if items, diags := hcl.ExprList(a.Expr); !diags.HasErrors() && items != nil {
		out := make([]string, 0, len(items))
		for i, item := range items {
			at := fmt.Sprintf("%s[%d]", path, i)
			b.file.places[at] = item.Range()
			r, ok := b.file.evaluate(item)
			if !ok {
				b.file.broken[at] = true
				out = append(out, "")
				continue
			}
			s, ok := b.file.toText(r, at, item.Range())
			if !ok {
				b.file.broken[at] = true
			}
			out = append(out, s)
		}
		*into = out
		return
	}
	r, ok := b.file.evaluate(a.Expr)
	if !ok {
		b.file.broken[path] = true
		return
	}
	if r.value.IsNull() {
		delete(b.attrs, name)
		return
	}
	if t := r.value.Type(); !t.IsTupleType() && !t.IsListType() && !t.IsSetType() {
		b.wrongType(name, r.value, "a list of strings", fmt.Sprintf(`write it as %s = ["…"]`, name))
		return
	}
	var out []string
	for it := r.value.ElementIterator(); it.Next(); {
		_, v := it.Element()
		at := fmt.Sprintf("%s[%d]", path, len(out))
		b.file.places[at] = a.Expr.Range()
		s, ok := b.file.toText(result{v, r.private}, at, a.Expr.Range())
		if !ok {
			b.file.broken[at] = true
		}
		out = append(out, s)
	}
	*into = out
}

// Map decodes a map from names to strings. The place of a name is path[name]#name,
// that of its value path[name].
func (b *Body) Map(name string, into *map[string]string) {
	a, ok := b.attrs[name]
	if !ok {
		return
	}
	path := b.path(name)
	out := map[string]string{}
	set := func(key string, keyAt, valueAt hcl.Range, r result) {
		at := fmt.Sprintf("%s[%s]", path, key)
		if _, twice := out[key]; twice {
			b.file.fail(&keyAt, "Name given twice", fmt.Sprintf("%s stands in %s already.", Quote(key), name), "keep one of the two")
			return
		}
		b.file.places[at+"#name"] = keyAt
		b.file.places[at] = valueAt
		s, ok := b.file.toText(r, at, valueAt)
		if !ok {
			b.file.broken[at] = true
		}
		out[key] = s
	}
	if pairs, diags := hcl.ExprMap(a.Expr); !diags.HasErrors() && pairs != nil {
		for _, pair := range pairs {
			key, private, keyOK := b.file.key(pair.Key)
			r, ok := b.file.evaluate(pair.Value)
			if !keyOK {
				continue
			}
			if !ok {
				// The name still counts, so that it is checked too.
				r = result{value: cty.StringVal("")}
				b.file.broken[fmt.Sprintf("%s[%s]", path, key)] = true
			}
			b.file.private[fmt.Sprintf("%s[%s]#name", path, key)] = private
			set(key, pair.Key.Range(), pair.Value.Range(), r)
		}
		*into = out
		return
	}
	r, ok := b.file.evaluate(a.Expr)
	if !ok {
		b.file.broken[path] = true
		return
	}
	if r.value.IsNull() {
		delete(b.attrs, name)
		return
	}
	if t := r.value.Type(); !t.IsObjectType() && !t.IsMapType() {
		b.wrongType(name, r.value, "a map of strings", fmt.Sprintf(`write it as %s = { NAME = "value" }`, name))
		return
	}
	for it := r.value.ElementIterator(); it.Next(); {
		k, v := it.Element()
		set(k.AsString(), a.Expr.Range(), a.Expr.Range(), result{v, r.private})
	}
	*into = out
}

// key computes the name of a map's element; in JSON it is taken as it stands.
func (f *File) key(expr hcl.Expression) (name string, private, ok bool) {
	r := result{}
	if f.isJSON {
		r.value, _ = expr.Value(nil)
	} else if r, ok = f.evaluate(expr); !ok {
		return "", false, false
	}
	if r.value.IsNull() || r.value.Type() != cty.String {
		f.fail(expr.Range().Ptr(), "Invalid name", "The name of an element must be a string.", "")
		return "", false, false
	}
	return r.value.AsString(), r.private, true
}

// toText is the value of an element as a text.
func (f *File) toText(r result, path string, at hcl.Range) (string, bool) {
	if r.private {
		f.private[path] = true
	}
	v := r.value
	switch {
	case v.IsNull():
		f.fail(&at, "Wrong type", "A string is needed here, not null.", "leave the element out, or write \"\"")
	case v.Type() == cty.String:
		return v.AsString(), true
	case v.Type() == cty.Number && !bounded(v):
		f.fail(&at, "Number out of range", "The number is far too large or small.", "put it in quotes")
	case v.Type() == cty.Number, v.Type() == cty.Bool:
		s, err := convert.Convert(v, cty.String)
		if err == nil {
			return s.AsString(), true
		}
		f.fail(&at, "Wrong type", "A string is needed here.", "put it in quotes")
	default:
		f.fail(&at, "Wrong type", fmt.Sprintf("A string is needed here, not %s.", typeName(v.Type())), "")
	}
	return "", false
}

// Keys returns the names of a map, sorted: checks go through it in the same
// order each time.
func Keys(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}
