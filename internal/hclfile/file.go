// Package hclfile reads the HCL files that people write, and their JSON form,
// so that every mistake in them ends as a diagnostic with its place in the
// source, what is wrong and a hint, all mistakes of a file at once. It knows
// nothing of services or policies: those packages describe their blocks by a
// Schema and check their values.
package hclfile

import (
	"bytes"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"
)

// MaxSize is the size in bytes above which a file is refused.
const MaxSize = 1 << 20

// ParseOptions say what a file is and what its functions may see.
type ParseOptions struct {
	// Kind is "service" or "policy": it names the file in hints.
	Kind string
	// LookupEnv answers env("NAME"); nil means os.LookupEnv.
	LookupEnv func(name string) (string, bool)
}

// File is a file being decoded. Mistakes are collected in it; Err returns
// them all.
type File struct {
	path    string
	dir     string
	src     []byte
	isJSON  bool
	hcl     *hcl.File
	opts    ParseOptions
	eval    *hcl.EvalContext
	root    *Schema
	refused map[string]bool // names that env() may not read

	diags   []diagnostic
	places  map[string]hcl.Range
	broken  map[string]bool
	private map[string]bool
}

// Parse reads the file at path. A name that ends in .json is read as HCL-JSON,
// every other one as HCL. The error is an *Error.
func Parse(path string, opts ParseOptions) (*File, error) {
	src, err := read(path)
	if err != nil {
		return nil, unreadable(path, opts.Kind, err)
	}
	return ParseSource(path, src, opts)
}

// ParseSource is Parse for bytes that are already at hand. The path gives the
// form, the name in diagnostics, and the folder of relative paths.
func ParseSource(path string, src []byte, opts ParseOptions) (*File, error) {
	if opts.LookupEnv == nil {
		opts.LookupEnv = os.LookupEnv
	}
	f := &File{
		path:    path,
		dir:     folderOf(path),
		src:     trimBOM(src),
		isJSON:  strings.EqualFold(filepath.Ext(path), ".json"),
		opts:    opts,
		refused: map[string]bool{},
		places:  map[string]hcl.Range{},
		broken:  map[string]bool{},
		private: map[string]bool{},
	}
	f.eval = f.evalContext()
	if !f.acceptable() {
		return nil, f.Err()
	}
	var diags hcl.Diagnostics
	if f.isJSON {
		f.hcl, diags = json.Parse(f.src, path)
	} else {
		f.hcl, diags = hclsyntax.ParseConfig(f.src, path, hcl.InitialPos)
	}
	f.add(diags)
	if fatal(diags) {
		return nil, f.Err()
	}
	if f.isJSON && bytes.TrimLeft(f.src, " \t\r\n")[0] != '{' {
		f.fail(f.span(0, 1), "The file is not a JSON object", "The outermost value of the file must be an object.", "write it as { … }")
		return nil, f.Err()
	}
	return f, nil
}

// fatal tells whether the parser lost its way. What it says of the rest of
// the file is then of no use, except after a repeated argument, which leaves
// everything else readable.
func fatal(diags hcl.Diagnostics) bool {
	for _, d := range diags {
		if d.Severity == hcl.DiagError && d.Summary != "Attribute redefined" {
			return true
		}
	}
	return false
}

// Dir is the absolute folder of the file, against which paths in it are
// resolved.
func (f *File) Dir() string { return f.dir }

// Err returns every mistake found so far as an *Error, sorted by place, or
// nil.
func (f *File) Err() error {
	if len(f.diags) == 0 {
		return nil
	}
	diags := append([]diagnostic(nil), f.diags...)
	sort.SliceStable(diags, func(i, j int) bool { return diags[i].offset() < diags[j].offset() })
	return &Error{path: f.path, src: f.src, hcl: f.hcl, diags: unique(diags)}
}

// unique drops what was said twice of one place: a value may be looked at
// more than once.
func unique(sorted []diagnostic) []diagnostic {
	out := make([]diagnostic, 0, len(sorted))
	for i, d := range sorted {
		said := false
		for j := i - 1; j >= 0 && sorted[j].offset() == d.offset() && !said; j-- {
			said = sorted[j].Summary == d.Summary && sorted[j].Detail == d.Detail
		}
		if !said {
			out = append(out, d)
		}
	}
	return out
}

// RefuseEnv makes env() refuse these names: they are secrets, whose values
// must not become part of what is decoded. It applies to what is decoded
// afterwards.
func (f *File) RefuseEnv(names []string) {
	for _, n := range names {
		f.refused[n] = true
	}
}

func folderOf(path string) string {
	dir := filepath.Dir(path)
	if abs, err := filepath.Abs(dir); err == nil {
		return abs
	}
	return dir
}
