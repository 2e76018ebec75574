package store

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPhasesDocumented compares the tables in docs/architecture.md with what
// the store allows.
func TestPhasesDocumented(t *testing.T) {
	doc, err := os.ReadFile("../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{}
	for from, to := range follows {
		want[string(from)] = sorted(to)
	}
	if diff := cmp.Diff(want, documented(t, string(doc), "### Phases of a deployment")); diff != "" {
		t.Errorf("phases of a deployment, store and table:\n%s", diff)
	}
	want = map[string][]string{}
	for from, to := range attemptFollows {
		want[string(from)] = sorted(to)
	}
	if diff := cmp.Diff(want, documented(t, string(doc), "### Phases of an attempt")); diff != "" {
		t.Errorf("phases of an attempt, store and table:\n%s", diff)
	}
}

func sorted[P ~string](ps []P) []string {
	out := []string{}
	for _, p := range ps {
		out = append(out, string(p))
	}
	slices.Sort(out)
	return out
}

var quoted = regexp.MustCompile("`([a-z-]+)`")

// documented reads the first table below a heading: phase by phase, what the
// third column says that it leads to.
func documented(t *testing.T, doc, heading string) map[string][]string {
	t.Helper()
	_, rest, ok := strings.Cut(doc, heading+"\n")
	if !ok {
		t.Fatalf("docs/architecture.md has no %q", heading)
	}
	out := map[string][]string{}
	begun := false
	for line := range strings.Lines(rest) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) < 5 {
			if begun {
				break
			}
			continue
		}
		begun = true
		phase := quoted.FindStringSubmatch(cells[1])
		if phase == nil {
			continue // the head
		}
		to := []string{}
		for _, m := range quoted.FindAllStringSubmatch(cells[3], -1) {
			to = append(to, m[1])
		}
		slices.Sort(to)
		out[phase[1]] = to
	}
	return out
}
