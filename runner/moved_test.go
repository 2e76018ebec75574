package runner

import (
	"os"
	"path/filepath"
	"testing"
)

// TestSavedPlanMoves plans in one place and applies in another: a bundle that
// was approved is copied, and the saved plan finds the state beside it.
func TestSavedPlanMoves(t *testing.T) {
	w := newWorkspace(t, "service")
	vars := filepath.Join(w.Private, "private.tfvars.json")
	must(t, os.WriteFile(vars, []byte(`{"name": "echo", "key": "k"}`), 0o600))
	w.VarFiles = []string{vars}
	must(t, w.Init(t.Context()))
	_, err := w.Plan(t.Context())
	must(t, err)
	there := t.TempDir()
	m := w.In(filepath.Join(there, "bundle"))
	m.Private = filepath.Join(there, "private")
	must(t, os.CopyFS(m.Dir, os.DirFS(w.Dir)))
	must(t, os.Mkdir(m.Private, 0o700))
	plan, err := os.ReadFile(filepath.Join(w.Private, PlanFile))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(m.Private, PlanFile), plan, 0o600))
	must(t, os.RemoveAll(w.Dir))
	must(t, m.Init(t.Context()))
	must(t, m.Apply(t.Context()))
	got, err := m.Resources(t.Context())
	must(t, err)
	if len(got) == 0 {
		t.Error("the state is not beside the bundle")
	}
	if _, err := os.Stat(filepath.Join(w.Private, stateFile)); !os.IsNotExist(err) {
		t.Errorf("a state where it was planned: %v", err)
	}
	must(t, m.Destroy(t.Context()))
}
