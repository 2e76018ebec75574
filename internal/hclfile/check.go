package hclfile

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
)

// Mistake is what a check of decoded values found. The check knows fields,
// not places: the same one serves a file and a value built by a program.
type Mistake struct {
	// Path is the field, such as resources.cpu or ports[1].number. A block's
	// label is at PATH#label, a map's key at PATH[key]#name.
	Path    string
	Summary string
	// Detail may hold {value}, which stands for Value in quotes, or for
	// words that do not reveal it when it came from env() or file().
	Detail string
	Value  any
	Hint   string
	// Guess is a hint made of the value, given unless that is private.
	Guess string
	// Confidential keeps the line of source out of the message.
	Confidential bool
}

// report puts a mistake at its place in the file: that of its field, or of
// the nearest block around it. Nothing is said of a field that could not be
// decoded, for that is reported already.
func (f *File) report(m Mistake) {
	for path := m.Path; path != ""; path = outer(path) {
		if f.broken[path] {
			return
		}
	}
	d := m.diagnostic(f.private[m.Path])
	d.Subject = f.place(m.Path)
	f.diags = append(f.diags, d)
}

// Check is the *Error for mistakes in a value that came from no file, or nil
// when there are none. What names the value: `service "echo"`.
func Check(what string, mistakes []Mistake) error {
	if len(mistakes) == 0 {
		return nil
	}
	e := &Error{what: printable(what)}
	for _, m := range mistakes {
		d := m.diagnostic(false)
		d.Path = field(m.Path)
		e.diags = append(e.diags, d)
	}
	return e
}

func (m Mistake) diagnostic(private bool) diagnostic {
	d := diagnostic{Summary: m.Summary, Detail: m.Detail, Hint: m.Hint, noSource: m.Confidential}
	if private {
		const hidden = "he value (not shown, for it comes from env or file)"
		d.Detail = strings.ReplaceAll(d.Detail, "{value}", "t"+hidden)
		if strings.HasPrefix(d.Detail, "t"+hidden) {
			d.Detail = "T" + d.Detail[1:]
		}
		return d
	}
	if m.Guess != "" {
		d.Hint = m.Guess
	}
	d.Detail = strings.ReplaceAll(d.Detail, "{value}", show(m.Value))
	return d
}

// show is a value as a message has it: strings in quotes, numbers in full.
func show(v any) string {
	switch v := v.(type) {
	case string:
		return Quote(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return fmt.Sprint(v)
	}
}

// field is a path as a program's author knows it.
func field(path string) string {
	path = strings.TrimSuffix(path, "#name")
	if block, ok := strings.CutSuffix(path, "#label"); ok {
		return strings.TrimPrefix(block+".name", ".")
	}
	return path
}

// place finds the range of a path, or of the nearest path around it.
func (f *File) place(path string) *hcl.Range {
	for {
		if r, ok := f.places[path]; ok || path == "" {
			return &r
		}
		path = outer(path)
	}
}

// outer is the path around a path.
func outer(path string) string {
	return path[:max(strings.LastIndexAny(path, ".[#"), 0)]
}

// span is the range of some bytes of the source.
func (f *File) span(from, to int) *hcl.Range {
	start := advance(hcl.InitialPos, f.src[:from])
	return &hcl.Range{Filename: f.path, Start: start, End: advance(start, f.src[from:to])}
}

// advance is the position after some text.
func advance(p hcl.Pos, text []byte) hcl.Pos {
	p.Byte += len(text)
	if i := bytes.LastIndexByte(text, '\n'); i >= 0 {
		p.Line += bytes.Count(text, []byte{'\n'})
		p.Column = 1
		text = text[i+1:]
	}
	p.Column += utf8.RuneCount(text)
	return p
}
