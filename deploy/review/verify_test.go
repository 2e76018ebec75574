package review

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"skysail/internal/failure"
)

func wantRefused(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("it is taken")
	}
	if failure.CodeOf(err) != failure.Input {
		t.Errorf("code %s: %v", failure.CodeOf(err), err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("it does not say %q: %v", w, err)
		}
	}
}

func TestOpen(t *testing.T) {
	dir, m := written(t)
	got, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got.Hash != m.Hash || len(got.Approved()) != 2 {
		t.Errorf("hash %s, %d approved", got.Hash, len(got.Approved()))
	}
	if a, b := got.Candidates[0].Candidate.Reasons(), m.Candidates[0].Candidate.Reasons(); strings.Join(a, "") != strings.Join(b, "") {
		t.Errorf("reasons %q, wrote %q", a, b)
	}
	// A reviewer's `terraform init` leaves this, links in it.
	data := filepath.Join(dir, filepath.FromSlash(m.Candidates[0].BundlePath(".terraform")))
	if err := errors.Join(os.Mkdir(data, 0o700), os.Symlink("/nowhere", filepath.Join(data, "providers"))); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err != nil {
		t.Error(err)
	}
	// The folder may be reached by a link.
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(link); err != nil {
		t.Error(err)
	}
}

// TestEveryByteCounts edits each file of the folder, and bytes all over the
// manifest.
func TestEveryByteCounts(t *testing.T) {
	dir, m := written(t)
	for name := range m.Files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		was, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		edited := append(bytes.Clone(was), ' ')
		if len(was) > 0 {
			edited = bytes.Clone(was)
			edited[len(edited)/2] ^= 1
		}
		put(t, path, edited)
		_, err = Open(dir)
		wantRefused(t, err, name+" was changed")
		put(t, path, was)
	}
	b, err := os.ReadFile(filepath.Join(dir, ManifestFile))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(b); i += 5 {
		edited := bytes.Clone(b)
		edited[i] ^= 1
		if _, err := Decode("x/manifest.json", edited); err == nil {
			t.Fatalf("byte %d of the manifest can be edited: %q", i, edited[max(0, i-20):i+1])
		} else if failure.CodeOf(err) != failure.Input || !strings.Contains(err.Error(), "x/manifest.json") {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
	for _, n := range []int{0, 1, len(b) / 2, len(b) - 1} {
		_, err := Decode("x/manifest.json", b[:n])
		wantRefused(t, err, "x/manifest.json")
	}
}

func put(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestForeign(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(dir string, e *Entry) error
		want string
	}{
		"added": {func(dir string, e *Entry) error {
			return os.WriteFile(filepath.Join(dir, e.BundlePath("extra.tf")), nil, 0o600)
		}, "01-vultr-ewr/bundle/extra.tf is not in the manifest"},
		"added on top": {func(dir string, _ *Entry) error {
			return os.WriteFile(filepath.Join(dir, "note.txt"), nil, 0o600)
		}, "note.txt is not in the manifest"},
		"state": {func(dir string, e *Entry) error {
			return os.WriteFile(filepath.Join(dir, e.PrivatePath("terraform.tfstate")), nil, 0o600)
		}, "applied by hand"},
		"removed": {func(dir string, e *Entry) error {
			return os.Remove(filepath.Join(dir, e.BundlePath("main.tf")))
		}, "01-vultr-ewr/bundle/main.tf is missing"},
		"private left out": {func(dir string, _ *Entry) error {
			return os.RemoveAll(filepath.Join(dir, PrivateDir))
		}, "does not travel with git"},
		"a link to the same bytes": {func(dir string, e *Entry) error {
			path := filepath.Join(dir, e.BundlePath("main.tf"))
			return errors.Join(os.Rename(path, filepath.Join(dir, "..", "main.tf")), os.Symlink("../../../../main.tf", path))
		}, "main.tf is a symbolic link"},
		"a linked folder": {func(dir string, e *Entry) error {
			path := filepath.Join(dir, e.BundlePath("modules"))
			return errors.Join(os.Rename(path, filepath.Join(dir, "..", "modules")), os.Symlink("../../../../modules", path))
		}, "modules is a symbolic link"},
		"a linked data folder": {func(dir string, e *Entry) error {
			return os.Symlink("/", filepath.Join(dir, e.BundlePath(".terraform")))
		}, ".terraform is a symbolic link"},
		"a data folder elsewhere": {func(dir string, _ *Entry) error {
			return errors.Join(os.Mkdir(filepath.Join(dir, ".terraform"), 0o700), os.WriteFile(filepath.Join(dir, ".terraform", "x"), nil, 0o600))
		}, ".terraform/x is not in the manifest"},
		"the manifest is a link": {func(dir string, _ *Entry) error {
			return errors.Join(os.Rename(filepath.Join(dir, ManifestFile), filepath.Join(dir, "..", "m")), os.Symlink("../m", filepath.Join(dir, ManifestFile)))
		}, "manifest.json is a symbolic link"},
		"no manifest": {func(dir string, _ *Entry) error {
			return os.Remove(filepath.Join(dir, ManifestFile))
		}, "manifest.json is not there"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, m := written(t)
			moved := filepath.Join(t.TempDir(), "review") // with a folder of its own above
			if err := os.Rename(dir, moved); err != nil {
				t.Fatal(err)
			}
			if err := c.do(moved, &m.Candidates[0]); err != nil {
				t.Fatal(err)
			}
			_, err := Open(moved)
			wantRefused(t, err, c.want)
		})
	}
}

