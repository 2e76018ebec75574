package cases

import (
	"testing"

	"skysail/clouds/faults"
)

// Check holds a table against a file of cases: each text must get its class
// and scope, the message must be kept, and each of the first own rules must be
// what decides about at least one of them. unknown is how many texts the file
// must have that no rule knows.
func Check(t *testing.T, table faults.Table, own int, path string, unknown int) {
	t.Helper()
	all, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	hit := make([]bool, len(table))
	seen := map[string]bool{}
	for i, c := range all {
		if c.Source == "" || c.Class == "" || c.Scope == "" {
			t.Errorf("case %d lacks its class, scope or source", i+1)
		}
		if seen[c.Text] {
			t.Errorf("twice: %s", c.Text)
		}
		seen[c.Text] = true
		v := table.Judge("something else", c.Text)
		if c.Class == faults.Unknown {
			unknown--
			v = table.Judge(c.Text)
		}
		if v.Class != c.Class || v.Scope != c.Scope || v.Message != c.Text {
			t.Errorf("%s\n  is %s (%s), want %s (%s)\n  message %s\n  by %s", c.Text, v.Class, v.Scope, c.Class, c.Scope, v.Message, v.Source)
		}
		for n := range table {
			if table[n].Pattern.MatchString(c.Text) {
				hit[n] = true
				break
			}
		}
	}
	for n := range own {
		if !hit[n] {
			t.Errorf("no case for rule %d: %s %s", n+1, table[n].Class, table[n].Pattern)
		}
	}
	if unknown > 0 {
		t.Errorf("%d more texts that stay unknown are wanted", unknown)
	}
}
