package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"skysail/spec"
)

func TestPackIsDeterministic(t *testing.T) {
	var archives [2][]byte
	var digests [2]string
	for i := range archives {
		path, digest, err := pack(t.Context(), filepath.Join(t.TempDir(), "dist"), runtime.GOOS, runtime.GOARCH)
		if err != nil {
			t.Fatal(err)
		}
		if archives[i], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
		recorded, err := os.ReadFile(path + ".sha256")
		if err != nil {
			t.Fatal(err)
		}
		if strings.TrimSpace(string(recorded)) != digest {
			t.Errorf("the digest %s is recorded as %s", digest, recorded)
		}
		digests[i] = digest
	}
	if !bytes.Equal(archives[0], archives[1]) || digests[0] != digests[1] {
		t.Error("the same source was packed into other bytes")
	}

	zip, err := gzip.NewReader(bytes.NewReader(archives[0]))
	if err != nil {
		t.Fatal(err)
	}
	archive := tar.NewReader(zip)
	h, err := archive.Next()
	if err != nil || h.Name != "hello" || h.Mode != 0o755 || h.Uid != 0 || h.ModTime.Unix() != 0 {
		t.Fatalf("the first entry is %+v, %v", h, err)
	}
	program, err := io.ReadAll(archive)
	if err != nil {
		t.Fatal(err)
	}
	if home, err := os.Getwd(); err == nil && bytes.Contains(program, []byte(home)) {
		t.Error("the program holds a path of this machine")
	}
	if _, err := archive.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("there is more in the archive: %v", err)
	}
}

// The service file beside the archive takes in what pack writes.
func TestServiceFileFitsTheArchive(t *testing.T) {
	dir := t.TempDir()
	source, err := os.ReadFile("../service.hcl")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "service.hcl")
	if err := os.WriteFile(file, source, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := spec.Load(file); err == nil || !strings.Contains(err.Error(), "File not found") {
		t.Errorf("without an archive: %v", err)
	}
	path, digest, err := pack(t.Context(), filepath.Join(dir, "dist"), runtime.GOOS, runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	s, err := spec.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := s.Source.Native; n.SHA256 != digest || n.URL != "file://"+filepath.ToSlash(path) {
		t.Errorf("the service is %+v, the archive %s %s", n, digest, path)
	}
}
