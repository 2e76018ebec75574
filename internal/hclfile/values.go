package hclfile

import (
	"fmt"
	"math"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

const (
	maxNumber = 1e15
	maxInt    = math.MaxInt32
)

// Has tells whether the argument is given, rightly or wrongly. One that is
// null counts as left out; that is known once it has been decoded.
func (b *Body) Has(name string) bool {
	_, given := b.attrs[name]
	return given || b.file.broken[b.path(name)]
}

// Require reports an argument as missing that was not there to be decoded.
func (b *Body) Require(name, hint string) {
	if b.Has(name) {
		return
	}
	if b.meant[name] {
		b.Broken(name)
		return
	}
	b.Report(Mistake{
		Path:    name,
		Summary: "Missing " + name,
		Detail:  fmt.Sprintf("%s needs the argument %s.", capital(b.schema.What), name),
		Hint:    hint,
	})
	b.file.broken[b.path(name)] = true
}

// String decodes a string.
func (b *Body) String(name string, into *string) {
	if v, ok := b.scalar(name, cty.String); ok {
		*into = v.AsString()
	}
}

// Bool decodes a boolean.
func (b *Body) Bool(name string, into *bool) {
	if v, ok := b.scalar(name, cty.Bool); ok {
		*into = v.True()
	}
}

// Number decodes a number of moderate size.
func (b *Body) Number(name string, into *float64) {
	v, ok := b.scalar(name, cty.Number)
	if !ok {
		return
	}
	n, _ := v.AsBigFloat().Float64()
	if math.IsNaN(n) || math.Abs(n) > maxNumber {
		b.wrong(name, "Number out of range", fmt.Sprintf("The value of %s is far too large.", name), "")
		return
	}
	*into = n
}

// Int decodes a whole number.
func (b *Body) Int(name string, into *int) {
	v, ok := b.scalar(name, cty.Number)
	if !ok {
		return
	}
	n := v.AsBigFloat()
	if n.IsInf() || !n.IsInt() {
		b.wrong(name, "Not a whole number", fmt.Sprintf("The value of %s must be a whole number.", name), "")
		return
	}
	i, _ := n.Int64()
	if i > maxInt || i < -maxInt {
		b.wrong(name, "Number out of range", fmt.Sprintf("The value of %s is far too large.", name), "")
		return
	}
	*into = int(i)
}

// scalar computes an argument that must be of a type. The result is false
// when it is left out, null or wrong. What env() and file() return is text,
// and is read as a number or truth value where one is needed; a literal is
// held to its type, since "4" for 4 is a slip.
func (b *Body) scalar(name string, want cty.Type) (cty.Value, bool) {
	a, ok := b.attrs[name]
	if !ok {
		return cty.NilVal, false
	}
	path := b.path(name)
	b.file.places[path] = a.Expr.Range()
	r, ok := b.file.evaluate(a.Expr)
	if !ok {
		b.file.broken[path] = true
		return cty.NilVal, false
	}
	if r.private {
		b.file.private[path] = true
	}
	v := r.value
	switch {
	case v.IsNull():
		delete(b.attrs, name)
		return cty.NilVal, false
	case v.Type() == want:
		return v, true
	case r.private && v.Type() == cty.String:
		if c, err := convert.Convert(v, want); err == nil {
			return c, true
		}
		b.wrong(name, "Wrong type", fmt.Sprintf("%s needs %s, and what env() or file() returned is none.", name, typeName(want)), "")
		return cty.NilVal, false
	}
	hint := ""
	if want == cty.Bool {
		hint = "write true or false, without quotes"
	}
	text := b.file.text(a.Expr.Range().Ptr())
	switch {
	case v.Type() == cty.String:
		if _, err := convert.Convert(v, want); err == nil {
			hint = fmt.Sprintf("write %s without quotes", shorten(printable(v.AsString()), 40))
		}
	case want == cty.String && v.Type().IsPrimitiveType():
		hint = fmt.Sprintf(`put it in quotes: "%s"`, text)
	}
	b.wrongType(name, v, typeName(want), hint)
	return cty.NilVal, false
}

// wrongType reports that an argument is of another type than it must be.
func (b *Body) wrongType(name string, got cty.Value, want, hint string) {
	b.wrong(name, "Wrong type", fmt.Sprintf("%s needs %s, and this is %s.", name, want, typeName(got.Type())), hint)
}

// wrong reports a mistake in an argument's value and marks it, so that no
// further check looks at it.
func (b *Body) wrong(name, summary, detail, hint string) {
	path := b.path(name)
	b.file.broken[path] = true
	at := b.attrs[name].Expr.Range()
	b.file.fail(&at, summary, detail, hint)
}

func typeName(t cty.Type) string {
	switch {
	case t == cty.String:
		return "a string"
	case t == cty.Number:
		return "a number"
	case t == cty.Bool:
		return "a boolean"
	case t.IsTupleType(), t.IsListType(), t.IsSetType():
		return "a list"
	case t.IsObjectType(), t.IsMapType():
		return "a map"
	default:
		return "something else"
	}
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return string(s[0]-'a'+'A') + s[1:]
}

// Broken marks an argument as reported, so that no further check looks at it.
func (b *Body) Broken(name string) { b.file.broken[b.path(name)] = true }
