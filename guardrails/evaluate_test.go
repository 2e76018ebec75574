package guardrails

import "testing"

func TestBuiltinCompile(t *testing.T) {
	if _, err := builtins(); err != nil {
		t.Fatal(err)
	}
}
