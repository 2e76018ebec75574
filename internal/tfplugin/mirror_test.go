package tfplugin

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestWriteMirror(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "providers")
	release := Release{Source: "example.com/acme/toy", Version: "1.2.3", Helper: "plugin-toy"}
	file := filepath.Join(dir, "example.com", "acme", "toy", "1.2.3", runtime.GOOS+"_"+runtime.GOARCH, "terraform-provider-toy_v1.2.3")
	if err := WriteMirror(dir, release); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// These bytes are hashed into every dependency lock file: they stay.
	want, err := os.ReadFile("testdata/terraform-provider-toy.sh")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if before.Mode().Perm() != 0o700 {
		t.Errorf("mode %v", before.Mode())
	}

	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(file, old, old); err != nil {
		t.Fatal(err)
	}
	if err := WriteMirror(dir, release); err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(file); err != nil || !fi.ModTime().Before(time.Now().Add(-time.Minute)) {
		t.Errorf("a mirror that was right was written again: %v", err)
	}

	if err := os.WriteFile(file, []byte("#!/bin/sh\nexit 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteMirror(dir, release); err != nil {
		t.Fatal(err)
	}
	if mended, err := os.ReadFile(file); err != nil || string(mended) != string(want) {
		t.Errorf("a damaged mirror was not mended: %v", err)
	}

	if err := WriteMirror(dir, Release{Source: "toy"}); err == nil {
		t.Error("a source without host was taken")
	}
}

// A provider that is a program of its own is found by the folder that the
// environment names, so that a lock file holds wherever that is.
func TestMirrorOfPrograms(t *testing.T) {
	dir, tools := t.TempDir(), t.TempDir()
	release := Release{Source: "example.com/acme/toy", Version: "1.2.3", Program: "toy", Folder: "SKYSAIL_TEST_TOOLS"}
	if err := WriteMirror(dir, release); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tools, "toy"), []byte("#!/bin/sh\necho \"toy $1\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	file, err := release.path(dir)
	if err != nil {
		t.Fatal(err)
	}
	run := func(env ...string) (string, error) {
		cmd := exec.Command(file, "serve")
		cmd.Env = append(env, "PATH="+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := run("SKYSAIL_TEST_TOOLS=" + tools); err != nil || out != "toy serve\n" {
		t.Errorf("with the folder: %v %q", err, out)
	}
	if out, err := run(); err == nil || !strings.Contains(out, "must name the folder with toy") {
		t.Errorf("without the folder: %v %q", err, out)
	}
}
