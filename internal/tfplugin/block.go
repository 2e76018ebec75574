package tfplugin

import (
	"fmt"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/zclconf/go-cty/cty"
)

// none says that a configuration has no block of a kind.
func none(v cty.Value) bool {
	return v.IsKnown() && (v.IsNull() || (v.CanIterateElements() && !v.Type().IsObjectType() && v.LengthInt() == 0))
}

func listOrSet(ty cty.Type) bool { return ty.IsListType() || ty.IsSetType() }

// filledIn says that all of a nested block is what the API can choose: left
// out, it is there all the same.
func filledIn(nb *tfjson.SchemaBlockType) bool {
	for _, a := range nb.Block.Attributes {
		if !a.Computed {
			return false
		}
	}
	return len(nb.Block.Attributes) > 0
}

// planBlock works out what nested blocks of a configuration lead to: what
// they leave out has its default, or what the API chose before for the same
// block, or is known after the apply.
func planBlock(nb *tfjson.SchemaBlockType, defaults map[string]cty.Value, prior, v cty.Value) cty.Value {
	if !v.IsKnown() || v.IsNull() {
		return v
	}
	ty := v.Type()
	if ty.IsObjectType() {
		return planContent(nb, defaults, prior, v)
	}
	if !listOrSet(ty) || v.LengthInt() == 0 {
		return v
	}
	var before, elems []cty.Value
	if prior.IsKnown() && !prior.IsNull() {
		before = prior.AsValueSlice()
	}
	for i, e := range v.AsValueSlice() {
		match := cty.NullVal(ty.ElementType())
		if ty.IsListType() && i < len(before) {
			match = before[i]
		}
		if ty.IsSetType() {
			match = alike(withDefaults(defaults, e), before, match)
		}
		elems = append(elems, planContent(nb, defaults, match, e))
	}
	if ty.IsSetType() {
		return cty.SetVal(elems)
	}
	return cty.ListVal(elems)
}

// alike finds the block of before in which all is as a configured one says.
func alike(e cty.Value, before []cty.Value, fallback cty.Value) cty.Value {
	if !e.IsKnown() || e.IsNull() {
		return fallback
	}
next:
	for _, b := range before {
		for name, want := range e.AsValueMap() {
			if !none(want) && !equivalent(want, b.GetAttr(name)) {
				continue next
			}
		}
		return b
	}
	return fallback
}

func withDefaults(defaults map[string]cty.Value, o cty.Value) cty.Value {
	if len(defaults) == 0 || !o.IsKnown() || o.IsNull() {
		return o
	}
	attrs := o.AsValueMap()
	for name, def := range defaults {
		if attrs[name].IsNull() {
			attrs[name] = def
		}
	}
	return cty.ObjectVal(attrs)
}

func planContent(nb *tfjson.SchemaBlockType, defaults map[string]cty.Value, prior, o cty.Value) cty.Value {
	if !o.IsKnown() || o.IsNull() {
		return o
	}
	attrs := withDefaults(defaults, o).AsValueMap()
	chosen := func(name string) cty.Value {
		if prior.IsKnown() && !prior.IsNull() {
			return prior.GetAttr(name)
		}
		return cty.UnknownVal(attrs[name].Type())
	}
	for name, a := range nb.Block.Attributes {
		if a.Computed && attrs[name].IsNull() {
			attrs[name] = chosen(name)
		}
	}
	for name, inner := range nb.Block.NestedBlocks {
		if filledIn(inner) && none(attrs[name]) {
			attrs[name] = chosen(name)
			continue
		}
		before := cty.NullVal(attrs[name].Type())
		if prior.IsKnown() && !prior.IsNull() {
			before = prior.GetAttr(name)
		}
		attrs[name] = planBlock(inner, nil, before, attrs[name])
	}
	return cty.ObjectVal(attrs)
}

// blocksOf makes nested blocks out of their contents.
func blocksOf(ty cty.Type, contents []map[string]any) (cty.Value, error) {
	if !listOrSet(ty) || !ty.ElementType().IsObjectType() {
		return cty.NilVal, fmt.Errorf("a %s is no list or set of blocks", ty.FriendlyName())
	}
	var elems []cty.Value
	for _, c := range contents {
		attrs := map[string]cty.Value{}
		for name, at := range ty.ElementType().AttributeTypes() {
			attrs[name] = absent(at)
		}
		for name, v := range c {
			if !ty.ElementType().HasAttribute(name) {
				return cty.NilVal, fmt.Errorf("the schema has no %q", name)
			}
			var err error
			if inner, ok := v.([]map[string]any); ok {
				attrs[name], err = blocksOf(ty.ElementType().AttributeType(name), inner)
			} else {
				attrs[name], err = toCty(v, ty.ElementType().AttributeType(name))
			}
			if err != nil {
				return cty.NilVal, fmt.Errorf("%s: %w", name, err)
			}
		}
		elems = append(elems, cty.ObjectVal(attrs))
	}
	switch {
	case len(elems) == 0:
		return empty(ty), nil
	case ty.IsSetType():
		return cty.SetVal(elems), nil
	default:
		return cty.ListVal(elems), nil
	}
}
