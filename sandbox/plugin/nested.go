package plugin

import (
	"maps"
	"slices"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/zclconf/go-cty/cty"

	"skysail/internal/tfplugin"
)

// nested says how the blocks of a resource are planned, by the path of names
// that leads to an attribute or a block: boot_disk.initialize_params.size.
type nested struct {
	schema *tfjson.SchemaBlock
	// defaults are the values of attributes that are left out.
	defaults map[string]any
	// same says that two strings mean the same, what is and what is wanted.
	same map[string]func(before, after string) bool
	// forceNew names what can not be changed in place.
	forceNew []string
	// filled names the blocks that the API fills in where they are left out.
	filled []string
	// served names the attributes that mean something to the simulated cloud.
	served []string
}

// plan works out what the blocks of a resource will be, and asks for a
// replacement where one of them can not become that in place.
func (n *nested) plan(p *tfplugin.Plan) {
	for _, name := range slices.Sorted(maps.Keys(n.schema.NestedBlocks)) {
		b := n.schema.NestedBlocks[name]
		config := p.Config.Value(name)
		if b.NestingMode != tfjson.SchemaNestingModeList || !config.IsKnown() {
			continue
		}
		var prior cty.Value
		if p.Prior.Exists() {
			prior = p.Prior.Value(name)
		}
		next, replace := n.block(name, b.Block, prior, config)
		p.Set(name, next)
		if replace {
			p.Replace(name)
		}
	}
}

// block plans a list of blocks. There is no prior value of something new.
func (n *nested) block(path string, b *tfjson.SchemaBlock, prior, config cty.Value) (next cty.Value, replace bool) {
	before, wanted := blockElements(prior), blockElements(config)
	if len(wanted) == 0 && slices.Contains(n.filled, path) {
		if prior == cty.NilVal {
			return config, false
		}
		return prior, false
	}
	if prior != cty.NilVal && len(before) != len(wanted) && slices.Contains(n.forceNew, path) {
		replace = true
	}
	out := make([]cty.Value, 0, len(wanted))
	for i, c := range wanted {
		var p cty.Value
		if i < len(before) {
			p = before[i]
		}
		e, r := n.element(path, b, p, c)
		out, replace = append(out, e), replace || r
	}
	if len(out) == 0 {
		return config, replace
	}
	return cty.ListVal(out), replace
}

func (n *nested) element(path string, b *tfjson.SchemaBlock, prior, config cty.Value) (next cty.Value, replace bool) {
	attrs := config.AsValueMap()
	for name, a := range b.Attributes {
		at := path + "." + name
		var before cty.Value
		if prior != cty.NilVal {
			before = prior.GetAttr(name)
		}
		v := attrs[name]
		if v.IsNull() {
			v = n.fallback(at, v.Type(), a.Computed, before)
		}
		if before != cty.NilVal {
			switch {
			case n.alike(at, before, v):
				v = before
			case slices.Contains(n.forceNew, at):
				replace = true
			}
		}
		attrs[name] = v
	}
	for name, inner := range b.NestedBlocks {
		if inner.NestingMode != tfjson.SchemaNestingModeList || !attrs[name].IsKnown() {
			continue
		}
		var before cty.Value
		if prior != cty.NilVal {
			before = prior.GetAttr(name)
		}
		v, r := n.block(path+"."+name, inner.Block, before, attrs[name])
		attrs[name], replace = v, replace || r
	}
	return cty.ObjectVal(attrs), replace
}

// fallback is the planned value of what the configuration leaves out.
func (n *nested) fallback(path string, ty cty.Type, computed bool, before cty.Value) cty.Value {
	switch def, ok := n.defaults[path]; {
	case ok:
		return ctyValue(def)
	case !computed:
		return cty.NullVal(ty)
	case before == cty.NilVal:
		return cty.UnknownVal(ty)
	default:
		return before
	}
}

func (n *nested) alike(path string, a, b cty.Value) bool {
	if !a.IsWhollyKnown() || !b.IsWhollyKnown() {
		return false
	}
	if a.RawEquals(b) || (emptyValue(a) && emptyValue(b)) {
		return true
	}
	f := n.same[path]
	return f != nil && !a.IsNull() && !b.IsNull() && a.Type() == cty.String && f(a.AsString(), b.AsString())
}

// unserved lists what a configuration sets inside its blocks and the simulated
// cloud has nothing for.
func (n *nested) unserved(config tfplugin.Object) []error {
	var out []error
	for _, name := range slices.Sorted(maps.Keys(n.schema.NestedBlocks)) {
		for _, e := range blockElements(config.Value(name)) {
			out = append(out, n.unservedIn(name, n.schema.NestedBlocks[name].Block, e)...)
		}
	}
	return out
}

func (n *nested) unservedIn(path string, b *tfjson.SchemaBlock, v cty.Value) []error {
	var out []error
	for _, name := range slices.Sorted(maps.Keys(b.Attributes)) {
		at := path + "." + name
		if a := v.GetAttr(name); !slices.Contains(n.served, at) && !emptyValue(a) {
			out = append(out, &tfplugin.Problem{
				Summary: at + " is not served here", Detail: "The simulated cloud has nothing for it.",
			})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.NestedBlocks)) {
		for _, e := range blockElements(v.GetAttr(name)) {
			out = append(out, n.unservedIn(path+"."+name, b.NestedBlocks[name].Block, e)...)
		}
	}
	return out
}
