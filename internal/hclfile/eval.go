package hclfile

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// result is the value of an expression. Private says that env() or file() had
// a part in it: such a value may be confidential and is never repeated in a
// message.
type result struct {
	value   cty.Value
	private bool
}

// evaluate computes an expression and reports what is wrong with it.
func (f *File) evaluate(expr hcl.Expression) (result, bool) {
	if native, ok := expr.(hclsyntax.Expression); ok {
		return f.evaluateNative(native)
	}
	// A JSON expression: without a context its strings come as they stand.
	v, _ := expr.Value(nil)
	if v.Type() != cty.String || v.IsNull() {
		return result{value: v}, v.IsWhollyKnown()
	}
	return f.evaluateTemplate(v.AsString(), expr.Range())
}

func (f *File) evaluateNative(expr hclsyntax.Expression) (result, bool) {
	if !f.bearable(expr) {
		return result{}, false
	}
	v, diags := expr.Value(f.eval)
	f.add(diags)
	return result{value: v, private: callsFunction(expr)}, !diags.HasErrors() && v.IsWhollyKnown()
}

// evaluateTemplate computes the HCL template that a JSON string is. HCL
// counts positions in the decoded string; they are moved to where they are in
// the file.
func (f *File) evaluateTemplate(template string, at hcl.Range) (result, bool) {
	first := len(f.diags)
	defer func() {
		for i := first; i < len(f.diags); i++ {
			f.diags[i].Subject = f.insideJSON(f.diags[i].Subject, at)
		}
	}()
	start := hcl.Pos{Line: at.Start.Line, Column: at.Start.Column + 1, Byte: at.Start.Byte + 1}
	tokens, _ := hclsyntax.LexTemplate([]byte(template), f.path, start)
	if !f.shallow(tokens) {
		return result{}, false
	}
	expr, diags := hclsyntax.ParseTemplate([]byte(template), f.path, start)
	f.add(diags)
	if diags.HasErrors() {
		return result{}, false
	}
	return f.evaluateNative(expr)
}

func callsFunction(expr hclsyntax.Expression) bool {
	calls := false
	_ = hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl.Diagnostics {
		if _, ok := n.(*hclsyntax.FunctionCallExpr); ok {
			calls = true
		}
		return nil
	})
	return calls
}

// insideJSON moves a range that counts decoded bytes of the JSON string at
// `at` to the bytes of the source.
func (f *File) insideJSON(r *hcl.Range, at hcl.Range) *hcl.Range {
	if r == nil {
		return nil
	}
	first, end := at.Start.Byte+1, min(at.End.Byte, len(f.src))
	if first > end {
		return r
	}
	raw := f.src[first:end]
	from := rawOffset(raw, r.Start.Byte-first)
	to := max(rawOffset(raw, r.End.Byte-first), from)
	start := hcl.Pos{Line: at.Start.Line, Column: at.Start.Column + 1, Byte: first}
	start = advance(start, raw[:from])
	return &hcl.Range{Filename: f.path, Start: start, End: advance(start, raw[from:to])}
}

// rawOffset is where in a JSON string literal the decoded byte n comes from.
func rawOffset(raw []byte, n int) int {
	i, decoded := 0, 0
	for i < len(raw) && decoded < n {
		if raw[i] != '\\' {
			i++
			decoded++
			continue
		}
		size, length := escape(raw[i:])
		i += size
		decoded += length
	}
	return min(i, len(raw))
}

// escape measures the JSON escape that s begins with: its own bytes, and the
// bytes of UTF-8 that it stands for.
func escape(s []byte) (size, decoded int) {
	if len(s) < 6 || s[1] != 'u' {
		return 2, 1
	}
	r := hexRune(s[2:6])
	switch {
	case r >= 0xD800 && r < 0xDC00 && len(s) >= 12 && s[6] == '\\' && s[7] == 'u':
		return 12, 4
	case r < 0x80:
		return 6, 1
	case r < 0x800:
		return 6, 2
	default:
		return 6, 3
	}
}

func hexRune(s []byte) rune {
	var r rune
	for _, c := range s {
		r <<= 4
		switch {
		case c >= '0' && c <= '9':
			r |= rune(c - '0')
		case c >= 'a' && c <= 'f':
			r |= rune(c-'a') + 10
		case c >= 'A' && c <= 'F':
			r |= rune(c-'A') + 10
		}
	}
	return r
}
