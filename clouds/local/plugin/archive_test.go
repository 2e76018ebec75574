package plugin

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

type file struct {
	name, body, link string
	kind             byte // 0 is a regular file
	mode             int64
}

func serviceFiles(t *testing.T) []file {
	t.Helper()
	return []file{
		{name: "bin/", kind: tar.TypeDir, mode: 0o755},
		{name: "bin/service", mode: 0o755, body: "#!/bin/sh\nexec env SKYSAIL_HELPER=" + testService + " \"$TEST_BINARY\" \"$@\"\n"},
	}
}

// makeArchive writes an archive and returns its path and digest.
func makeArchive(t *testing.T, files []file) (path, digest string) {
	t.Helper()
	var buf bytes.Buffer
	zw := gzip.NewWriter(&buf)
	tw := tar.NewWriter(zw)
	for _, f := range files {
		kind := f.kind
		if kind == 0 {
			kind = tar.TypeReg
		}
		if err := tw.WriteHeader(&tar.Header{Name: f.name, Typeflag: kind, Linkname: f.link, Mode: f.mode, Size: int64(len(f.body))}); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write([]byte(f.body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "service.tar.gz")
	if err := os.WriteFile(path, buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(buf.Bytes())
	return path, hex.EncodeToString(sum[:])
}

func TestUnpack(t *testing.T) {
	archive, _ := makeArchive(t, []file{
		{name: "./", kind: tar.TypeDir, mode: 0o755},
		{name: "./bin/run", body: "first", mode: 0o755},
		{name: "./bin/run", body: "second", mode: 0o4755},
		{name: "data/read-only", body: "x", mode: 0o444},
		{name: "data/locked", kind: tar.TypeDir, mode: 0o000},
		{name: "data/locked/in", body: "y", mode: 0o600},
		{name: "latest", kind: tar.TypeSymlink, link: "bin/run"},
		{name: "data/up", kind: tar.TypeSymlink, link: "../bin"},
		{name: "hard", kind: tar.TypeLink, link: "./bin/run"},
	})
	dir := filepath.Join(t.TempDir(), "app")
	if err := unpack(t.Context(), archive, dir); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"bin/run": "second", "latest": "second", "hard": "second", "data/up/run": "second", "data/locked/in": "y"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s is %q, %v", name, got, err)
		}
	}
	for name, want := range map[string]os.FileMode{"bin/run": 0o700, "data/read-only": 0o600, "data/locked": 0o700 | os.ModeDir} {
		if fi, err := os.Stat(filepath.Join(dir, name)); err != nil || fi.Mode() != want {
			t.Errorf("%s has mode %v, want %v, %v", name, fi.Mode(), want, err)
		}
	}
}

func TestUnpackRefuses(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.Mkdir(outside, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		files []file
		want  string
	}{
		"absolute path":         {[]file{{name: "/etc/evil", body: "x"}}, "leads out"},
		"path up":               {[]file{{name: "a/../../evil", body: "x"}}, "leads out"},
		"absolute link":         {[]file{{name: "l", kind: tar.TypeSymlink, link: outside}}, "leads out"},
		"link up":               {[]file{{name: "a/l", kind: tar.TypeSymlink, link: "../../outside"}}, "leads out"},
		"hard link up":          {[]file{{name: "l", kind: tar.TypeLink, link: "../outside"}}, "leads out"},
		"a device":              {[]file{{name: "d", kind: tar.TypeBlock}}, "neither file, folder nor link"},
		"a pipe":                {[]file{{name: "p", kind: tar.TypeFifo}}, "neither file, folder nor link"},
		"through a link, twice": {[]file{{name: "a", kind: tar.TypeSymlink, link: "b"}, {name: "b", kind: tar.TypeSymlink, link: "a"}, {name: "a/evil", body: "x"}}, "too many levels"},
		"a file for a folder":   {[]file{{name: "a", body: "x"}, {name: "a/b", body: "y"}}, "file exists"},
	} {
		t.Run(name, func(t *testing.T) {
			archive, _ := makeArchive(t, tc.files)
			err := unpack(t.Context(), archive, filepath.Join(t.TempDir(), "app"))
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "the archive can not be unpacked") {
				t.Errorf("got %v, want …%s…", err, tc.want)
			}
		})
	}
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("<html>not an archive</html>"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unpack(t.Context(), text, filepath.Join(t.TempDir(), "app")); err == nil || !strings.Contains(err.Error(), "invalid header") {
		t.Errorf("got %v", err)
	}
}

func TestUnpackBounds(t *testing.T) {
	x := &extractor{left: 10, files: maxFiles}
	if err := x.entry(&tar.Header{Name: "one-more", Typeflag: tar.TypeReg}, nil); err == nil || !strings.Contains(err.Error(), "more than 100000 files") {
		t.Errorf("files: %v", err)
	}
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	x = &extractor{root: root, left: 10}
	if err := x.entry(&tar.Header{Name: "large", Typeflag: tar.TypeReg, Size: 11}, nil); err == nil || !strings.Contains(err.Error(), "more than 8 GiB") {
		t.Errorf("size: %v", err)
	}
}

func TestUnpackEndsWithItsContext(t *testing.T) {
	archive, _ := makeArchive(t, []file{{name: "a", body: "x"}})
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	cancel(cause)
	if err := unpack(ctx, archive, filepath.Join(t.TempDir(), "app")); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
}
