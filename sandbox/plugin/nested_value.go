package plugin

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"
)

// emptyValue says that a value is what an API has for "left out".
func emptyValue(v cty.Value) bool {
	switch {
	case v == cty.NilVal || v.IsNull():
		return true
	case !v.IsKnown():
		return false
	case v.Type() == cty.String:
		return v.AsString() == ""
	case v.Type() == cty.Number:
		return v.RawEquals(cty.Zero)
	case v.Type() == cty.Bool:
		return v.False()
	case v.Type().IsCollectionType():
		return v.LengthInt() == 0
	}
	return false
}

func blockElements(v cty.Value) []cty.Value {
	if v == cty.NilVal || v.IsNull() || !v.IsKnown() || !v.CanIterateElements() {
		return nil
	}
	return v.AsValueSlice()
}

// overlay puts values over an object: an API's answer over what was planned.
// What the answer does not name stays.
func overlay(base cty.Value, values map[string]any) cty.Value {
	attrs := base.AsValueMap()
	for name, v := range values {
		switch v := v.(type) {
		case cty.Value:
			attrs[name] = v
		case map[string]string:
			attrs[name] = stringMap(v)
		default:
			attrs[name] = ctyValue(v)
		}
	}
	return cty.ObjectVal(attrs)
}

// blankBlock is an object of a block's type with nothing in it.
func blankBlock(listType cty.Type) cty.Value {
	attrs := map[string]cty.Value{}
	for name, ty := range listType.ElementType().AttributeTypes() {
		if ty.IsListType() && ty.ElementType().IsObjectType() {
			attrs[name] = cty.ListValEmpty(ty.ElementType())
			continue
		}
		if ty.IsSetType() && ty.ElementType().IsObjectType() {
			attrs[name] = cty.SetValEmpty(ty.ElementType())
			continue
		}
		attrs[name] = cty.NullVal(ty)
	}
	return cty.ObjectVal(attrs)
}

// blockElement returns the nth block of a list as it is, or a blank one.
func blockElement(list cty.Value, n int) cty.Value {
	if e := blockElements(list); n < len(e) {
		return e[n]
	}
	return blankBlock(list.Type())
}

func stringMap(m map[string]string) cty.Value {
	if len(m) == 0 {
		return cty.MapValEmpty(cty.String)
	}
	out := map[string]cty.Value{}
	for k, v := range m {
		out[k] = cty.StringVal(v)
	}
	return cty.MapVal(out)
}

// ctyValue is for the types of which there are nested attributes here.
func ctyValue(v any) cty.Value {
	switch v := v.(type) {
	case string:
		return cty.StringVal(v)
	case bool:
		return cty.BoolVal(v)
	case int:
		return cty.NumberIntVal(int64(v))
	case int64:
		return cty.NumberIntVal(v)
	}
	panic(fmt.Sprintf("plugin: no nested attribute has a %T", v)) // a mistake of this package
}
