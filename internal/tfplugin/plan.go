package tfplugin

import (
	"fmt"
	"maps"
	"slices"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/zclconf/go-cty/cty"
)

// Plan is a planned creation or change, for a resource's own Plan hook.
type Plan struct {
	// Object is what is planned so far.
	Object
	Config Object
	// Prior does not exist when something is created.
	Prior Object

	ty      cty.Type
	replace map[string]bool
	err     error
}

// Creates says whether the plan makes a new thing.
func (p *Plan) Creates() bool { return !p.Prior.Exists() }

// Replaces says whether an attribute asks so far for a replacement.
func (p *Plan) Replaces() bool { return len(p.replace) > 0 }

// Replace makes the change a replacement because of an attribute.
func (p *Plan) Replace(name string) { p.replace[name] = true }

// SetUnknown says that a computed attribute is known only after the apply.
func (p *Plan) SetUnknown(name string) { p.put(name, cty.UnknownVal(p.ty.AttributeType(name))) }

// Set plans a value for a computed attribute.
func (p *Plan) Set(name string, v any) {
	cv, err := toCty(v, p.ty.AttributeType(name))
	if err != nil {
		p.err = fmt.Errorf("planned %s: %w", name, err)
		return
	}
	p.put(name, cv)
}

func (p *Plan) put(name string, v cty.Value) {
	attrs := p.v.AsValueMap()
	attrs[name] = v
	p.v = cty.ObjectVal(attrs)
}

// plan works out what a creation or a change will lead to, and the names of
// the attributes that make it a replacement.
func (s *served[C]) plan(prior, proposed, config cty.Value) (cty.Value, []string, error) {
	creates := prior.IsNull()
	attrs := proposed.AsValueMap()
	for name, a := range s.schema.Block.Attributes {
		v := config.GetAttr(name)
		if v.IsNull() {
			v = s.fallback(name, prior, a.Computed)
		} else if f := s.StateFuncs[name]; f != nil && v.IsKnown() {
			v = cty.StringVal(f(v.AsString()))
		}
		attrs[name] = v
	}
	for name, nb := range s.schema.Block.NestedBlocks {
		switch {
		case slices.Contains(s.Computed, name) && none(attrs[name]):
			attrs[name] = s.fallback(name, prior, true)
		case creates:
			attrs[name] = unknownComputed(nb, attrs[name])
		}
	}
	replace := map[string]bool{}
	if !creates {
		for name, v := range attrs {
			before := prior.GetAttr(name)
			switch {
			case s.same(name, before, v):
				attrs[name] = before
			case s.forceNew[name]:
				replace[name] = true
			}
		}
	}
	p := &Plan{Object: Object{cty.ObjectVal(attrs)}, Config: Object{config}, Prior: Object{prior}, ty: s.ty, replace: replace}
	if s.Plan != nil {
		if err := s.Plan(p); err != nil {
			return cty.NilVal, nil, err
		}
	}
	return p.v, slices.Sorted(maps.Keys(p.replace)), p.err
}

// fallback is the planned value of an attribute that the configuration leaves
// out.
func (s *served[C]) fallback(name string, prior cty.Value, computed bool) cty.Value {
	ty := s.ty.AttributeType(name)
	switch def, ok := s.defaults[name]; {
	case ok:
		return def
	case !computed:
		return cty.NullVal(ty)
	case prior.IsNull():
		return cty.UnknownVal(ty)
	default:
		return prior.GetAttr(name)
	}
}

// none says that a configuration has no block of a kind.
func none(v cty.Value) bool {
	return v.IsKnown() && (v.IsNull() || (v.CanIterateElements() && v.LengthInt() == 0))
}

// unknownComputed makes what the API will fill in, in blocks of something
// that is yet to be made, known after the apply.
func unknownComputed(nb *tfjson.SchemaBlockType, v cty.Value) cty.Value {
	if !v.IsKnown() || v.IsNull() {
		return v
	}
	fill := func(o cty.Value) cty.Value {
		if !o.IsKnown() || o.IsNull() {
			return o
		}
		attrs := o.AsValueMap()
		for name, a := range nb.Block.Attributes {
			if a.Computed && attrs[name].IsNull() {
				attrs[name] = cty.UnknownVal(a.AttributeType)
			}
		}
		for name, inner := range nb.Block.NestedBlocks {
			attrs[name] = unknownComputed(inner, attrs[name])
		}
		return cty.ObjectVal(attrs)
	}
	ty := v.Type()
	if ty.IsObjectType() {
		return fill(v)
	}
	if !(ty.IsListType() || ty.IsSetType()) || v.LengthInt() == 0 {
		return v
	}
	var elems []cty.Value
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		elems = append(elems, fill(e))
	}
	if ty.IsSetType() {
		return cty.SetVal(elems)
	}
	return cty.ListVal(elems)
}

func (s *served[C]) same(name string, before, after cty.Value) bool {
	if equivalent(before, after) {
		return true
	}
	f := s.Same[name]
	if f == nil || !before.IsKnown() || !after.IsKnown() || before.IsNull() || after.IsNull() {
		return false
	}
	return f(before.AsString(), after.AsString())
}
