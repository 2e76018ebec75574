package runner

import (
	"io/fs"
	"os"
	"path/filepath"
)

// tightenState makes state files private: Terraform writes them 0644. The
// folder is 0700 already; this is for whoever copies the files elsewhere.
func (w *Workspace) tightenState() {
	for _, name := range []string{stateFile, stateFile + ".backup"} {
		_ = os.Chmod(filepath.Join(w.Private, name), 0o600)
	}
	_ = os.Chmod(filepath.Join(w.Dir, erroredState), 0o600)
}

// tightenData does the same for what init makes. Links into a mirror of
// providers are left alone.
func (w *Workspace) tightenData() {
	_ = os.Chmod(filepath.Join(w.Dir, ".terraform.lock.hcl"), 0o600)
	_ = filepath.WalkDir(filepath.Join(w.Private, dataDir), func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // what can not be looked at is not ours to open or close
		}
		info, err := e.Info()
		if err == nil && e.Type()&fs.ModeSymlink == 0 && info.Mode().Perm()&0o077 != 0 {
			_ = os.Chmod(path, info.Mode().Perm()&0o700) //nolint:gosec // below our own 0700 folder
		}
		return nil
	})
}
