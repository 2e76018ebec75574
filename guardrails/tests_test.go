package guardrails

import (
	"strings"
	"testing"

	"skysail/policies"
)

// The tests in Rego of the built-in rules.
func TestBuiltinRego(t *testing.T) {
	results, err := TestBuiltin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(results) < 20 {
		t.Errorf("only %d tests", len(results))
	}
	for _, r := range results {
		if !r.Passed || r.Skipped {
			t.Errorf("%s:%d: %s: %s %v", r.File, r.Line, r.Name, r.Cause, r.Printed)
		}
	}
}

func TestResultsOfTests(t *testing.T) {
	results, err := Test(t.Context(), policies.Guardrails{Rego: []policies.RegoFile{
		{Name: "a_test.rego", Source: `package main

test_good if input.x == 1 with input as {"x": 1}

test_bad if {
	print("x is", input.x)
	input.x == 2
}

test_bad if input.x == 3

test_cases[name] if {
	some name, x in {"one": 1, "two": 2}
	x == 1
}

todo_test_later if false
`}, {Name: "b.rego", Source: "package main\n\ndeny contains \"x\" if input.y\n"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range results {
		word := "fail"
		switch {
		case r.Skipped:
			word = "skip"
		case r.Passed:
			word = "pass"
		}
		got = append(got, word+" "+r.Name)
	}
	want := "pass main.test_good, fail main.test_bad, fail main.test_bad#01, fail main.test_cases, skip main.todo_test_later"
	if strings.Join(got, ", ") != want {
		t.Errorf("got %v", got)
	}
	if c := results[3].Cause; !strings.Contains(c, "two") || strings.Contains(c, "one") {
		t.Errorf("cause %q", c)
	}
}
