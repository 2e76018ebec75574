package tfplugin

import (
	"math/big"

	"github.com/zclconf/go-cty/cty"
)

// Object reads a configuration, a plan or a state. Its getters give the zero
// value for what is null or not yet known; IsSet and IsKnown tell these apart.
type Object struct{ v cty.Value }

// Exists says whether there is an object at all.
func (o Object) Exists() bool { return o.v != cty.NilVal && !o.v.IsNull() }

// Value is the attribute or block as it is, or a null of unknown type when
// the object has none of that name.
func (o Object) Value(name string) cty.Value {
	if !o.Exists() || !o.v.IsKnown() || !o.v.Type().IsObjectType() || !o.v.Type().HasAttribute(name) {
		return cty.NullVal(cty.DynamicPseudoType)
	}
	return o.v.GetAttr(name)
}

// IsSet says whether the attribute is not null; an unknown value counts.
func (o Object) IsSet(name string) bool { return !o.Value(name).IsNull() }

// IsKnown says whether all of the attribute is known; null counts.
func (o Object) IsKnown(name string) bool { return o.Value(name).IsWhollyKnown() }

func (o Object) primitive(name string, ty cty.Type) (cty.Value, bool) {
	v := o.Value(name)
	return v, v.IsKnown() && !v.IsNull() && v.Type() == ty
}

// String reads a string.
func (o Object) String(name string) string {
	if v, ok := o.primitive(name, cty.String); ok {
		return v.AsString()
	}
	return ""
}

// Bool reads a bool.
func (o Object) Bool(name string) bool {
	v, ok := o.primitive(name, cty.Bool)
	return ok && v.True()
}

// Int reads a whole number.
func (o Object) Int(name string) int {
	if v, ok := o.primitive(name, cty.Number); ok {
		return toInt(v)
	}
	return 0
}

// Float reads a number.
func (o Object) Float(name string) float64 {
	if v, ok := o.primitive(name, cty.Number); ok {
		f, _ := v.AsBigFloat().Float64()
		return f
	}
	return 0
}

// Strings reads a list or set of strings, without its null elements.
func (o Object) Strings(name string) []string {
	var out []string
	for _, v := range o.elements(name) {
		if v.Type() == cty.String {
			out = append(out, v.AsString())
		}
	}
	return out
}

// Ints reads a list or set of whole numbers, without its null elements.
func (o Object) Ints(name string) []int {
	var out []int
	for _, v := range o.elements(name) {
		if v.Type() == cty.Number {
			out = append(out, toInt(v))
		}
	}
	return out
}

// StringMap reads a map of strings, without its null elements.
func (o Object) StringMap(name string) map[string]string {
	v := o.Value(name)
	out := map[string]string{}
	if !iterable(v) || !v.Type().IsMapType() {
		return out
	}
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		if e.IsKnown() && !e.IsNull() && e.Type() == cty.String {
			out[k.AsString()] = e.AsString()
		}
	}
	return out
}

// Objects reads a list or set of blocks.
func (o Object) Objects(name string) []Object {
	elems := o.elements(name)
	out := make([]Object, 0, len(elems))
	for _, v := range elems {
		out = append(out, Object{v})
	}
	return out
}

// Object reads a single block or an object attribute.
func (o Object) Object(name string) Object {
	v := o.Value(name)
	if !v.IsKnown() || v.IsNull() || !v.Type().IsObjectType() {
		return Object{cty.NullVal(cty.DynamicPseudoType)}
	}
	return Object{v}
}

func (o Object) elements(name string) []cty.Value {
	v := o.Value(name)
	if !iterable(v) || v.Type().IsMapType() || v.Type().IsObjectType() {
		return nil
	}
	var out []cty.Value
	for it := v.ElementIterator(); it.Next(); {
		if _, e := it.Element(); e.IsKnown() && !e.IsNull() {
			out = append(out, e)
		}
	}
	return out
}

func toInt(v cty.Value) int {
	i, acc := v.AsBigFloat().Int64()
	if acc != big.Exact {
		return 0
	}
	return int(i)
}

func iterable(v cty.Value) bool { return v.IsKnown() && !v.IsNull() && v.CanIterateElements() }
