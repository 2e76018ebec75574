package review

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"skysail/internal/failure"
)

// maxManifest bounds what is read as a manifest.
const maxManifest = 32 << 20

// Used is what UsedFile holds.
type Used struct {
	Version    int       `json:"version"`
	Hash       string    `json:"hash"` // the manifest's
	Deployment string    `json:"deployment"`
	At         time.Time `json:"at"`
}

// Open reads the manifest of a folder and holds every file against it: each is
// there, is a plain file and has its sum, and there is nothing else. Whatever
// differs is named, in an input failure. Folders .terraform that a reviewer's
// `terraform init` left in a bundle are passed over: an apply takes only the
// files of the manifest. Open changes nothing and does not look at UsedFile.
func Open(dir string) (*Manifest, error) {
	m, err := read(dir)
	if err != nil {
		return nil, err
	}
	found, problems, err := walk(dir)
	if err != nil {
		return nil, err
	}
	problems = append(problems, m.differences(dir, found)...)
	if len(problems) == 0 {
		return m, nil
	}
	sort.Strings(problems)
	const show = 5
	if n := len(problems) - show; n > 0 {
		problems = append(problems[:show], fmt.Sprintf("and %d more", n))
	}
	return nil, refused(dir+" is not as it was planned:\n  "+strings.Join(problems, "\n  "), "What was reviewed is not what is there.")
}

func read(dir string) (*Manifest, error) {
	file := filepath.Join(dir, ManifestFile)
	st, err := os.Lstat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, failure.New(failure.Input, file+" is not there",
			fmt.Sprintf("%s is no folder that `skysail plan --out` wrote, or the plan was stopped half way. Nothing was changed.", dir),
			"Name such a folder, or plan again.")
	case err != nil:
		return nil, refused(err.Error(), "The manifest can not be read.")
	case !st.Mode().IsRegular():
		return nil, refused(file+" is "+kindOf(st.Mode()), "A manifest is a plain file.")
	case st.Size() > maxManifest:
		return nil, refused(fmt.Sprintf("%s has %d bytes", file, st.Size()), "No manifest is that large.")
	}
	b, err := os.ReadFile(file) //nolint:gosec // the folder that the caller names
	if err != nil {
		return nil, refused(err.Error(), "The manifest can not be read.")
	}
	return Decode(file, b)
}

// walk lists the plain files under dir, and names what is none.
func walk(dir string) (files map[string]bool, problems []string, err error) {
	files = map[string]bool{}
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("bundle folder: %w", err)
	}
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			problems = append(problems, err.Error())
			if d != nil && d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		switch {
		case d.IsDir() && path.Base(rel) == ".terraform" && path.Base(path.Dir(rel)) == BundleDir && strings.HasPrefix(rel, CandidatesDir+"/"):
			return fs.SkipDir
		case d.IsDir():
		case d.Type().IsRegular():
			files[rel] = true
		default:
			problems = append(problems, rel+" is "+kindOf(d.Type()))
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("bundle folder: %w", err)
	}
	return files, problems, nil
}

func kindOf(m fs.FileMode) string {
	switch {
	case m&fs.ModeSymlink != 0:
		return "a symbolic link"
	case m.IsDir():
		return "a folder"
	default:
		return "no plain file"
	}
}

func (m *Manifest) differences(dir string, found map[string]bool) []string {
	var out []string
	for name, want := range m.Files {
		if !found[name] {
			why := " is missing"
			if strings.HasPrefix(name, PrivateDir+"/") {
				why += " (what is private does not travel with git: copy the folder as a whole)"
			}
			out = append(out, name+why)
			continue
		}
		got, err := fileSum(filepath.Join(dir, filepath.FromSlash(name)))
		switch {
		case err != nil:
			out = append(out, err.Error())
		case got != want:
			out = append(out, name+" was changed")
		}
	}
	for name := range found {
		switch {
		case m.Files[name] != "" || name == ManifestFile || name == UsedFile:
		case strings.HasSuffix(name, ".tfstate"):
			out = append(out, name+" is Terraform's state: this bundle was applied by hand")
		default:
			out = append(out, name+" is not in the manifest")
		}
	}
	return out
}

func fileSum(name string) (string, error) {
	f, err := os.Open(name) //nolint:gosec // a path that check has looked at
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // only read
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Read returns the bytes of a file of the manifest, checked.
func (m *Manifest) Read(dir, name string) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name))) //nolint:gosec // a path that check has looked at
	if err != nil {
		return nil, refused(err.Error(), "A file of the bundle can not be read.")
	}
	if Sum(b) != m.Files[name] {
		return nil, refused(filepath.Join(dir, name)+" was changed", "What was reviewed is not what is there.")
	}
	return b, nil
}

// UseOf reads UsedFile; nil when there is none. One that can not be read counts
// as a use.
func UseOf(dir string) (*Used, error) {
	b, err := os.ReadFile(filepath.Join(dir, UsedFile)) //nolint:gosec // the folder that the caller names
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // not used is an answer
	}
	if err != nil {
		return nil, refused(err.Error(), "It may have been used.")
	}
	var u Used
	if err := json.Unmarshal(b, &u); err != nil {
		return nil, refused(fmt.Sprintf("%s can not be read: %v", filepath.Join(dir, UsedFile), err), "A bundle is used once, and something used this one.")
	}
	return &u, nil
}

// MarkUsed writes UsedFile. Of two at once one is told fs.ErrExist.
func MarkUsed(dir string, u Used) error {
	u.Version = Version
	b, err := json.MarshalIndent(u, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, UsedFile), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the folder that the caller names
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	return errors.Join(err, f.Sync(), f.Close())
}

// UnmarkUsed takes MarkUsed back, for an apply that made nothing.
func UnmarkUsed(dir string) error {
	err := os.Remove(filepath.Join(dir, UsedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
