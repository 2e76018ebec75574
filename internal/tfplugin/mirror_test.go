package tfplugin

import (
	"os"
	"path/filepath"
	"runtime"
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
