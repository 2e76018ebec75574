package faults_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"skysail/clouds/faults"
	"skysail/clouds/faults/cases"
)

// Every table of the program is one that can be read, and all tables together
// have as many cases as we promise.
func TestTables(t *testing.T) {
	tables, err := filepath.Glob("../*/faults.yaml")
	if err != nil || len(tables) < 6 {
		t.Fatalf("%d tables: %v", len(tables), err)
	}
	total := 0
	for _, path := range append(tables, "common.yaml") {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := faults.Parse(path, raw); err != nil {
			t.Error(err)
		}
		all, err := cases.Load(filepath.Join(filepath.Dir(path), "testdata/faults.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		total += len(all)
	}
	if total < 100 {
		t.Errorf("%d cases, want 100 at least", total)
	}
	t.Logf("%d cases", total)
}

func TestADamagedTableSaysWhere(t *testing.T) {
	for _, c := range []struct{ name, table, want string }{
		{"nothing", ``, "no rules"},
		{"unknown key", "rules:\n  - klass: auth\n", "line 2: field klass not found"},
		{"class", "rules:\n  - {class: auth, pattern: a, source: s}\n  - {class: bad, pattern: a, source: s}\n", `rule 2: "bad" is no class`},
		{"scope", "rules:\n  - {class: auth, scope: moon, pattern: a, source: s}\n", `rule 1: "moon" is no scope`},
		{"source", "rules:\n  - {class: auth, pattern: a}\n", "rule 1: it names no source"},
		{"words", "rules:\n  - {class: auth, source: s}\n", "neither codes nor a pattern"},
		{"form", "rules:\n  - {class: auth, codes: [A], source: s}\n", "no code_form"},
		{"pattern", "rules:\n  - {class: auth, pattern: '(', source: s}\n", "missing closing )"},
	} {
		if _, err := faults.Parse("x.yaml", []byte(c.table)); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "x.yaml") {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestCodesStandInTheirForm(t *testing.T) {
	table, err := faults.Parse("x.yaml", []byte("code_form: 'api error (?:CODES):'\nrules:\n  - {class: quota, scope: provider, codes: [A, B], pattern: limit, source: s}\n"))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]faults.Class{
		"api error B: the limit": faults.Quota, "api error A: the\nLIMIT": faults.Quota,
		"api error C: limit": faults.Unknown, "api error AB: limit": faults.Unknown, "api error A: no": faults.Unknown,
	} {
		if v := table.Judge(text); v.Class != want || v.Class == faults.Quota && v.Scope != faults.ScopeProvider {
			t.Errorf("%q: %+v", text, v)
		}
	}
}
