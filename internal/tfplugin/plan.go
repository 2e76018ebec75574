package tfplugin

import (
	"fmt"
	"maps"
	"slices"

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
		if slices.Contains(s.Computed, name) && none(attrs[name]) {
			attrs[name] = s.fallback(name, prior, true)
			continue
		}
		before := cty.NullVal(attrs[name].Type())
		if !creates {
			before = prior.GetAttr(name)
		}
		attrs[name] = planBlock(nb, s.blockDefaults[name], before, attrs[name])
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
