// Package jsonassert judges a JSON document by a condition in JSONPath: what
// RFC 9535 (section 2.3.5) calls a logical expression, where $ and @ are the
// whole document:
//
//	$.status == "ok" && $.queue.depth < 100
//	length($.workers) >= 2 || search($.mode, "^standby")
//	$.checks[?@.state != "pass"]            (there is one such check)
//	!$.checks[?@.state != "pass"]           (there is none)
package jsonassert

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/theory/jsonpath"
	"github.com/theory/jsonpath/spec"
)

// maxText is the longest condition that is read, in bytes.
const maxText = 1024

// maxDepth is how deep a document may be nested.
const maxDepth = 100

// ErrNotJSON is a document that is no JSON.
var ErrNotJSON = errors.New("it is no JSON document")

// Condition is a condition that was read. It may be used side by side.
type Condition struct {
	text   string
	filter *spec.FilterSelector
}

// Parse reads a condition. The error says what is wrong and where, counted in
// bytes.
func Parse(text string) (*Condition, error) {
	const before = "$[?"
	if len(text) > maxText {
		return nil, fmt.Errorf("it has %d bytes, and at most %d are allowed", len(text), maxText)
	}
	p, err := jsonpath.Parse(before + text + "]")
	if err != nil {
		return nil, errors.New(reworded(err, len(before), len(text)))
	}
	// Text such as `@.a][0` closes the bracket itself.
	segments := p.Query().Segments()
	if len(segments) == 1 && !segments[0].IsDescendant() {
		if selectors := segments[0].Selectors(); len(selectors) == 1 {
			if f, ok := selectors[0].(*spec.FilterSelector); ok {
				return &Condition{text: text, filter: f}, nil
			}
		}
	}
	return nil, errors.New("it is more than one condition")
}

// reworded is the parser's error with the position in what the user wrote.
func reworded(err error, before, length int) string {
	s := strings.TrimPrefix(err.Error(), jsonpath.ErrPathParse.Error()+": ")
	i := strings.LastIndex(s, " at position ")
	if i < 0 {
		return s
	}
	at := 0
	if _, err := fmt.Sscanf(s[i:], " at position %d", &at); err != nil {
		return s
	}
	if at -= before; at >= length {
		return s[:i] + " at its end"
	}
	return fmt.Sprintf("%s at position %d", s[:i], at)
}

// String is the condition as it was written.
func (c *Condition) String() string { return c.text }

// Holds tells whether the condition is true of a document from Decode.
func (c *Condition) Holds(doc any) bool {
	return c.filter.Eval(doc, doc)
}

// Decode reads one JSON document, of whatever kind. The error is ErrNotJSON.
func Decode(src []byte) (any, error) {
	if deeper(src, maxDepth) {
		return nil, fmt.Errorf("%w that is nested at most %d deep", ErrNotJSON, maxDepth)
	}
	d := json.NewDecoder(bytes.NewReader(src))
	var doc any
	if err := d.Decode(&doc); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotJSON, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: something follows its end", ErrNotJSON)
	}
	return doc, nil
}

// deeper tells whether brackets are nested deeper than limit: the evaluation
// of a descendant segment is recursive.
func deeper(src []byte, limit int) bool {
	depth, inString := 0, false
	for i := 0; i < len(src); i++ {
		switch c := src[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > limit {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}
