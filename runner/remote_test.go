package runner

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLockOf: only some backends say who holds a lock. The texts are those of
// Terraform 1.11.4, the first two as it printed them.
func TestLockOf(t *testing.T) {
	const info = "\nLock Info:\n  ID:        08eecc10-0134\n  Path:      \n  Operation: OperationTypeApply\n  Who:       root@vm\n  Version:   1.11.4\n  Created:   2026-11-24 18:44:16 +0000 UTC\n  Info:      \n\n\nTerraform acquires a state lock"
	for name, c := range map[string]struct {
		detail string
		want   Lock
	}{
		"http":  {"Error message: HTTP remote state already locked: ID=abc" + info, Lock{ID: "abc"}},
		"pg":    {"Error message: Workspace is already locked: default" + info, Lock{}},
		"pg -1": {"Error message: Already locked for workspace creation: default" + info, Lock{}},
		"s3": {
			"Error message: operation error S3: PutObject, https response error StatusCode: 412, api error PreconditionFailed" + info,
			Lock{ID: "08eecc10-0134", Who: "root@vm", Operation: "OperationTypeApply", Created: "2026-11-24 18:44:16 +0000 UTC", Foreign: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := &Error{Op: "apply", Diagnostics: []Diagnostic{{Severity: "error", Summary: "Error acquiring the state lock", Detail: c.detail}}, Err: errors.New("exit status 1")}
			got, ok := LockOf(err)
			if diff := cmp.Diff(c.want, got); diff != "" || !ok {
				t.Errorf("%v %s", ok, diff)
			}
		})
	}
	if _, ok := LockOf(&Error{Op: "apply", Output: "Error: no room"}); ok {
		t.Error("another error is taken for a lock")
	}
	if _, ok := LockOf(context.Canceled); ok {
		t.Error("another error is taken for a lock")
	}
}

func TestAttributes(t *testing.T) {
	state := []byte(`{"lineage": "x", "resources": [
	 {"mode": "managed", "type": "a", "name": "gone", "instances": []},
	 {"mode": "managed", "module": "module.m", "type": "a", "name": "b", "instances": [{"attributes": {"n": 1}}]},
	 {"mode": "managed", "type": "a", "name": "b", "instances": [{"attributes": {"n": 2}}]}]}`)
	for address, want := range map[string]string{"a.b": `{"n": 2}`, "a.gone": "", "a.c": ""} {
		got, err := Attributes(state, address)
		if err != nil || string(got) != want {
			t.Errorf("%s: %s, %v", address, got, err)
		}
	}
	if got, err := Attributes(nil, "a.b"); got != nil || err != nil {
		t.Errorf("no state: %s, %v", got, err)
	}
	if _, err := Attributes([]byte("no JSON"), "a.b"); err == nil {
		t.Error("garbage is a state")
	}
}

func TestTightenData(t *testing.T) {
	w := &Workspace{Dir: t.TempDir(), Private: t.TempDir()}
	foreign := filepath.Join(t.TempDir(), "provider")
	dir := filepath.Join(w.Private, dataDir, "providers")
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(foreign, nil, 0o755),
		os.WriteFile(filepath.Join(dir, "exe"), nil, 0o755), os.Symlink(foreign, filepath.Join(dir, "link"))); err != nil {
		t.Fatal(err)
	}
	w.tightenData()
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "exe"): 0o700, foreign: 0o755} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}
