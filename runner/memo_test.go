package runner

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"skysail/internal/failure"
)

// TestVersionAskedOnce holds for a compiled engine until its file changes.
func TestVersionAskedOnce(t *testing.T) {
	real, err := exec.LookPath("terraform")
	if err != nil {
		t.Skip("not run: there is no terraform on PATH")
	}
	dir, path := t.TempDir(), filepath.Join(t.TempDir(), "terraform")
	data, err := os.ReadFile(real)
	must(t, err)
	must(t, os.WriteFile(path, data, 0o700))
	onlyPath(t, path)
	find := func() (Engine, error) {
		e, _, err := EngineFinder{Dir: dir}.Look(t.Context())
		return e, err
	}
	if e, err := find(); err != nil || e.Path != path {
		t.Fatalf("got %+v %v", e, err)
	}
	memo := filepath.Join(dir, versionsFile)
	var known map[string]said
	b, err := os.ReadFile(memo)
	must(t, err)
	must(t, json.Unmarshal(b, &known))
	for file, s := range known {
		s.Version = "1.5.7"
		known[file] = s
	}
	b, err = json.Marshal(known)
	must(t, err)
	must(t, os.WriteFile(memo, b, 0o600))
	if e, err := find(); err != nil || e.Path != "" {
		t.Errorf("it was asked again: %+v %v", e, err)
	}
	must(t, os.Chtimes(path, time.Time{}, time.Now().Add(-time.Hour)))
	if e, err := find(); err != nil || e.Path != path {
		t.Errorf("another file: %+v %v", e, err)
	}
	must(t, os.WriteFile(memo, []byte("{"), 0o600))
	if e, err := find(); err != nil || e.Path != path {
		t.Errorf("a broken file: %+v %v", e, err)
	}
}

// TestScriptIsAskedEachTime: what a script runs can change without it.
func TestScriptIsAskedEachTime(t *testing.T) {
	dir, path := t.TempDir(), fakeEngine(t, good)
	onlyPath(t, path)
	if e, err := (EngineFinder{Dir: dir}).Find(t.Context()); err != nil || e.Path != path {
		t.Fatalf("got %+v %v", e, err)
	}
	if _, err := os.Stat(filepath.Join(dir, versionsFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a script's version is kept: %v", err)
	}
}

// TestEngineThatChangedSince: what init is told in the bundle's folder counts.
func TestEngineThatChangedSince(t *testing.T) {
	w := script(t, `: >"$T/ran"`)
	b, err := os.ReadFile(w.Engine.Path)
	must(t, err)
	must(t, os.WriteFile(w.Engine.Path, []byte(strings.Replace(string(b), "1.11.4", "1.5.7", 1)), 0o700))
	err = w.Init(t.Context())
	var f *failure.Error
	if !errors.As(err, &f) || !strings.Contains(f.Error(), "1.5.7") || f.Next == "" {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(w.Engine.Path), "ran")); err == nil {
		t.Error("it was initialised with it")
	}
}
