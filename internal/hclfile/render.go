package hclfile

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

const (
	textWidth    = 78
	snippetWidth = 110
	// maxRendered bounds the text; a file of nonsense has thousands of
	// mistakes, all of which Problems returns.
	maxRendered = 100
)

func (e *Error) render(b *strings.Builder) {
	for i, d := range e.diags {
		if i > 0 {
			b.WriteString("\n\n")
		}
		if i == maxRendered {
			fmt.Fprintf(b, "… and %d more mistakes.", len(e.diags)-i)
			return
		}
		e.renderOne(b, d)
	}
}

func (e *Error) renderOne(b *strings.Builder, d diagnostic) {
	b.WriteString("Error: " + d.Summary + "\n\n")
	switch {
	case d.Subject != nil:
		e.renderSnippet(b, d)
	case d.Path != "" && e.what != "":
		fmt.Fprintf(b, "  at %s of %s:\n\n", printable(d.Path), e.what)
	case e.what != "":
		fmt.Fprintf(b, "  in %s:\n\n", e.what)
	}
	b.WriteString(wrap(d.Detail))
	if d.Hint != "" {
		b.WriteString("\n\n" + wrap("Hint: "+d.Hint))
	}
}

func (e *Error) renderSnippet(b *strings.Builder, d diagnostic) {
	r := d.Subject
	fmt.Fprintf(b, "  on %s line %d", printable(e.path), r.Start.Line)
	if in := e.context(r.Start.Byte); in != "" {
		fmt.Fprintf(b, ", in %s", in)
	}
	if d.noSource {
		b.WriteString(" (the line is not shown):\n\n")
		return
	}
	b.WriteString(":\n")
	line, mark := snippet(e.src, r.Start.Byte, r.End.Byte)
	gutter := fmt.Sprintf("%4d: ", r.Start.Line)
	fmt.Fprintf(b, "%s%s\n%s%s\n\n", gutter, line, strings.Repeat(" ", len(gutter)), mark)
}

// context names the outermost block that holds the byte, as hcl would.
func (e *Error) context(at int) string {
	if e.hcl == nil {
		return ""
	}
	nav, ok := e.hcl.Nav.(interface{ ContextString(offset int) string })
	if !ok {
		return ""
	}
	return shorten(printable(nav.ContextString(at)), 60)
}

// snippet returns the source line of the bytes from..to and a line that
// marks them with carets. A long line is cut to a window around the mark.
func snippet(src []byte, from, to int) (line, mark string) {
	from = min(max(from, 0), len(src))
	to = min(max(to, from), len(src))
	begin := bytes.LastIndexByte(src[:from], '\n') + 1
	end := len(src)
	if i := bytes.IndexByte(src[from:], '\n'); i >= 0 {
		end = from + i
	}
	end = max(from, end-trailing(src[begin:end]))
	to = min(to, end)

	var text, marks strings.Builder
	if columns := from - begin; columns > snippetWidth/2 {
		begin = runeStart(src, from-snippetWidth/3)
		text.WriteString("…")
		marks.WriteString(" ")
	}
	used := 0
	for i := begin; i < end; {
		r, size := utf8.DecodeRune(src[i:end])
		if used >= snippetWidth {
			text.WriteString("…")
			break
		}
		n := columns(r)
		text.WriteString(visible(r))
		switch {
		case i >= from && i < to:
			marks.WriteString(strings.Repeat("^", n))
		case i < from && r == '\t':
			// A tab above a tab keeps the mark under its text.
			marks.WriteByte('\t')
		case i < from:
			marks.WriteString(strings.Repeat(" ", n))
		}
		used += n
		i += size
	}
	mark = marks.String()
	if !strings.Contains(mark, "^") {
		mark += "^"
	}
	return strings.TrimRight(text.String(), " \t"), mark
}

// trailing counts the bytes of white space at the end of a line.
func trailing(line []byte) int { return len(line) - len(bytes.TrimRight(line, " \t\r")) }

func runeStart(src []byte, i int) int {
	for i > 0 && !utf8.RuneStart(src[i]) {
		i--
	}
	return i
}

// columns is how many cells of a terminal a character takes.
func columns(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case width.LookupRune(r).Kind() == width.EastAsianWide, width.LookupRune(r).Kind() == width.EastAsianFullwidth:
		return 2
	default:
		return 1
	}
}

// visible keeps what a terminal would obey, such as escape sequences and
// marks that turn the writing direction, from reaching it.
func visible(r rune) string {
	if r == '\t' || unicode.IsPrint(r) {
		return string(r)
	}
	return string(utf8.RuneError)
}

// printable is s with every character made visible.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r == '\t' || r == '\n' {
			r = ' '
		}
		b.WriteString(visible(r))
	}
	return b.String()
}

func shorten(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit-1]) + "…"
}

// Quote is a value in quotes, escaped and cut to a length that a message can
// hold.
func Quote(s string) string { return shorten(fmt.Sprintf("%q", s), 100) }

// wrap breaks a text at spaces so that lines stay within textWidth; lines
// that the text breaks itself stay broken.
func wrap(s string) string {
	var out strings.Builder
	for i, line := range strings.Split(s, "\n") {
		if i > 0 {
			out.WriteByte('\n')
		}
		used := 0
		for j, word := range strings.Fields(line) {
			n := utf8.RuneCountInString(word)
			switch {
			case j == 0:
			case used+1+n > textWidth:
				out.WriteByte('\n')
				used = 0
			default:
				out.WriteByte(' ')
				used++
			}
			out.WriteString(word)
			used += n
		}
	}
	return out.String()
}
