package tfplugin

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/google/renameio/v2"

	"skysail/internal/reexec"
)

// Release is a provider that this program serves, as it stands in a mirror.
type Release struct {
	// Source is the full address: host/namespace/type.
	Source  string
	Version string
	// Helper is the name under which the plugin is registered with reexec.
	Helper string
	// Program, in place of Helper, is a program of its own in the folder that
	// the environment variable Folder names.
	Program, Folder string
}

// WriteMirror lays out an unpacked filesystem mirror, from which `terraform
// init` only links. Each provider in it is a script with constant bytes, so
// that the hash in a dependency lock file outlives a new build; the program
// that the script becomes is named by the environment.
func WriteMirror(dir string, releases ...Release) error {
	for _, r := range releases {
		file, err := r.path(dir)
		if err != nil {
			return err
		}
		script := r.script()
		if have, err := os.ReadFile(file); err == nil && bytes.Equal(have, script) && executable(file) { //nolint:gosec // a path below our own mirror
			continue
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return fmt.Errorf("provider mirror: %w", err)
		}
		if err := renameio.WriteFile(file, script, 0o700, renameio.IgnoreUmask()); err != nil {
			return fmt.Errorf("provider mirror: %w", err)
		}
	}
	return nil
}

func (r Release) path(dir string) (string, error) {
	parts := strings.Split(r.Source, "/")
	if len(parts) != 3 {
		return "", fmt.Errorf("provider mirror: %q is not host/namespace/type", r.Source)
	}
	name := fmt.Sprintf("terraform-provider-%s_v%s", parts[2], r.Version)
	return filepath.Join(dir, parts[0], parts[1], parts[2], r.Version, runtime.GOOS+"_"+runtime.GOARCH, name), nil
}

func (r Release) script() []byte {
	if r.Program != "" {
		return fmt.Appendf(nil, `#!/bin/sh
# %s %s, served by %s in the folder that %s names.
exec "${%s:?must name the folder with %s}/%s" "$@"
`, r.Source, r.Version, r.Program, r.Folder, r.Folder, r.Program, r.Program)
	}
	return fmt.Appendf(nil, `#!/bin/sh
# %s %s, served by the skysail program that %s names.
exec env %s=%s "${%s:?must name the skysail program}" "$@"
`, r.Source, r.Version, reexec.EnvBinary, reexec.EnvHelper, r.Helper, reexec.EnvBinary)
}

func executable(file string) bool {
	fi, err := os.Stat(file)
	return err == nil && fi.Mode().Perm()&0o100 != 0
}
