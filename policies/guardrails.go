package policies

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"skysail/internal/hclfile"
)

// maxRegoBytes bounds all rules of a policy: they are kept with each
// deployment.
const maxRegoBytes = 1 << 20

// Guardrails are the rules that a plan must pass before it is applied, beside
// those that are built in.
type Guardrails struct {
	// Rego are the user's rules. Load reads them, so that another process
	// needs no files.
	Rego []RegoFile `json:"rego,omitempty"`
	// RegoVersion is the language of Rego: "v1", which empty is too, or "v0".
	RegoVersion string `json:"rego_version,omitempty"`
	// WarnAsDeny makes every warning a denial.
	WarnAsDeny bool `json:"warn_as_deny,omitempty"`
}

// RegoFile is one file of rules.
type RegoFile struct {
	// Name is the file's path as the policy file names it.
	Name   string `json:"name"`
	Source string `json:"source"`
}

var guardrailsSchema = &hclfile.Schema{What: "a guardrails block", Attributes: []string{"rego", "rego_version", "warn_as_deny"}}

func decodeGuardrails(b *hclfile.Body, dir string, into *Guardrails) {
	if b == nil {
		return
	}
	b.Bool("warn_as_deny", &into.WarnAsDeny)
	b.String("rego_version", &into.RegoVersion)
	var paths []string
	b.Strings("rego", &paths)
	notEmpty(b, "rego", len(paths), "leave rego out for the built-in rules alone")
	for i, p := range paths {
		files, err := ReadRego(dir, p, false)
		if err == nil && size(into.Rego)+size(files) > maxRegoBytes {
			err = fmt.Errorf("all rules together have more than %d bytes", maxRegoBytes)
		}
		if err != nil {
			b.Report(hclfile.Mistake{
				Path:    fmt.Sprintf("rego[%d]", i),
				Summary: "Rules can not be read",
				Detail:  "{value}: " + err.Error() + ".",
				Value:   p,
				Hint:    "a file of Rego, or a folder with such files, relative to this file",
			})
			continue
		}
		for _, f := range files {
			if !slices.ContainsFunc(into.Rego, func(have RegoFile) bool { return have.Name == f.Name }) {
				into.Rego = append(into.Rego, f)
			}
		}
	}
}

func size(files []RegoFile) int {
	n := 0
	for _, f := range files {
		n += len(f.Source)
	}
	return n
}

// ReadRego reads a file of rules, or all *.rego files of a folder and of those
// in it, sorted; a relative path is one from dir. Tests, *_test.rego, only if
// they are wanted, or named as a file. A folder without rules is an error.
func ReadRego(dir, path string, tests bool) ([]RegoFile, error) {
	root := path
	if !filepath.IsAbs(root) {
		root = filepath.Join(dir, root)
	}
	st, err := os.Stat(root)
	if err != nil {
		return nil, bare(err)
	}
	names := []string{"."}
	if st.IsDir() {
		if names, err = regoNames(root, tests); err != nil {
			return nil, err
		}
	}
	var out []RegoFile
	total := 0
	for _, name := range names {
		full := filepath.Join(root, name)
		st, err := os.Stat(full)
		if err != nil {
			return nil, bare(err)
		}
		if !st.Mode().IsRegular() {
			return nil, fmt.Errorf("%s is no regular file", filepath.Join(path, name))
		}
		if total += int(min(st.Size(), maxRegoBytes+1)); total > maxRegoBytes {
			return nil, fmt.Errorf("more than %d bytes of rules", maxRegoBytes)
		}
		b, err := os.ReadFile(full) // #nosec G304 -- the user names the file
		if err != nil {
			return nil, bare(err)
		}
		out = append(out, RegoFile{Name: filepath.ToSlash(filepath.Join(path, name)), Source: string(b)})
	}
	return out, nil
}

func regoNames(root string, tests bool) ([]string, error) {
	var names []string
	err := filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return bare(err)
		}
		name := e.Name()
		if e.IsDir() || filepath.Ext(name) != ".rego" || !tests && strings.HasSuffix(name, "_test.rego") {
			return nil
		}
		rel, err := filepath.Rel(root, p)
		names = append(names, rel)
		return err
	})
	if err == nil && len(names) == 0 {
		err = errors.New("no *.rego file is in it")
	}
	return names, err
}

// bare is an error of the file system without the path, which the message has.
func bare(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

func (g Guardrails) mistakes() []hclfile.Mistake {
	var out []hclfile.Mistake
	if v := g.RegoVersion; v != "" && v != "v0" && v != "v1" {
		out = append(out, hclfile.Mistake{
			Path:    "guardrails.rego_version",
			Summary: "Unknown version of Rego",
			Detail:  "{value} is no version of Rego that rules can be in.",
			Value:   v,
			Hint:    hclfile.DidYouMean(v, []string{"v0", "v1"}),
		})
	}
	if n := size(g.Rego); n > maxRegoBytes {
		out = append(out, hclfile.Mistake{
			Path:    "guardrails.rego",
			Summary: "Too many rules",
			Detail:  fmt.Sprintf("All rules together have more than %d bytes.", maxRegoBytes),
		})
	}
	return out
}
