package test

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"skysail/policies"
)

// docs/dependencies.md says of every direct dependency why it is there, and of
// nothing else.
func TestDependenciesAreExplained(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("reading go.mod: %v", err)
	}
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatal(err)
	}
	var direct []string
	for _, r := range mod.Require {
		if !r.Indirect {
			direct = append(direct, r.Path)
		}
	}
	explained := matches(t, "../docs/dependencies.md", "(?m)^\\| `([^`]+)` \\| \\S")
	slices.Sort(direct)
	slices.Sort(explained)
	if diff := cmp.Diff(direct, explained); diff != "" {
		t.Errorf("go.mod's direct dependencies (-) and docs/dependencies.md (+) differ:\n%s", diff)
	}
}

// The pages of the clouds have the same sections in the same order.
func TestProviderPagesAreAlike(t *testing.T) {
	want := []string{
		"Account and permissions", "Credentials", "What a deployment makes", "Time limit and spot",
		"Costs", "Metrics", "Limits", "How it was checked",
	}
	for _, p := range []string{policies.AWS, policies.GCP, policies.DigitalOcean, policies.Vultr} {
		if diff := cmp.Diff(want, matches(t, "../docs/providers/"+p+".md", `(?m)^## (.+)$`)); diff != "" {
			t.Errorf("the sections of docs/providers/%s.md:\n%s", p, diff)
		}
	}
}

// matches returns the first group of each match in a file.
func matches(t *testing.T, file, pattern string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
		out = append(out, m[1])
	}
	return out
}
