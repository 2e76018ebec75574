package hclfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// json does the same for a JSON body, where only the schema tells an argument
// from a block.
func (b *Body) json(src hcl.Body) []found {
	want := &hcl.BodySchema{}
	for _, a := range b.schema.Attributes {
		want.Attributes = append(want.Attributes, hcl.AttributeSchema{Name: a})
	}
	for _, k := range b.schema.Blocks {
		header := hcl.BlockHeaderSchema{Type: k.Type}
		if k.Label != "" {
			header.LabelNames = []string{k.Label}
		}
		want.Blocks = append(want.Blocks, header)
	}
	b.misshapen(src, want)
	content, rest, diags := src.PartialContent(want)
	b.file.add(diags)
	if !diags.HasErrors() {
		left, diags := rest.JustAttributes()
		b.file.add(diags)
		for name, a := range left {
			if b.schema.Free {
				b.attrs[name] = a
				continue
			}
			b.unknown("property", name, a.NameRange)
		}
	}
	for name, a := range content.Attributes {
		if b.schema.attribute(name) {
			b.attrs[name] = a
		}
	}
	out := make([]found, 0, len(content.Blocks))
	for _, blk := range content.Blocks {
		at := blk.TypeRange
		if len(blk.LabelRanges) > 0 {
			at = blk.LabelRanges[0]
		}
		out = append(out, found{blk.Type, blk.Labels, blk.LabelRanges, at, blk.Body})
	}
	return out
}

// misshapen finds blocks that are not written as objects, or whose content
// stands where their name should: {"service": {"source": …}}. Read as they
// stand, these would give a mistake for every word and none that says what is
// wrong.
func (b *Body) misshapen(src hcl.Body, want *hcl.BodySchema) {
	attrs, _ := src.JustAttributes()
	for i, k := range b.schema.Blocks {
		a, ok := attrs[k.Type]
		switch {
		case !ok:
			continue
		case k.Label != "" && isEmpty(a.Expr):
			// hcl would ask for a label; to us it is no block at all.
			drop(want, i)
			continue
		case k.Label == "" && isBlocks(a.Expr):
			continue
		case k.Label != "" && isNamedBlocks(a.Expr) && !k.Schema.isContent(a.Expr):
			continue
		}
		m := Mistake{
			Summary: "Invalid " + k.Type + " block",
			Detail:  fmt.Sprintf("%s is a JSON object.", capital(k.Schema.What)),
			Hint:    fmt.Sprintf(`write it as %q: { … }`, k.Type),
		}
		if k.Label != "" {
			m.Detail = fmt.Sprintf("%s is a JSON object under its %s.", capital(k.Schema.What), k.Label)
			m.Hint = fmt.Sprintf(`write it as %q: { %q: { … } }`, k.Type, strings.ToUpper(k.Label))
		}
		b.file.fail(&a.NameRange, m.Summary, m.Detail, m.Hint)
		b.file.broken[b.path(k.Type)] = true
		drop(want, i)
	}
	want.Blocks = slices.DeleteFunc(want.Blocks, func(h hcl.BlockHeaderSchema) bool { return h.Type == "" })
}

// drop makes hcl take a block for an argument, which it does not look into.
func drop(want *hcl.BodySchema, block int) {
	want.Attributes = append(want.Attributes, hcl.AttributeSchema{Name: want.Blocks[block].Type})
	want.Blocks[block].Type = "" // misshapen takes it out at its end
}

// isEmpty tells whether a JSON value is null, {} or a list of these.
func isEmpty(expr hcl.Expression) bool {
	if pairs, diags := hcl.ExprMap(expr); !diags.HasErrors() {
		return len(pairs) == 0
	}
	if items, diags := hcl.ExprList(expr); !diags.HasErrors() {
		return !slices.ContainsFunc(items, func(item hcl.Expression) bool { return !isEmpty(item) })
	}
	v, _ := expr.Value(nil)
	return v.IsNull()
}

// isBlocks tells whether a JSON value is an object, a list of objects or null.
func isBlocks(expr hcl.Expression) bool {
	return eachObject(expr, func(hcl.Expression) bool { return true })
}

// isNamedBlocks tells whether a JSON value has blocks under their names.
func isNamedBlocks(expr hcl.Expression) bool {
	return eachObject(expr, func(object hcl.Expression) bool {
		pairs, _ := hcl.ExprMap(object)
		for _, p := range pairs {
			if !isBlocks(p.Value) {
				return false
			}
		}
		return len(pairs) > 0
	})
}

// eachObject tells whether a JSON value is an object that passes the test, a
// list of such objects, or null.
func eachObject(expr hcl.Expression, test func(hcl.Expression) bool) bool {
	if _, diags := hcl.ExprMap(expr); !diags.HasErrors() {
		return test(expr)
	}
	items, diags := hcl.ExprList(expr)
	if diags.HasErrors() {
		return isEmpty(expr)
	}
	for _, item := range items {
		if _, diags := hcl.ExprMap(item); diags.HasErrors() || !test(item) {
			return false
		}
	}
	return true
}

// isContent tells whether a JSON value is the content of such a block, and
// not blocks by their names.
func (s *Schema) isContent(expr hcl.Expression) bool {
	if !s.knowsAll(expr) {
		return false
	}
	pairs, _ := hcl.ExprMap(expr)
	for _, p := range pairs {
		if !s.knowsAll(p.Value) {
			return true
		}
	}
	return false
}

// knowsAll tells whether a JSON value is an object of which each name may
// stand in the block.
func (s *Schema) knowsAll(expr hcl.Expression) bool {
	pairs, diags := hcl.ExprMap(expr)
	if diags.HasErrors() {
		return false
	}
	for _, p := range pairs {
		v, _ := p.Key.Value(nil)
		if v.IsNull() || !s.attribute(v.AsString()) && !s.hasBlock(v.AsString()) {
			return false
		}
	}
	return true
}