// TestSealedButWrong has manifests that somebody sealed who knows how.
func TestSealedButWrong(t *testing.T) {
	sum := Sum(nil)
	for name, c := range map[string]struct {
		do   func(*Manifest)
		want string
	}{
		"outside":            {func(m *Manifest) { m.Files["../x"] = sum }, `"../x"`},
		"absolute":           {func(m *Manifest) { m.Files["/etc/passwd"] = sum }, `"/etc/passwd"`},
		"outside in between": {func(m *Manifest) { m.Files["private/../../x"] = sum }, `"private/../../x"`},
		"backslash":          {func(m *Manifest) { m.Files[`private\..\x`] = sum }, `is no path`},
		"another top":        {func(m *Manifest) { m.Files["main.tf"] = sum }, `"main.tf"`},
		"case":               {func(m *Manifest) { m.Files["private/.GITIGNORE"] = sum }, "differ in case only"},
		"no sum":             {func(m *Manifest) { m.Files["private/x"] = "abc" }, "no SHA-256 sum"},
		"folder outside":     {func(m *Manifest) { m.Candidates[0].Folder = "../x" }, "no folder of its own"},
		"one folder twice":   {func(m *Manifest) { m.Candidates[1].Folder = m.Candidates[0].Folder }, "no folder of its own"},
		"other order":        {func(m *Manifest) { m.Candidates[0].N = 2 }, "stands at place 1"},
		"other service":      {func(m *Manifest) { m.Service.Name = "other" }, `"other"`},
		"invalid service":    {func(m *Manifest) { m.Service.Instances = -1 }, "not valid"},
		"no plan":            {func(m *Manifest) { delete(m.Files, m.Candidates[0].PrivatePath("plan.tfplan")) }, "plan.tfplan"},
		"no lock file":       {func(m *Manifest) { delete(m.Files, m.Candidates[0].BundlePath(".terraform.lock.hcl")) }, ".terraform.lock.hcl"},
		"no PLAN.md":         {func(m *Manifest) { delete(m.Files, PlanFile) }, "PLAN.md"},
	} {
		t.Run(name, func(t *testing.T) {
			_, m := written(t)
			c.do(m)
			b, err := m.Encode()
			if err != nil {
				t.Fatal(err)
			}
			_, err = Decode("dir/manifest.json", b)
			wantRefused(t, err, "dir/manifest.json", c.want)
		})
	}
}

