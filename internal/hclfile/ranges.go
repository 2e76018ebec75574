package hclfile

import "github.com/hashicorp/hcl/v2"

// IntRange decodes a whole number into low, or { min = …, max = … } into both.
// The places of the two are path.min and path.max.
func (b *Body) IntRange(name string, low, high *int) {
	a, ok := b.attrs[name]
	if !ok {
		return
	}
	pairs, diags := hcl.ExprMap(a.Expr)
	if diags.HasErrors() || pairs == nil {
		b.Int(name, low)
		return
	}
	b.file.places[b.path(name)] = a.Expr.Range()
	r := &Body{
		Path: b.path(name), file: b.file, schema: &Schema{What: "a range of " + name, Attributes: []string{"min", "max"}},
		at: a.Expr.Range(), meant: map[string]bool{}, attrs: map[string]*hcl.Attribute{}, blocks: map[string][]*Body{},
	}
	for _, pair := range pairs {
		key, _, ok := b.file.key(pair.Key)
		at := pair.Key.Range()
		switch {
		case !ok:
		case !r.schema.attribute(key):
			r.unknown("argument", key, at)
		case r.attrs[key] != nil:
			b.file.fail(&at, "Name given twice", key+" stands in "+name+" already.", "keep one of the two")
		default:
			r.attrs[key] = &hcl.Attribute{Name: key, Expr: pair.Value, NameRange: at, Range: hcl.RangeBetween(at, pair.Value.Range())}
			b.file.places[r.path(key)] = pair.Value.Range()
		}
	}
	hint := "write it as " + name + " = { min = 2, max = 10 }, or as one number"
	r.Int("min", low)
	r.Int("max", high)
	r.Require("min", hint)
	r.Require("max", hint)
}
