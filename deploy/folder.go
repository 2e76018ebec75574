package deploy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"

	"skysail/deploy/review"
	"skysail/generator"
	"skysail/internal/failure"
	"skysail/runner"
)

// stagePattern is that of the folder in which a folder for review is made.
// One that stays is of a plan that was killed.
const stagePattern = ".skysail-plan-*"

// folder is a folder for review while it is made.
type folder struct {
	out   string // "" for none
	stage string // becomes the content of out
	work  string // where Terraform works
	tmp   string // holds stage and work
	made  bool   // whether out was not there before
}

// newFolder looks at the folder before anything is planned: it must be new,
// empty, or what an earlier plan of the same service wrote.
func newFolder(out, name string) (*folder, error) {
	f := &folder{}
	if out != "" {
		abs, err := filepath.Abs(out)
		if err != nil {
			return nil, err
		}
		f.out = abs
		if _, err := os.Stat(abs); errors.Is(err, fs.ErrNotExist) {
			f.made = true
		}
		if err := os.MkdirAll(abs, 0o700); err != nil {
			return nil, folderFailure(err, out)
		}
		if err := refuseForeign(abs, name); err != nil {
			return nil, err
		}
	}
	var err error
	if f.tmp, err = workDir(f.out); err != nil {
		return nil, folderFailure(err, out)
	}
	f.stage, f.work = filepath.Join(f.tmp, "stage"), filepath.Join(f.tmp, "work")
	for _, dir := range []string{
		f.work, filepath.Join(f.stage, review.CandidatesDir), filepath.Join(f.stage, review.PrivateDir),
	} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, folderFailure(err, out)
		}
	}
	return f, nil
}

// refuseForeign wants nothing in the folder that no plan of this service wrote.
func refuseForeign(dir, name string) error {
	top, err := os.ReadDir(dir)
	if err != nil {
		return folderFailure(err, dir)
	}
	var foreign []string
	killed := false // in the middle of its last step
	for _, e := range top {
		n := e.Name()
		switch {
		case strings.HasPrefix(n, strings.TrimSuffix(stagePattern, "*")):
			killed = true
		case !slices.Contains([]string{review.ManifestFile, review.PlanFile, review.CandidatesDir, review.PrivateDir, review.UsedFile}, n):
			foreign = append(foreign, n)
		}
	}
	if len(foreign) > 0 {
		return failure.New(failure.Input, fmt.Sprintf("%s holds what is no part of a plan: %s", dir, strings.Join(foreign, ", ")),
			"It would be reviewed as a part of the plan; nothing was written.", "Name a new or empty folder.")
	}
	if len(top) == 0 || killed {
		return nil
	}
	b, err := os.ReadFile(filepath.Join(dir, review.ManifestFile)) //nolint:gosec // the folder that the caller names
	var m struct {
		Name  string            `json:"name"`
		Files map[string]string `json:"files"`
	}
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err != nil || m.Name != name {
		return failure.New(failure.Input, fmt.Sprintf("%s is no plan of %q", dir, name),
			"What is in it would be lost; nothing was written.", "Name a new or empty folder.")
	}
	return refuseUnlisted(dir, m.Files)
}

// refuseUnlisted keeps what somebody put into an earlier plan's folders.
func refuseUnlisted(dir string, files map[string]string) error {
	for _, sub := range []string{review.CandidatesDir, review.PrivateDir} {
		err := filepath.WalkDir(filepath.Join(dir, sub), func(name string, e fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(dir, name)
			if err != nil {
				return err
			}
			switch rel = filepath.ToSlash(rel); {
			case e.IsDir() && e.Name() == ".terraform":
				return fs.SkipDir
			case e.IsDir(), files[rel] != "", e.Name() == runner.LockFile:
				return nil
			}
			return failure.New(failure.Input, fmt.Sprintf("%s holds what no plan wrote: %s", dir, rel),
				"It would be lost; nothing was written.", "Move it away, or name a new folder.")
		})
		if err != nil {
			return folderFailure(err, dir)
		}
	}
	return nil
}

