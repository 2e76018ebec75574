package spec_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"skysail/spec"
)

// Each example is what a person copies from; all of them must load.
func TestExamples(t *testing.T) {
	if _, err := os.Stat("../examples/hello/dist/hello.tar.gz.sha256"); err != nil {
		out, err := exec.CommandContext(t.Context(), "go", "run", "../examples/hello/pack").CombinedOutput()
		if err != nil {
			t.Fatalf("packing the hello service: %v\n%s", err, out)
		}
	}
	files, err := filepath.Glob("../examples/*/service.hcl")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, file := range files {
		s, err := spec.Load(file)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if names[s.Name] {
			t.Errorf("%s: there are two examples named %s", file, s.Name)
		}
		names[s.Name] = true
	}
	for _, want := range []string{"hello", "cruncher", "web", "models", "registry", "cache", "shop"} {
		if !names[want] {
			t.Errorf("no example is named %s: %v", want, names)
		}
	}
}
