package hclfile

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// The parsers and evaluators recurse, and Go cannot recover from a stack that
// is used up; so what would nest too deep is refused before it is parsed.
const (
	maxNesting   = 100
	maxOperators = 5000
	// maxExponent bounds number literals in binary digits: 1e999999999 is
	// eleven bytes here and a gigabyte once it is made a string.
	maxExponent = 128
)

var utf8BOM = []byte{0xEF, 0xBB, 0xBF}

// trimBOM drops the mark that some editors put first; it means nothing in
// UTF-8.
func trimBOM(src []byte) []byte { return bytes.TrimPrefix(src, utf8BOM) }

// acceptable reports what keeps the source from being parsed at all.
func (f *File) acceptable() bool {
	switch {
	case len(bytes.TrimSpace(f.src)) == 0:
		f.fail(nil, "The file is empty", fmt.Sprintf("%s has nothing in it.", printable(f.path)),
			"`skysail init` writes a commented starter")
	case len(f.src) > MaxSize:
		f.fail(nil, "The file is too large", fmt.Sprintf("%s: %s.", printable(f.path), errTooBig), "")
	case bytes.HasPrefix(f.src, []byte{0xFE, 0xFF}), bytes.HasPrefix(f.src, []byte{0xFF, 0xFE}):
		f.fail(nil, "The file is not UTF-8 text", fmt.Sprintf("%s begins with the mark of UTF-16.", printable(f.path)),
			"save it as UTF-8, for example with `iconv -f UTF-16 -t UTF-8`")
	case !utf8.Valid(f.src):
		at := firstInvalid(f.src)
		f.fail(f.span(at, at+1), "The file is not UTF-8 text",
			fmt.Sprintf("Byte %d (0x%02X) is no part of a UTF-8 character.", at+1, f.src[at]),
			"save the file as UTF-8; if it is not a text file, this is the wrong path")
	case f.isJSON:
		f.shallowJSON()
	default:
		tokens, _ := hclsyntax.LexConfig(f.src, f.path, hcl.InitialPos)
		f.shallow(tokens)
	}
	return len(f.diags) == 0
}

func firstInvalid(src []byte) int {
	for i := 0; i < len(src); {
		r, size := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError && size <= 1 {
			return i
		}
		i += size
	}
	return len(src)
}

// shallow tells whether parsing and evaluating these tokens stays within
// bounds, and reports it when not.
func (f *File) shallow(tokens hclsyntax.Tokens) bool {
	depth, operators := 0, 0
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen,
			hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc, hclsyntax.TokenTemplateInterp:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen,
			hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc, hclsyntax.TokenTemplateSeqEnd:
			depth--
		case hclsyntax.TokenTemplateControl:
			depth++
			operators++
		case hclsyntax.TokenStar, hclsyntax.TokenSlash, hclsyntax.TokenPlus, hclsyntax.TokenMinus,
			hclsyntax.TokenPercent, hclsyntax.TokenBang, hclsyntax.TokenQuestion, hclsyntax.TokenAnd,
			hclsyntax.TokenOr, hclsyntax.TokenDot, hclsyntax.TokenEqualOp, hclsyntax.TokenNotEqual,
			hclsyntax.TokenLessThan, hclsyntax.TokenLessThanEq, hclsyntax.TokenGreaterThan,
			hclsyntax.TokenGreaterThanEq:
			operators++
		}
		if depth > maxNesting || operators > maxOperators {
			f.tooComplex(t.Range)
			return false
		}
	}
	return true
}

// shallowJSON is shallow for JSON, without regard to what is inside strings:
// those are looked at when they are evaluated.
func (f *File) shallowJSON() {
	depth, quoted := 0, false
	for i := 0; i < len(f.src); i++ {
		switch c := f.src[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
		if depth > maxNesting {
			f.tooComplex(*f.span(i, i+1))
			return
		}
	}
}

func (f *File) tooComplex(at hcl.Range) {
	f.fail(&at, "The file is too complex",
		fmt.Sprintf("At most %d brackets may be open at once, and %d operators stand in one file.", maxNesting, maxOperators),
		"write the values out instead of computing them")
}

// bearable tells whether the expression can be computed in little time and
// memory: no loops, and no number so large that its digits fill the machine.
func (f *File) bearable(expr hclsyntax.Expression) bool {
	before := len(f.diags)
	_ = hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n := n.(type) {
		case *hclsyntax.LiteralValueExpr:
			if !bounded(n.Val) {
				f.fail(n.Range().Ptr(), "Number out of range", "No value in this file can be that large or that small.", "")
			}
		case *hclsyntax.ForExpr, *hclsyntax.SplatExpr:
			f.fail(n.Range().Ptr(), "Loops are not supported", "A service or policy file states values; it does not compute lists.",
				"write the elements out")
		}
		return nil
	})
	return len(f.diags) == before
}

func bounded(v cty.Value) bool {
	if v.Type() != cty.Number || v.IsNull() || !v.IsKnown() {
		return true
	}
	n := v.AsBigFloat()
	exponent := n.MantExp(nil)
	return !n.IsInf() && exponent <= maxExponent && exponent >= -maxExponent
}
