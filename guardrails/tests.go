package guardrails

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/tester"

	"skysail/internal/failure"
	"skysail/policies"
)

// TestResult is one test rule that ran, or was left out (todo_test_…).
type TestResult struct {
	Name     string        `json:"name"` // package and rule, as main.test_x
	File     string        `json:"file"`
	Line     int           `json:"line"`
	Passed   bool          `json:"passed"`
	Skipped  bool          `json:"skipped,omitempty"`
	Cause    string        `json:"cause,omitempty"`
	Printed  []string      `json:"printed,omitempty"`
	Duration time.Duration `json:"-"`
}

// Test runs the test rules (test_…) of all files with OPA's own runner, each
// for at most five seconds, and returns their results in the order of files.
// No test is no error. The error is a mistake in the rules.
func Test(ctx context.Context, user policies.Guardrails) ([]TestResult, error) {
	version, err := regoVersion(user.RegoVersion)
	if err != nil {
		return nil, err
	}
	files := sources(user.Rego)
	modules, err := parse(files, version)
	if err != nil {
		return nil, err
	}
	// The runner compiles once more and tells no snippet.
	if c := newCompiler(version); len(modules) > 0 {
		if c.Compile(modules); c.Failed() {
			return nil, regoFailure(files, c.Errors)
		}
	}
	if modules, err = parse(files, version); err != nil {
		return nil, err
	}
	ch, err := tester.NewRunner().SetCompiler(newCompiler(version)).SetModules(modules).SetTimeout(timeLimit).
		CapturePrintOutput(true).SetParallel(1).RunTests(ctx, nil)
	if err != nil {
		return nil, failure.Wrap(err, failure.Input, "tests of rules", "Nothing was changed.", mend)
	}
	out := []TestResult{}
	for r := range ch {
		out = append(out, testResult(r))
	}
	slices.SortFunc(out, func(a, b TestResult) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Name, b.Name))
	})
	return out, context.Cause(ctx)
}

// TestBuiltin runs the tests of the built-in rules.
func TestBuiltin(ctx context.Context) ([]TestResult, error) {
	files, err := builtinSources(true)
	if err != nil {
		return nil, err
	}
	var g policies.Guardrails
	for name, source := range files {
		g.Rego = append(g.Rego, policies.RegoFile{Name: name, Source: source})
	}
	return Test(ctx, g)
}

func testResult(r *tester.Result) TestResult {
	out := TestResult{
		Name: strings.TrimPrefix(r.Package, "data.") + "." + r.Name, Passed: r.Pass(), Skipped: r.Skip, Duration: r.Duration,
	}
	if r.Location != nil {
		out.File, out.Line = r.Location.File, r.Location.Row
	}
	if r.Error != nil {
		out.Cause = r.Error.Error()
		if errors.Is(r.Error, context.DeadlineExceeded) {
			out.Cause = ErrTime.Error()
		}
	}
	var failed []string
	for name, sub := range r.SubResults {
		if sub.Fail {
			failed = append(failed, name)
		}
	}
	if len(failed) > 0 {
		slices.Sort(failed)
		out.Cause = "cases that failed: " + strings.Join(failed, ", ")
	}
	if text := strings.TrimSpace(string(r.Output)); text != "" {
		out.Printed = strings.Split(clip(text), "\n")
	}
	return out
}
