package hclfile

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// maxReads bounds how often one file may call file().
const maxReads = 100

// setAlready is how hcl says that an argument is repeated.
var setAlready = regexp.MustCompile(`^The argument ("[^"]*") was already set at .*:(\d+),`)

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// callError is why a function call failed, in the parts of a diagnostic.
type callError struct {
	summary, detail, hint string
}

func (e *callError) Error() string { return e.detail }

func (f *File) evalContext() *hcl.EvalContext {
	reads := 0
	text := func(name string, call func(string) (string, *callError)) function.Function {
		return function.New(&function.Spec{
			Params: []function.Parameter{{Name: name, Type: cty.String}},
			Type:   function.StaticReturnType(cty.String),
			Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
				s, err := call(args[0].AsString())
				if err != nil {
					return cty.NilVal, err
				}
				return cty.StringVal(s), nil
			},
		})
	}
	return &hcl.EvalContext{
		Variables: map[string]cty.Value{},
		Functions: map[string]function.Function{
			"env": text("name", f.callEnv),
			"file": text("path", func(path string) (string, *callError) {
				if reads++; reads > maxReads {
					return "", &callError{
						"Too many calls of file()",
						fmt.Sprintf("One file may call file() %d times.", maxReads),
						"put large data into the image or archive of the service",
					}
				}
				return f.callFile(path)
			}),
		},
	}
}

func (f *File) callEnv(name string) (string, *callError) {
	if !envName.MatchString(name) {
		return "", &callError{
			"Invalid environment variable name",
			fmt.Sprintf("%s cannot be the name of an environment variable.", Quote(name)),
			"a name has letters, digits and underscores, and does not begin with a digit",
		}
	}
	if f.refused[name] {
		return "", &callError{
			"Secret read into the file",
			fmt.Sprintf("%s is listed in secrets, so its value must not become part of the service: it would end in plans, state and logs.", name),
			fmt.Sprintf("remove this call: the service finds %s in its own environment", name),
		}
	}
	value, ok := f.opts.LookupEnv(name)
	if !ok {
		return "", &callError{
			"Environment variable not set",
			fmt.Sprintf("There is no environment variable %s.", name),
			fmt.Sprintf("set it before you run skysail: export %s=…", name),
		}
	}
	if !utf8.ValidString(value) {
		return "", &callError{
			"Environment variable is not UTF-8 text",
			fmt.Sprintf("The value of %s holds bytes that are no UTF-8 text.", name), "",
		}
	}
	return value, nil
}

func (f *File) callFile(path string) (string, *callError) {
	full, shown := path, printable(path)
	if !filepath.IsAbs(path) {
		full = filepath.Join(f.dir, path)
		shown = printable(filepath.Join(filepath.Dir(f.path), path))
	}
	src, err := read(full)
	if err != nil {
		e := &callError{summary: "File cannot be read", detail: fmt.Sprintf("%s: %s.", shown, reason(err))}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			e.summary = "File not found"
			e.detail = shown + " does not exist."
			e.hint = "the path is relative to the folder of this file; was the step that writes it run?"
		case errors.Is(err, errTooBig):
			e.hint = "file() is for short texts such as a digest"
		}
		return "", e
	}
	if !utf8.Valid(src) {
		return "", &callError{"File is not UTF-8 text", shown + " holds bytes that are no UTF-8 text.", "file() is for texts such as a digest"}
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(src), "\n"), "\r"), nil
}

// add takes over what the hcl library found, in our words where its own do
// not fit these files.
func (f *File) add(diags hcl.Diagnostics) {
	for _, d := range diags {
		if d.Severity != hcl.DiagError {
			continue
		}
		n := diagnostic{Summary: d.Summary, Detail: d.Detail, Subject: d.Subject}
		if extra, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d); ok {
			var call *callError
			if errors.As(extra.FunctionCallError(), &call) {
				n.Summary, n.Detail, n.Hint = call.summary, call.detail, call.hint
				if d.Context != nil {
					n.Subject = d.Context
				}
			} else {
				n.Hint = fmt.Sprintf("%s() takes one string, in quotes", extra.CalledFunctionName())
			}
		} else {
			f.reword(&n, d)
		}
		f.diags = append(f.diags, n)
	}
}

func (f *File) reword(n *diagnostic, d *hcl.Diagnostic) {
	switch d.Summary {
	case "Unknown variable", "Variables not allowed":
		n.Summary = "String without quotes"
		if d.Expression != nil {
			n.Subject = d.Expression.Range().Ptr()
		}
		word := f.text(n.Subject)
		n.Detail = fmt.Sprintf("%s stands here without quotes, as a variable would; there are no variables in this file.", word)
		n.Hint = fmt.Sprintf("write %q; a value from the environment is env(\"NAME\")", word)
	case "Call to unknown function":
		n.Hint = "the functions are env(\"NAME\") and file(\"path\")"
	case "Attribute redefined", "Duplicate argument":
		n.Summary = "Argument given twice"
		if m := setAlready.FindStringSubmatch(d.Detail); m != nil {
			n.Detail = fmt.Sprintf("%s is given at line %s already.", m[1], m[2])
		}
		n.Hint = "keep one of the two"
	}
	if !f.isJSON && f.src[0] == '{' {
		n.Hint = "this looks like JSON; for that the file's name ends in .json"
	}
}

// text is what the source has at a range, cut to a word's length.
func (f *File) text(r *hcl.Range) string {
	if r == nil || r.Start.Byte < 0 || r.End.Byte > len(f.src) || r.Start.Byte > r.End.Byte {
		return ""
	}
	return shorten(printable(string(f.src[r.Start.Byte:r.End.Byte])), 60)
}
