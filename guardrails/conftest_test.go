package guardrails

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"skysail/internal/failure"
	"skysail/policies"
)

// oneResource is a plan that the built-in rules have nothing to say of.
const oneResource = `{"resource_changes": [{"address": "x.y", "type": "x", "change": {"actions": ["create"], "after": {"kind": "Deployment", "name": "hello", "replicas": 3}}}]}`

func user(version string, files ...string) policies.Guardrails {
	g := policies.Guardrails{RegoVersion: version}
	for i, source := range files {
		g.Rego = append(g.Rego, policies.RegoFile{Name: "rego/" + string(rune('a'+i)) + ".rego", Source: source})
	}
	return g
}

func messages(rs []Result) []string {
	out := []string{}
	for _, r := range rs {
		out = append(out, r.Rule+": "+r.Message)
	}
	return out
}

// What conftest does, after its acceptance tests (acceptance.bats), its engine
// (policy/engine.go, policy/engine_test.go) and its results
// (output/result.go) in https://github.com/open-policy-agent/conftest at
// 6a3fd606. The rules are written anew.
func TestConftestSemantics(t *testing.T) {
	const after = "x := input.resource_changes[_].change.after\n"
	for _, tt := range []struct {
		name       string // in quotes: a test of acceptance.bats
		rules      policies.Guardrails
		deny, warn []string
		except     []string
	}{
		{
			name:  `"Not fail when testing a service with a warning"`,
			rules: user("", "package main\nwarn contains msg if {\n"+after+"x.kind == \"Deployment\"\nmsg := sprintf(\"found %s\", [x.name])\n}"),
			warn:  []string{"warn: found hello"},
		},
		{
			name:  `"Fail when testing a deployment with root containers"`,
			rules: user("", "package main\ndeny contains msg if {\n"+after+"not x.user\nmsg := \"runs as root\"\n}"),
			deny:  []string{"deny: runs as root"},
		},
		{
			name: `"Fail when testing a service with warnings" (--fail-on-warn)`,
			rules: func() policies.Guardrails {
				g := user("", "package main\nwarn contains \"found\" if input.resource_changes")
				g.WarnAsDeny = true
				return g
			}(),
			deny: []string{"warn: found"},
		},
		{
			name:  "several rules of a name, and files, are one",
			rules: user("", "package main\ndeny contains \"a\"\ndeny contains \"b\"", "package main\ndeny contains \"c\"\ndeny contains \"a\""),
			deny:  []string{"deny: a", "deny: b", "deny: c"},
		},
		{
			name: "violation, as Gatekeeper has it, and suffixes (TestIsFailure, TestIsWarning)",
			rules: user("", `package main
violation contains {"msg": "v"}
violation_x_y_z contains {"msg": "vx"}
deny_1 contains "d1"
warn_1 contains "w1"
denyXYZ contains "no"
deny_ contains "no"
warnXYZ contains "no"
warn_ contains "no"
Deny contains "no"`),
			deny: []string{"deny_1: d1", "violation: v", "violation_x_y_z: vx"},
			warn: []string{"warn_1: w1"},
		},
		{
			name:  `"Does not fail with the namespace main" (docker): other packages are not asked`,
			rules: user("", "package main\nimport data.lib\ndeny contains m if some m in lib.deny", "package lib\ndeny contains \"from lib\"", "package other\ndeny contains \"never\""),
			deny:  []string{"deny: from lib"},
		},
		{
			name: `"Exceptions reported correctly"`,
			rules: user("", "package main\n"+`
deny_run_as_root contains "root"
deny_replicas contains "replicas"
exception contains rules if {
	`+after+`x.name == "hello"
	rules := ["run_as_root"]
}`),
			deny:   []string{"deny_replicas: replicas"},
			except: []string{"deny_run_as_root"},
		},
		{
			name:   "a rule without a suffix is excepted by the empty name (removeRulePrefix)",
			rules:  user("", "package main\ndeny contains \"a\"\ndeny_b contains \"b\"\nexception contains [\"\"]"),
			deny:   []string{"deny_b: b"},
			except: []string{"deny"},
		},
		{
			name:   "an exception covers every kind of rule of its name",
			rules:  user("", "package main\ndeny_x contains \"a\"\nwarn_x contains \"b\"\nviolation_x contains {\"msg\": \"c\"}\nexception contains [\"x\"]"),
			except: []string{"deny_x", "violation_x", "warn_x"},
		},
		{
			name:  "an exception that does not hold",
			rules: user("", "package main\ndeny_x contains \"a\"\nexception contains [\"x\"] if input.nothing"),
			deny:  []string{"deny_x: a"},
		},
		{
			name:  "an empty message is none (Result.Passed)",
			rules: user("", "package main\ndeny contains \"\"\ndeny contains {\"msg\": \"\"}\nwarn contains \"w\""),
			warn:  []string{"warn: w"},
		},
		{
			name:  "the file's name (TestAddFileInfo)",
			rules: user("", "package main\ndeny contains {\"msg\": msg} if {\nmsg := data.conftest.file.name\n}"),
			deny:  []string{"deny: plan.json"},
		},
		{
			name:  "Rego v0 (--rego-version v0)",
			rules: user("v0", "package main\ndeny[msg] { input.resource_changes[_].type == \"x\"; msg = \"old\" }\nwarn[{\"msg\": \"w\"}] { true }"),
			deny:  []string{"deny: old"},
			warn:  []string{"warn: w"},
		},
		{
			name:  "Rego v1 in v0 by import",
			rules: user("v0", "package main\nimport rego.v1\ndeny contains \"new\" if true"),
			deny:  []string{"deny: new"},
		},
		{
			name:  "import rego.v1 in v1 (as all of conftest's examples)",
			rules: user("", "package main\nimport rego.v1\ndeny contains \"new\" if true"),
			deny:  []string{"deny: new"},
		},
		{
			name:  "a function that fails makes its rule undefined (without --show-builtin-errors)",
			rules: user("", "package main\ndeny contains \"n\" if to_number(\"x\") == 1\ndeny contains \"y\""),
			deny:  []string{"deny: y"},
		},
		{
			name:  "a list of messages in place of a set",
			rules: user("", "package main\ndeny := [\"b\", \"a\"]"),
			deny:  []string{"deny: a", "deny: b"},
		},
		{
			name:  "false is nothing",
			rules: user("", "package main\ndefault deny := false\nwarn contains \"w\""),
			warn:  []string{"warn: w"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v, err := Evaluate(t.Context(), Input{Plan: []byte(oneResource), Rules: tt.rules})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(append([]string{}, tt.deny...), messages(v.Deny)); d != "" {
				t.Error("deny", d)
			}
			if d := cmp.Diff(append([]string{}, tt.warn...), messages(v.Warn)); d != "" {
				t.Error("warn", d)
			}
			if !slices.Equal(v.Exceptions, tt.except) {
				t.Errorf("exceptions %v", v.Exceptions)
			}
		})
	}
}