func TestDecodeForms(t *testing.T) {
	_, m := written(t)
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	replace := func(old, by string) []byte {
		out := bytes.Replace(b, []byte(old), []byte(by), 1)
		if bytes.Equal(out, b) {
			t.Fatalf("%s is not in it", old)
		}
		return out
	}
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"newer":         {replace(`"version": 1`, `"version": 2`), "this skysail knows 1"},
		"older":         {replace(`"version": 1`, `"version": 0`), "version 0"},
		"no version":    {replace(`"version": 1,`, ``), "no version"},
		"unknown field": {replace(`"version": 1,`, `"version": 1, "extra": true,`), "not as skysail writes it"},
		"a key twice":   {replace(`"sandbox": true,`, `"sandbox": true, "sandbox": true,`), "not as skysail writes it"},
		"another case":  {replace(`"sandbox"`, `"SANDBOX"`), "not as skysail writes it"},
		"spaces":        {append(bytes.Clone(b), '\n'), "not as skysail writes it"},
		"two objects":   {append(bytes.Clone(b), b...), "no manifest"},
		"a list":        {[]byte("[]"), "no manifest"},
		"empty":         {nil, "no manifest"},
		"hash":          {replace(`"hash": "`+m.Hash[:4], `"hash": "0000`), "its hash"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode("dir/manifest.json", c.b)
			wantRefused(t, err, "dir/manifest.json", c.want)
		})
	}
}

func TestUsed(t *testing.T) {
	dir, m := written(t)
	if u, err := UseOf(dir); u != nil || err != nil {
		t.Fatalf("%+v, %v", u, err)
	}
	at := time.Date(2026, 9, 20, 11, 0, 0, 0, time.UTC)
	if err := MarkUsed(dir, Used{Hash: m.Hash, Deployment: m.ID, At: at}); err != nil {
		t.Fatal(err)
	}
	if err := MarkUsed(dir, Used{Hash: m.Hash}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second use: %v", err)
	}
	u, err := UseOf(dir)
	if err != nil || u.Hash != m.Hash || !u.At.Equal(at) || u.Deployment != m.ID {
		t.Errorf("%+v, %v", u, err)
	}
	if _, err := Open(dir); err != nil {
		t.Errorf("a used folder can not be shown: %v", err)
	}
	put(t, filepath.Join(dir, UsedFile), []byte("{"))
	_, err = UseOf(dir)
	wantRefused(t, err, "used.json")
	if err := errors.Join(UnmarkUsed(dir), UnmarkUsed(dir)); err != nil {
		t.Error(err)
	}
	if u, err := UseOf(dir); u != nil || err != nil {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestRead(t *testing.T) {
	dir, m := written(t)
	e := &m.Candidates[0]
	bundle, private := m.Parts(e)
	if len(bundle) != 3 || len(private) != 2 || bundle["modules/vultr/main.tf"] == "" || private["id_ed25519"] == "" {
		t.Errorf("bundle %v, private %v", bundle, private)
	}
	b, err := m.Read(dir, bundle["main.tf"])
	if err != nil || string(b) != "# 01-vultr-ewr\n" {
		t.Errorf("%q, %v", b, err)
	}
	put(t, filepath.Join(dir, bundle["main.tf"]), []byte("# else"))
	_, err = m.Read(dir, bundle["main.tf"])
	wantRefused(t, err, "main.tf was changed")
}

func TestJSONIsReadable(t *testing.T) {
	_, m := written(t)
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var any map[string]any
	if err := json.Unmarshal(b, &any); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"version", "name", "id", "candidates", "files", "hash", "service", "policy"} {
		if any[key] == nil {
			t.Errorf("no %s", key)
		}
	}
}
