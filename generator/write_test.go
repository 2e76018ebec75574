package generator_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"skysail/generator"
)

func TestWrite(t *testing.T) {
	b := generate(t, input(t, "digitalocean"))
	bundle, private := written(t, b)
	for dir, files := range map[string]map[string][]byte{bundle: b.Files, private: b.Private} {
		seen := 0
		err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			fi, err := d.Info()
			if err != nil {
				return err
			}
			want := fs.FileMode(0o600)
			if d.IsDir() {
				want = fs.ModeDir | 0o700
			}
			if fi.Mode() != want {
				t.Errorf("%s has mode %v, want %v", name, fi.Mode(), want)
			}
			if d.IsDir() {
				return nil
			}
			seen++
			rel, err := filepath.Rel(dir, name)
			if err != nil {
				return err
			}
			got, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			if !bytes.Equal(got, files[filepath.ToSlash(rel)]) {
				t.Errorf("%s has other bytes than the bundle", rel)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if seen != len(files) {
			t.Errorf("%s has %d files, want %d", dir, seen, len(files))
		}
	}
}

// A second Write meets what Terraform, the deployer and a killed Write left.
func TestWriteAgain(t *testing.T) {
	b := generate(t, input(t, "vultr"))
	bundle, private := written(t, b)
	for _, name := range []string{".terraform/providers/x", ".terraform.lock.hcl", "PLAN.md", ".main.tf8123", "modules/vultr/.main.tf77"} {
		file := filepath.Join(bundle, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(private, "terraform.tfstate"), []byte("state"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bundle, "main.tf"), []byte("changed"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.Write(bundle, private); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(bundle, "main.tf"))
	if err != nil || !bytes.Equal(got, b.Files["main.tf"]) {
		t.Errorf("main.tf was not mended: %v", err)
	}
	if state, err := os.ReadFile(filepath.Join(private, "terraform.tfstate")); err != nil || string(state) != "state" {
		t.Errorf("the state was touched: %q, %v", state, err)
	}
}

func TestWriteRefusesForeignFiles(t *testing.T) {
	for name, put := range map[string]func(dir string) error{
		"evil.tf":                 func(dir string) error { return os.WriteFile(filepath.Join(dir, "evil.tf"), nil, 0o600) },
		"override.tf.json":        func(dir string) error { return os.WriteFile(filepath.Join(dir, "override.tf.json"), nil, 0o600) },
		"a.auto.tfvars":           func(dir string) error { return os.WriteFile(filepath.Join(dir, "a.auto.tfvars"), nil, 0o600) },
		"modules/vultr/evil.tf":   func(dir string) error { return os.WriteFile(filepath.Join(dir, "modules/vultr/evil.tf"), nil, 0o600) },
		"modules/digitalocean/":   func(dir string) error { return os.Mkdir(filepath.Join(dir, "modules/digitalocean"), 0o700) },
		".git/":                   func(dir string) error { return os.Mkdir(filepath.Join(dir, ".git"), 0o700) },
		"main.tf":                 func(dir string) error { return relink(dir, "main.tf") },
		"modules/vultr":           func(dir string) error { return relink(dir, "modules/vultr") },
		".terraform.lock.hcl.bak": func(dir string) error { return os.WriteFile(filepath.Join(dir, ".terraform.lock.hcl.bak"), nil, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			b := generate(t, input(t, "vultr"))
			bundle, private := written(t, b)
			if err := put(bundle); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(filepath.Join(bundle, "versions.tf")); err != nil {
				t.Fatal(err)
			}
			err := b.Write(bundle, private)
			if err == nil || !strings.Contains(err.Error(), ": "+name) {
				t.Fatalf("error %v, want one that names %s", err, name)
			}
			if _, err := os.Lstat(filepath.Join(bundle, "versions.tf")); err == nil {
				t.Error("it wrote all the same")
			}
		})
	}
}

// relink puts a link in the place of a file or folder.
func relink(dir, name string) error {
	name = filepath.Join(dir, filepath.FromSlash(name))
	if err := os.Rename(name, dir+"-elsewhere"); err != nil {
		return err
	}
	return os.Symlink(dir+"-elsewhere", name)
}

func TestWriteRefusesFolders(t *testing.T) {
	b := generate(t, input(t, "local"))
	root := t.TempDir()
	dir := filepath.Join(root, "bundle")
	for _, private := range []string{dir, filepath.Join(dir, "private"), root} {
		if err := b.Write(dir, private); err == nil {
			t.Errorf("private files may not go to %s", private)
		}
	}
	if entries, err := os.ReadDir(root); err != nil || len(entries) > 0 {
		t.Errorf("something was written: %v %v", entries, err)
	}
	file := filepath.Join(root, "file")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.Write(file, filepath.Join(root, "private")); err == nil {
		t.Error("a file is no folder for a bundle")
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "mine" {
		t.Errorf("the file was touched: %q %v", got, err)
	}
}

func TestWriteSaysWhatFails(t *testing.T) {
	if os.Geteuid() == 0 {
		// root writes everywhere; a file in the place of a folder stops it too.
		root := t.TempDir()
		if err := os.WriteFile(filepath.Join(root, "private"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		b := generate(t, input(t, "local"))
		if err := b.Write(filepath.Join(root, "bundle"), filepath.Join(root, "private")); err == nil {
			t.Error("a file is no folder for private files")
		}
		return
	}
	root := t.TempDir()
	if err := os.Chmod(root, 0o500); err != nil {
		t.Fatal(err)
	}
	err := generator.Bundle{Files: map[string][]byte{"a": nil}}.Write(filepath.Join(root, "b"), filepath.Join(root, "p"))
	if err == nil {
		t.Error("a folder that can not be made")
	}
}
