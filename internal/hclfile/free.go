package hclfile

import (
	"fmt"
	"sort"

	"github.com/zclconf/go-cty/cty"
)

// Names returns the arguments of a block whose schema is Free, sorted.
func (b *Body) Names() []string {
	out := make([]string, 0, len(b.attrs))
	for name := range b.attrs {
		out = append(out, name)
	}
	sort.Strings(out)
	return out
}

// Value decodes an argument of any type as encoding/json would: string,
// float64, bool, []any or map[string]any. It is false when the argument is
// left out, null or wrong.
func (b *Body) Value(name string) (any, bool) {
	a, ok := b.attrs[name]
	if !ok {
		return nil, false
	}
	path := b.path(name)
	b.file.places[path] = a.Expr.Range()
	r, ok := b.file.evaluate(a.Expr)
	if !ok {
		b.file.broken[path] = true
		return nil, false
	}
	if r.private {
		b.file.private[path] = true
	}
	if r.value.IsNull() {
		delete(b.attrs, name)
		return nil, false
	}
	v, ok := plain(r.value)
	if !ok {
		b.wrong(name, "Wrong type", fmt.Sprintf("%s holds a value that can not be passed on.", name), "use strings, numbers, booleans, lists and maps")
		return nil, false
	}
	return v, true
}

// plain is a value as encoding/json decodes it; what is null in a map or list
// is left out.
func plain(v cty.Value) (any, bool) {
	t := v.Type()
	switch {
	case t == cty.String:
		return v.AsString(), true
	case t == cty.Bool:
		return v.True(), true
	case t == cty.Number:
		n, _ := v.AsBigFloat().Float64()
		return n, bounded(v)
	case t.IsTupleType(), t.IsListType(), t.IsSetType():
		out := []any{}
		for it := v.ElementIterator(); it.Next(); {
			_, e := it.Element()
			if e.IsNull() {
				continue
			}
			p, ok := plain(e)
			if !ok {
				return nil, false
			}
			out = append(out, p)
		}
		return out, true
	case t.IsObjectType(), t.IsMapType():
		out := map[string]any{}
		for it := v.ElementIterator(); it.Next(); {
			k, e := it.Element()
			if e.IsNull() {
				continue
			}
			p, ok := plain(e)
			if !ok {
				return nil, false
			}
			out[k.AsString()] = p
		}
		return out, true
	default:
		return nil, false
	}
}
