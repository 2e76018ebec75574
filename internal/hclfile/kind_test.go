package hclfile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestKind(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ name, source, want string }{
		{"a.hcl", "service \"a\" {\n}\n", "service"},
		{"b.hcl", "policy {\n}\n", "policy"},
		{"policy.hcl", "service \"a\" {\n}\n", "service"},
		{"service.hcl", "policy {\n}\n", "policy"},
		{"my-policy.hcl", "# nothing\n", "policy"},
		{"c.hcl", "# nothing\n", "service"},
		{"both.hcl", "policy {\n}\nservice \"a\" {\n}\n", "service"},
		{"d.json", `{"policy": {}}`, "policy"},
		{"e.json", `{"service": {"a": {}}}`, "service"},
	} {
		path := filepath.Join(dir, c.name)
		if err := os.WriteFile(path, []byte(c.source), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := Kind(path)
		if err != nil || got != c.want {
			t.Errorf("%s: %q, %v, want %q", c.name, got, err, c.want)
		}
	}
	if _, err := Kind(filepath.Join(dir, "none.hcl")); len(Errors(err)) != 1 {
		t.Errorf("want an *Error, got %v", err)
	}
}

func TestErrors(t *testing.T) {
	a, b := &Error{path: "a"}, &Error{path: "b"}
	joined := errors.Join(a, errors.New("another"), errors.Join(b, nil))
	if got := Errors(joined); len(got) != 2 || got[0] != a || got[1] != b {
		t.Errorf("Errors = %v", got)
	}
	if got := Errors(nil); got != nil {
		t.Errorf("Errors(nil) = %v", got)
	}
}
