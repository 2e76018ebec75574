package guardrails

import (
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"

	"skysail/policies"
)

const (
	builtinPackage = "builtin"
	userPackage    = "main" // conftest's default namespace
)

// Names of rules that decide, as conftest has them
// (https://github.com/open-policy-agent/conftest/blob/master/policy/engine.go).
var (
	denies = regexp.MustCompile(`^(deny|violation)(_[a-zA-Z0-9]+)*$`)
	warns  = regexp.MustCompile(`^warn(_[a-zA-Z0-9]+)*$`)
)

// forbidden are the functions of Rego that reach the network, the environment
// or a state outside of the evaluation.
var forbidden = []string{"http.send", "net.lookup_ip_addr", "opa.runtime"}

//go:embed builtin/*.rego
var builtinFiles embed.FS

// Rules are compiled rules: ours and a user's, apart from each other, so that
// neither can change what the other means. Safe for concurrent use.
type Rules struct {
	sets       []*ruleSet
	warnAsDeny bool
}

// ruleSet is one package's rules with all that they may use.
type ruleSet struct {
	pkg      string
	compiler *ast.Compiler
	files    map[string]string   // sources by name
	rules    []string            // sorted
	places   map[string][]string // files of each rule
}

// Compile reads the user's rules and adds the built-in ones. The error is a
// failure of the input with file, line and the source there.
func Compile(user policies.Guardrails) (*Rules, error) {
	ours, err := builtins()
	if err != nil {
		return nil, err
	}
	r := &Rules{sets: []*ruleSet{ours}, warnAsDeny: user.WarnAsDeny}
	if len(user.Rego) == 0 {
		return r, nil
	}
	version, err := regoVersion(user.RegoVersion)
	if err != nil {
		return nil, err
	}
	files := sources(user.Rego)
	set, err := compile(files, version, userPackage)
	if err != nil {
		return nil, err
	}
	if len(set.rules) == 0 {
		return nil, noRules(files)
	}
	r.sets = append(r.sets, set)
	return r, nil
}

func sources(rego []policies.RegoFile) map[string]string {
	files := make(map[string]string, len(rego))
	for _, f := range rego {
		files[f.Name] = f.Source
	}
	return files
}

func regoVersion(name string) (ast.RegoVersion, error) {
	switch strings.ToLower(name) {
	case "", "v1":
		return ast.RegoV1, nil
	case "v0":
		return ast.RegoV0, nil
	}
	return 0, badVersion(name)
}

// builtins are compiled once a process, when first needed.
var builtins = sync.OnceValues(func() (*ruleSet, error) {
	files, err := builtinSources(false)
	if err != nil {
		return nil, err
	}
	return compile(files, ast.RegoV1, builtinPackage)
})

func builtinSources(tests bool) (map[string]string, error) {
	files := map[string]string{}
	names, err := fs.Glob(builtinFiles, "builtin/*.rego")
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		if strings.HasSuffix(n, "_test.rego") && !tests {
			continue
		}
		b, err := builtinFiles.ReadFile(n)
		if err != nil {
			return nil, fmt.Errorf("built-in rules: %w", err)
		}
		files[n] = string(b)
	}
	return files, nil
}

// compile makes a set of all files; the rules of pkg are those that decide.
func compile(files map[string]string, version ast.RegoVersion, pkg string) (*ruleSet, error) {
	modules, err := parse(files, version)
	if err != nil {
		return nil, err
	}
	c := newCompiler(version)
	if c.Compile(modules); c.Failed() {
		return nil, regoFailure(files, c.Errors)
	}
	set := &ruleSet{pkg: pkg, compiler: c, files: files, places: map[string][]string{}}
	for name, m := range modules {
		if packageOf(m) == pkg {
			set.add(name, m)
		}
	}
	slices.Sort(set.rules)
	for _, places := range set.places {
		slices.Sort(places)
	}
	return set, nil
}

func capabilities() *ast.Capabilities {
	caps := ast.CapabilitiesForThisVersion()
	caps.Builtins = slices.DeleteFunc(caps.Builtins, func(b *ast.Builtin) bool { return slices.Contains(forbidden, b.Name) })
	caps.AllowNet = []string{}
	return caps
}

func newCompiler(version ast.RegoVersion) *ast.Compiler {
	return ast.NewCompiler().WithCapabilities(capabilities()).WithDefaultRegoVersion(version).WithEnablePrintStatements(true)
}

func parse(files map[string]string, version ast.RegoVersion) (map[string]*ast.Module, error) {
	opts := ast.ParserOptions{RegoVersion: version, Capabilities: capabilities()}
	modules := map[string]*ast.Module{}
	var errs ast.Errors
	for name, source := range files {
		m, err := ast.ParseModuleWithOpts(name, source, opts)
		switch {
		case err != nil:
			errs = append(errs, asErrors(name, err)...)
		case m != nil: // nil is a file without a statement
			modules[name] = m
			errs = append(errs, misshapen(m)...)
		}
	}
	if len(errs) > 0 {
		return nil, regoFailure(files, errs)
	}
	return modules, nil
}

func packageOf(m *ast.Module) string {
	return strings.TrimPrefix(m.Package.Path.String(), "data.")
}

func (s *ruleSet) add(file string, m *ast.Module) {
	for _, r := range m.Rules {
		name := r.Head.Name.String()
		if !denies.MatchString(name) && !warns.MatchString(name) {
			continue
		}
		if !slices.Contains(s.rules, name) {
			s.rules = append(s.rules, name)
		}
		if !slices.Contains(s.places[name], file) {
			s.places[name] = append(s.places[name], file)
		}
	}
}

// misshapen finds `deny[msg] if` and `deny.x if`: they make an object where a
// set is meant, and would never deny anything. conftest refuses them as well
// (problematicIf, https://github.com/open-policy-agent/opa/issues/6509).
func misshapen(m *ast.Module) ast.Errors {
	var errs ast.Errors
	for _, r := range m.Rules {
		if r.Head.Name != "" || len(r.Head.Reference) == 0 {
			continue
		}
		name := strings.Trim(r.Head.Reference[0].Value.String(), `"`)
		if !denies.MatchString(name) && !warns.MatchString(name) {
			continue
		}
		errs = append(errs, ast.NewError(ast.CompileErr, r.Head.Location,
			"%s is an object here and would never hold: write `%s contains msg if`", name, name))
	}
	return errs
}
