package guardrails

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"skysail/internal/failure"
)

const mend = "Mend the rule; `skysail policy test DIR` reads the rules and runs their tests."

func asErrors(name string, err error) ast.Errors {
	var errs ast.Errors
	if errors.As(err, &errs) {
		return errs
	}
	return ast.Errors{ast.NewError(ast.ParseErr, ast.NewLocation(nil, name, 1, 1), "%s", err.Error())}
}

// regoFailure tells mistakes in rules with their places.
func regoFailure(files map[string]string, errs ast.Errors) error {
	slices.SortStableFunc(errs, func(a, b *ast.Error) int { return strings.Compare(a.Error(), b.Error()) })
	parts := make([]string, 0, len(errs))
	for _, e := range errs {
		parts = append(parts, place(files, e.Location)+e.Message+hint(e.Message)+snippet(files, e.Location))
	}
	return failure.New(failure.Input, "rules can not be read:\n"+strings.Join(parts, "\n"), "Nothing was changed.", mend)
}

// hint explains messages whose cause is a choice of ours.
func hint(message string) string {
	for _, name := range forbidden {
		if strings.Contains(message, "undefined function "+name) {
			return " (rules reach neither network nor environment)"
		}
	}
	if strings.Contains(message, "`if` keyword is required") || strings.Contains(message, "`contains` keyword is required") {
		return ` (for rules in Rego v0: guardrails { rego_version = "v0" }, or --rego-version v0)`
	}
	return ""
}

// runFailure tells what stopped an evaluation.
func runFailure(s *ruleSet, rule string, err error) error {
	what := fmt.Sprintf("rule %s (%s)", rule, strings.Join(s.places[rule], ", "))
	var e *topdown.Error
	if errors.As(err, &e) && e.Location != nil {
		return failure.Wrap(err, failure.Input, place(s.files, e.Location)+what+snippet(s.files, e.Location), "Nothing was changed.", mend)
	}
	return failure.Wrap(err, failure.Input, what, "Nothing was changed.", mend)
}

func noRules(files map[string]string) error {
	return failure.New(failure.Input,
		"no deny, violation or warn rule in package main: "+strings.Join(slices.Sorted(maps.Keys(files)), ", "),
		"These rules could never refuse anything. Nothing was changed.", "Write `package main` on top of the file, and a rule such as `deny contains msg if { … }`.")
}

func badVersion(name string) error {
	return failure.New(failure.Input, fmt.Sprintf("rego version %q", name), "Rules are in Rego v1 or v0. Nothing was changed.", "Use v1 or v0.")
}

func place(_ map[string]string, at *ast.Location) string {
	if at == nil || at.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d: ", at.File, at.Row)
}

// snippet is the line of source at a place, marked.
func snippet(files map[string]string, at *ast.Location) string {
	if at == nil {
		return ""
	}
	lines := strings.Split(files[at.File], "\n")
	if at.Row < 1 || at.Row > len(lines) {
		return ""
	}
	line := strings.TrimRight(lines[at.Row-1], "\r")
	if len(line) > 200 {
		line = line[:200] + "…"
	}
	return fmt.Sprintf("\n  %4d | %s", at.Row, strings.ReplaceAll(line, "\t", "    "))
}