// take moves what an attempt made into the stage. Of one that will not be
// applied nothing private is kept.
func (f *folder) take(a *attempt, e *review.Entry, shown []byte) error {
	dir := filepath.Join(f.stage, review.CandidatesDir, e.Folder)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return folderFailure(err, f.out)
	}
	if err := os.Rename(a.bundle(), filepath.Join(dir, review.BundleDir)); err != nil {
		return folderFailure(err, f.out)
	}
	// Terraform writes it 0644; without a plan it may be missing.
	if err := os.Chmod(filepath.Join(dir, review.BundleDir, runner.LockFile), 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return folderFailure(err, f.out)
	}
	if shown != nil {
		if err := renameio.WriteFile(filepath.Join(dir, review.PlanJSONFile), shown, 0o600); err != nil {
			return folderFailure(err, f.out)
		}
	}
	if e.Refusal() != "" {
		return nil
	}
	private := filepath.Join(f.stage, review.PrivateDir, e.Folder)
	if err := os.Mkdir(private, 0o700); err != nil {
		return folderFailure(err, f.out)
	}
	for _, name := range []string{generator.PrivateVariablesFile, clientKeyFile, runner.PlanFile} {
		if err := os.Rename(filepath.Join(a.private(), name), filepath.Join(private, name)); err != nil {
			return folderFailure(err, f.out)
		}
	}
	return nil
}

// keep seals the manifest and moves the stage to its place, the manifest last:
// without it no apply takes the folder.
func (f *folder) keep(m *review.Manifest) error {
	if err := f.seal(m); err != nil {
		return folderFailure(err, f.out)
	}
	if f.out == "" {
		return nil
	}
	for _, name := range []string{review.ManifestFile, review.UsedFile, review.PlanFile, review.CandidatesDir, review.PrivateDir} {
		if err := os.RemoveAll(filepath.Join(f.out, name)); err != nil {
			return folderFailure(err, f.out)
		}
	}
	for _, name := range []string{review.PrivateDir, review.CandidatesDir, review.PlanFile, review.ManifestFile} {
		if err := os.Rename(filepath.Join(f.stage, name), filepath.Join(f.out, name)); err != nil {
			return folderFailure(err, f.out)
		}
	}
	f.made = false
	return f.others()
}

func (f *folder) seal(m *review.Manifest) error {
	var err error
	if m.SSHFrom, err = f.sshFrom(m); err != nil {
		return err
	}
	for name, b := range map[string][]byte{
		review.PlanFile: m.PlanMD(),
		// git must not take what is private.
		review.PrivateDir + "/.gitignore": []byte("*\n"),
	} {
		if err := renameio.WriteFile(filepath.Join(f.stage, name), b, 0o600); err != nil {
			return err
		}
	}
	m.Files = map[string]string{}
	err = filepath.WalkDir(f.stage, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(name) //nolint:gosec // our own folder
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(f.stage, name)
		m.Files[filepath.ToSlash(rel)] = review.Sum(b)
		return err
	})
	if err != nil {
		return err
	}
	b, err := m.Encode()
	if err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(f.stage, review.ManifestFile), b, 0o600)
}

// sshFrom reads from the bundles who may open SSH connections.
func (f *folder) sshFrom(m *review.Manifest) ([]string, error) {
	out := []string{}
	for i := range m.Candidates {
		b, err := os.ReadFile(filepath.Join(f.stage, filepath.FromSlash(m.Candidates[i].BundlePath(generator.VariablesFile))))
		if err != nil {
			return nil, err
		}
		var v struct {
			SSHFrom []string `json:"ssh_from"`
		}
		if err := json.Unmarshal(b, &v); err != nil {
			return nil, err
		}
		out = append(out, v.SSHFrom...)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// others removes what plans that were killed left in the folder.
func (f *folder) others() error {
	left, err := filepath.Glob(filepath.Join(f.out, stagePattern))
	if err != nil {
		return err
	}
	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			return folderFailure(err, f.out)
		}
	}
	return nil
}

// drop removes what is not kept: keys among it.
func (f *folder) drop() {
	_ = os.RemoveAll(f.tmp)
	if f.made {
		_ = os.Remove(f.out)
	}
}

// newKeys are the keys of a bundle: they are new with each plan.
type newKeys struct{ private, public []string }

func readKeys(private string) (newKeys, error) {
	var k newKeys
	b, err := os.ReadFile(filepath.Join(private, clientKeyFile)) //nolint:gosec // our own folder
	if err != nil {
		return k, fmt.Errorf("keys of the bundle: %w", err)
	}
	k.private = append(k.private, string(b))
	b, err = os.ReadFile(filepath.Join(private, generator.PrivateVariablesFile)) //nolint:gosec // our own folder
	if err != nil {
		return k, fmt.Errorf("keys of the bundle: %w", err)
	}
	var v struct {
		Client string              `json:"ssh_public_key"`
		Hosts  []generator.HostKey `json:"ssh_host_keys"`
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return k, fmt.Errorf("keys of the bundle: %w", err)
	}
	k.public = append(k.public, v.Client)
	for _, h := range v.Hosts {
		k.private, k.public = append(k.private, h.Private), append(k.public, h.Public)
	}
	return k, nil
}
