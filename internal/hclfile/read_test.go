package hclfile

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// within fails the test when the work takes so long that it must be waiting
// for something.
func within(t *testing.T, work func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		work()
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("it blocks")
	}
}

func parseError(t *testing.T, path string) *Error {
	t.Helper()
	var err error
	within(t, func() { _, err = Parse(path, ParseOptions{Kind: "service"}) })
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("want an *Error, got %T: %v", err, err)
	}
	return e
}

func wantWords(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), w) {
			t.Errorf("%q is missing in:\n%s", w, text)
		}
	}
}

func TestMissingFile(t *testing.T) {
	dir := t.TempDir()
	e := parseError(t, filepath.Join(dir, "service.hcl"))
	if !errors.Is(e, fs.ErrNotExist) {
		t.Errorf("errors.Is(err, fs.ErrNotExist) is false for %v", e)
	}
	wantWords(t, e.Error(), "does not exist", "skysail init")

	if err := os.WriteFile(filepath.Join(dir, "service.hcl"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wantWords(t, parseError(t, filepath.Join(dir, "servce.hcl")).Error(), "did you mean", "service.hcl")
	wantWords(t, parseError(t, filepath.Join(dir, "other.hcl")).Error(), "did you mean", "service.hcl")
	wantWords(t, parseError(t, "").Error(), "No path was given", "./service.hcl")
}

func TestUnreadableFile(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("NOT RUN: root may read every file, so there is none that can not be read")
	}
	path := filepath.Join(t.TempDir(), "service.hcl")
	if err := os.WriteFile(path, []byte("service {}"), 0); err != nil {
		t.Fatal(err)
	}
	e := parseError(t, path)
	if !errors.Is(e, fs.ErrPermission) {
		t.Errorf("errors.Is(err, fs.ErrPermission) is false for %v", e)
	}
	wantWords(t, e.Error(), "permission denied", "chmod u+r")
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	wantWords(t, parseError(t, dir).Error(), "it is a folder, not a file", "service.hcl")
}

func TestSpecialFiles(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo.hcl")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	// The path of a socket is short everywhere only below the system's folder.
	short, err := os.MkdirTemp("", "hcl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(short) })
	socket := filepath.Join(short, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	for _, path := range []string{fifo, socket, os.DevNull, "/dev/zero"} {
		wantWords(t, parseError(t, path).Error(), "a pipe, a device or a socket", "save the content in a file")
	}

	source := `service "echo" { env = { A = file("fifo.hcl") } }`
	f, err := ParseSource(filepath.Join(dir, "service.hcl"), []byte(source), ParseOptions{})
	if err != nil {
		t.Fatal(err)
	}
	within(t, func() { decodeAll(f) })
	wantWords(t, f.Err().Error(), "it is not a regular file")
}

func TestLargeFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "service.hcl")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	// A sparse terabyte would not end if it was read.
	for _, size := range []int64{MaxSize + 1, 10 << 20, 1 << 40} {
		if err := file.Truncate(size); err != nil {
			t.Fatal(err)
		}
		wantWords(t, parseError(t, path).Error(), "too large", "larger than 1024 KiB", "is this the right path?")
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := ParseSource("service.hcl", make([]byte, MaxSize+1), ParseOptions{}); err == nil {
		t.Error("a source of more than MaxSize bytes was accepted")
	}
}

func TestLargestFileIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "service.hcl")
	source := "# " + strings.Repeat("x", MaxSize-3) + "\n"
	if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Parse(path, ParseOptions{}); err != nil {
		t.Errorf("a file of MaxSize bytes is refused: %.200v", err)
	}
}