// An object's other fields are the result's metadata, but for _loc
// (output/result.go); address is ours.
func TestMetadata(t *testing.T) {
	v, err := Evaluate(t.Context(), Input{Plan: []byte(oneResource), Rules: user("", `package main
deny contains {"msg": "m", "address": "x.y", "severity": 3, "details": {"a": [1]}, "_loc": {"file": "f", "line": 1}}`)})
	if err != nil {
		t.Fatal(err)
	}
	r := v.Deny[0]
	if r.Address != "x.y" || r.Source != "rego/a.rego" || len(r.Metadata) != 2 || text(r.Metadata) != `{"details":{"a":[1]},"severity":3}` {
		t.Errorf("got %+v", r)
	}
	if want := "m [x.y] (deny, rego/a.rego)"; v.DenyTexts()[0] != want {
		t.Errorf("got %q", v.DenyTexts()[0])
	}
}

func TestPrint(t *testing.T) {
	v, err := Evaluate(t.Context(), Input{Plan: []byte(oneResource), Rules: user("", "package main\ndeny contains \"d\" if {\nprint(\"seen\", input.resource_changes[0].type)\n}")})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"rego/a.rego:3: seen x"}; !slices.Equal(v.Printed, want) {
		t.Errorf("got %v", v.Printed)
	}
}

func TestMistakesInRules(t *testing.T) {
	for _, tt := range []struct {
		name, source string
		want         []string
	}{
		{"syntax", "package main\n\ndeny contains msg if {\n\tmsg := \n}", []string{"rego/a.rego:5: ", "   5 | }"}},
		{"undefined", "package main\ndeny contains msg if msg := nothing(1)", []string{"rego/a.rego:2: undefined function nothing", "2 | deny contains msg if msg := nothing(1)"}},
		{"v0 in v1", "package main\ndeny[msg] { msg = \"x\" }", []string{"rego/a.rego:2: ", "rego_version = \"v0\""}},
		{"if without contains", "package main\ndeny[msg] if msg := \"x\"", []string{"rego/a.rego:2: ", "write `deny contains msg if`"}},
		{"network", "package main\ndeny contains \"x\" if http.send({\"url\": \"http://127.0.0.1\", \"method\": \"GET\"}).status_code == 200", []string{"undefined function http.send", "neither network nor environment"}},
		{"environment", "package main\ndeny contains \"x\" if opa.runtime().env.HOME", []string{"undefined function opa.runtime"}},
		{"resolver", "package main\ndeny contains \"x\" if net.lookup_ip_addr(\"localhost\")", []string{"undefined function net.lookup_ip_addr"}},
		{"no rule", "package mian\ndeny contains \"x\"", []string{"no deny, violation or warn rule in package main: rego/a.rego"}},
		{"no msg", "package main\ndeny contains {\"message\": \"x\"}", []string{`"msg" field must be present and a string`, "rule deny (rego/a.rego)"}},
		{"true", "package main\ndeny := true", []string{"not a set of messages"}},
		{"a number", "package main\ndeny contains 7", []string{"7 is no message"}},
		{"conflict", "package main\nx := 1 if true\nx := 2 if true\ndeny contains \"d\" if x == 1", []string{"rego/a.rego:", "rule deny"}},
	} {
		_, err := Evaluate(t.Context(), Input{Plan: []byte(oneResource), Rules: user("", tt.source)})
		if failure.CodeOf(err) != failure.Input {
			t.Errorf("%s: got %v", tt.name, err)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: no %q in:\n%v", tt.name, want, err)
			}
		}
	}
}
