package socket_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"skysail/sandbox/vm/socket"
)

func TestPathsAreShortEnough(t *testing.T) {
	t.Setenv("TMPDIR", "/tmp")
	for name, dir := range map[string]string{
		"short": filepath.Join(t.TempDir(), "vm"),
		"long":  filepath.Join(t.TempDir(), strings.Repeat("long-", 30)),
	} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		path, err := socket.New(dir, socket.Dial)
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, err := socket.Path(dir, socket.Dial); err != nil || got != path {
			t.Errorf("%s: %q, %v; want %q", name, got, err, path)
		}
		// One that a killed process left is in nobody's way.
		l.(*net.UnixListener).SetUnlinkOnClose(false)
		_ = l.Close()
		if _, err := socket.New(dir, socket.Dial); err != nil {
			t.Errorf("%s, again: %v", name, err)
		}
		if err := socket.Remove(dir); err != nil {
			t.Error(err)
		}
		if name == "long" {
			if _, err := os.Stat(filepath.Dir(path)); !os.IsNotExist(err) {
				t.Errorf("the short folder is left: %v", err)
			}
		}
	}
}

func TestForeignFolderIsRefused(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dir := filepath.Join(t.TempDir(), strings.Repeat("long-", 30))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path, err := socket.New(dir, socket.Control)
	if err != nil {
		t.Skip("the temporary folder's own path is too long for this test: ", err)
	}
	if err := os.Chmod(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := socket.New(dir, socket.Control); err == nil || !strings.Contains(err.Error(), "only we can use") {
		t.Errorf("a folder that others can write to: %v", err)
	}
}
