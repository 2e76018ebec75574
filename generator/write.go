package generator

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"

	"github.com/google/renameio/v2"

	"skysail/internal/failure"
)

// companions are what others put beside a bundle's files: Terraform its lock
// file and data folder, the deployer its summary of the plan.
var companions = map[string]bool{
	".terraform":          true,
	".terraform.lock.hcl": true,
	"PLAN.md":             true,
}

// Write puts the bundle on disk: Files in bundleDir and Private in privateDir,
// folders 0700 and files 0600, each file whole or not at all. It can be
// repeated. A bundleDir with files of anything else is refused, so that
// nothing foreign is reviewed, or run, as a part of the bundle.
func (b Bundle) Write(bundleDir, privateDir string) error {
	if inside(bundleDir, privateDir) || inside(privateDir, bundleDir) {
		return failure.New(failure.Input,
			fmt.Sprintf("%s and %s lie in each other", bundleDir, privateDir),
			"what is private must not be where people review files",
			"choose two folders side by side")
	}
	if err := b.WriteReviewable(bundleDir); err != nil {
		return err
	}
	return writeAll(privateDir, b.Private)
}

// WriteReviewable is Write without the private files.
func (b Bundle) WriteReviewable(bundleDir string) error {
	if err := b.refuseForeign(bundleDir); err != nil {
		return err
	}
	return writeAll(bundleDir, b.Files)
}

func inside(parent, child string) bool {
	p, err1 := filepath.Abs(parent)
	c, err2 := filepath.Abs(child)
	if err := errors.Join(err1, err2); err != nil {
		return false
	}
	rel, err := filepath.Rel(p, c)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

func (b Bundle) refuseForeign(dir string) error {
	var foreign []string
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && name == dir {
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		switch {
		case rel == "." && !d.IsDir():
			foreign = append(foreign, name)
		case rel == ".":
		case companions[rel] && d.IsDir():
			return fs.SkipDir
		case companions[rel] || b.unfinished(rel):
		case d.IsDir() && b.hasFolder(rel):
		case d.Type().IsRegular() && b.Files[rel] != nil:
		case d.IsDir():
			foreign = append(foreign, rel+"/")
			return fs.SkipDir
		default:
			// A link in place of one of our files is foreign as well.
			foreign = append(foreign, rel)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("folder for the bundle: %w", err)
	}
	if len(foreign) == 0 {
		return nil
	}
	const show = 5
	if len(foreign) > show {
		foreign = append(foreign[:show], fmt.Sprintf("and %d more", len(foreign)-show))
	}
	return failure.New(failure.Input,
		fmt.Sprintf("%s holds what is no part of this bundle: %s", dir, strings.Join(foreign, ", ")),
		"Terraform would take it for a part of the plan; nothing was written",
		"name a new or empty folder")
}

// unfinished says that rel is the temporary file of a Write that was killed.
// Terraform passes over it, as over all names that begin with a dot.
func (b Bundle) unfinished(rel string) bool {
	stem := strings.TrimRight(path.Base(rel), "0123456789")
	return strings.HasPrefix(stem, ".") && b.Files[path.Join(path.Dir(rel), stem[1:])] != nil
}

func (b Bundle) hasFolder(rel string) bool {
	for name := range b.Files {
		if strings.HasPrefix(name, rel+"/") {
			return true
		}
	}
	return false
}

func writeAll(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	// One that stood there before may be open to others.
	if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a folder needs its x bit
		return fmt.Errorf("bundle: %w", err)
	}
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		target := filepath.Join(dir, filepath.FromSlash(path.Clean(name)))
		if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
			return fmt.Errorf("bundle: %w", err)
		}
		if err := renameio.WriteFile(target, files[name], 0o600, renameio.IgnoreUmask()); err != nil {
			return fmt.Errorf("bundle: %w", err)
		}
	}
	return nil
}
