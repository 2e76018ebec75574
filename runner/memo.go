package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"
	version "github.com/hashicorp/go-version"
	"github.com/hashicorp/terraform-exec/tfexec"

	"skysail/internal/failure"
)

// versionsFile, in EngineFinder.Dir, keeps what engines said of their version:
// to ask takes as long as to initialise a bundle.
const versionsFile = "versions.json"

// said is what an executable said of its version, and which file that was.
type said struct {
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
	Version  string    `json:"version"`
}

// askOnce is engineVersion for what was not asked before. A script is asked
// each time: what it runs can change without it. So can what a compiled one
// runs that only picks a version, and therefore Init looks at the version that
// terraform-exec is told in the bundle's folder.
func (f EngineFinder) askOnce(ctx context.Context, path string) (*version.Version, error) {
	file, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(file)
	if err != nil || f.Dir == "" || !compiled(file) {
		return engineVersion(ctx, path)
	}
	known := f.versions()
	if s, ok := known[file]; ok && s.Size == info.Size() && s.Modified.Equal(info.ModTime()) {
		if v, err := version.NewVersion(s.Version); err == nil {
			return v, nil
		}
	}
	v, err := engineVersion(ctx, path)
	if err == nil {
		known[file] = said{Size: info.Size(), Modified: info.ModTime(), Version: v.String()}
		f.remember(known)
	}
	return v, err
}

func (f EngineFinder) versions() map[string]said {
	known := map[string]said{}
	if b, err := os.ReadFile(filepath.Join(f.Dir, versionsFile)); err == nil {
		if json.Unmarshal(b, &known) != nil || known == nil {
			known = map[string]said{}
		}
	}
	return known
}

// remember writes what is known; when that fails, the next command asks again.
func (f EngineFinder) remember(known map[string]said) {
	b, err := json.MarshalIndent(known, "", "  ")
	if err != nil || os.MkdirAll(f.Dir, 0o700) != nil {
		return
	}
	_ = renameio.WriteFile(filepath.Join(f.Dir, versionsFile), append(b, '\n'), 0o600)
}

// checkVersion looks at the version that terraform-exec asks for anyway.
func (w *Workspace) checkVersion(ctx context.Context, tf *tfexec.Terraform) error {
	constraint, err := version.NewConstraint(w.Engine.Kind.Constraint())
	if err != nil {
		return err
	}
	v, _, err := tf.Version(ctx, false)
	if err != nil {
		return err
	}
	if !constraint.Check(v) {
		return failure.New(failure.Failed, fmt.Sprintf("%s is %s %s", w.Engine.Path, w.Engine.Kind.Name(), v),
			"Bundles need "+w.Engine.Kind.Constraint()+"; nothing was changed.",
			"Put one of these versions on PATH before it.")
	}
	return nil
}

// compiled says whether a file is a program rather than a script.
func compiled(path string) bool {
	file, err := os.Open(path) //nolint:gosec // an executable on PATH
	if err != nil {
		return false
	}
	defer file.Close() //nolint:errcheck // read only
	var head [2]byte
	_, err = file.Read(head[:])
	return err == nil && !bytes.Equal(head[:], []byte("#!"))
}
