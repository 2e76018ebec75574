package hclfile

import (
	"errors"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// diagnostic is one mistake. Subject is nil when it has no place in the
// source; Path is then the field of the value that was checked.
type diagnostic struct {
	Summary, Detail, Hint string
	Subject               *hcl.Range
	Path                  string
	noSource              bool // the line of source is confidential
	cause                 error
}

func (d diagnostic) offset() int {
	if d.Subject == nil {
		return -1
	}
	return d.Subject.Start.Byte
}

// Error is every mistake of one file, or of one value that was built without
// a file. Its text shows each with its line of source.
type Error struct {
	path  string
	what  string // the value, such as `service "echo"`, where there is no file
	src   []byte
	hcl   *hcl.File
	diags []diagnostic
}

// Problem is one mistake in plain fields, for JSON output. Line and Column
// count from 1 and are 0 when the mistake is not at one place of the file.
type Problem struct {
	Summary string `json:"summary"`
	Detail  string `json:"detail"`
	Hint    string `json:"hint,omitempty"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	// Field is set when a value was checked that came from no file.
	Field string `json:"field,omitempty"`
}

func (e *Error) Error() string {
	var b strings.Builder
	e.render(&b)
	return b.String()
}

// Unwrap gives errors.Is the reasons why a file could not be read, such as
// fs.ErrNotExist.
func (e *Error) Unwrap() error {
	var causes []error
	for _, d := range e.diags {
		if d.cause != nil {
			causes = append(causes, d.cause)
		}
	}
	return errors.Join(causes...)
}

// Errors returns each *Error in err's tree, in order: two files that are wrong
// are reported as one joined error.
func Errors(err error) []*Error {
	switch e := err.(type) { //nolint:errorlint // it walks the tree itself
	case nil:
		return nil
	case *Error:
		return []*Error{e}
	case interface{ Unwrap() []error }:
		var out []*Error
		for _, inner := range e.Unwrap() {
			out = append(out, Errors(inner)...)
		}
		return out
	default:
		return Errors(errors.Unwrap(err))
	}
}

// Diagnostics returns the mistakes in the hcl library's form. The hint is the
// last paragraph of a diagnostic's detail.
func (e *Error) Diagnostics() hcl.Diagnostics {
	out := make(hcl.Diagnostics, 0, len(e.diags))
	for _, d := range e.diags {
		detail := d.Detail
		if d.Hint != "" {
			detail += "\n\nHint: " + d.Hint
		}
		out = append(out, &hcl.Diagnostic{
			Severity: hcl.DiagError,
			Summary:  d.Summary,
			Detail:   detail,
			Subject:  d.Subject,
		})
	}
	return out
}

// Problems returns the mistakes as plain fields, sorted by place.
func (e *Error) Problems() []Problem {
	out := make([]Problem, 0, len(e.diags))
	for _, d := range e.diags {
		p := Problem{Summary: d.Summary, Detail: d.Detail, Hint: d.Hint, File: e.path, Field: d.Path}
		if d.Subject != nil {
			p.Line, p.Column, p.Field = d.Subject.Start.Line, d.Subject.Start.Column, ""
		}
		out = append(out, p)
	}
	return out
}

// fail records a mistake.
func (f *File) fail(at *hcl.Range, summary, detail, hint string) {
	f.diags = append(f.diags, diagnostic{Summary: summary, Detail: detail, Hint: hint, Subject: at})
}
