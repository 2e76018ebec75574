package shim

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"skysail/internal/reexec"
	"skysail/sandbox/vm/rootdir"
	"skysail/sandbox/vm/systemd"
)

// served is an instance's folder with shims that a Server answers; what it does
// not answer prints "itself" and its arguments.
func served(t *testing.T, manager func(systemd.Call) systemd.Reply) (dir string, stop func()) {
	t.Helper()
	if !canAnswer() {
		t.Skip("NOT RUN: this system does not show a shim's arguments")
	}
	dir = filepath.Join(t.TempDir(), "it's [a] dir")
	itself := filepath.Join(t.TempDir(), "skysail")
	if err := os.WriteFile(itself, []byte("#!/bin/sh\necho itself \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv(reexec.EnvBinary, itself)
	if err := Install(dir); err != nil {
		t.Fatal(err)
	}
	s, err := NewServer(dir, rootdir.Root(filepath.Join(dir, "root")), manager)
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { s.Serve(context.Background()) })
	stop = sync.OnceFunc(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		serving.Wait()
	})
	t.Cleanup(stop)
	return dir, stop
}

// call runs a shim as a user of the instance does.
func call(t *testing.T, dir, user, name string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, Folder, name), args...)
	cmd.Env = append(os.Environ(), EnvUser+"="+user, EnvInstance+"="+dir, "PATH="+Path(dir, os.Getenv("PATH")))
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Dir = &out, &errs, t.TempDir()
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func TestAnswered(t *testing.T) {
	hostile := "a 'b' \"c\" $HOME `id` \\ %s\n\nend"
	dir, stop := served(t, func(c systemd.Call) systemd.Reply {
		switch c.Args[0] {
		case "nothing":
			return systemd.Reply{}
		case "long":
			return systemd.Reply{Stdout: strings.Repeat("x", maxAnswer+1)}
		case "zero":
			return systemd.Reply{Stdout: "a\x00b"}
		}
		who := " as a user\n"
		if c.Root {
			who = " as root\n"
		}
		return systemd.Reply{Stdout: strings.Join(c.Args, "|") + who, Stderr: c.Args[0] + "\n\n", Code: 3}
	})
	for name, tc := range map[string]struct {
		args           []string
		stdout, stderr string
		code           int
	}{
		"words":        {[]string{"show", "a"}, "show|a as a user\n", "show\n\n", 3},
		"hostile":      {[]string{hostile, "", "-x"}, hostile + "||-x as a user\n", hostile + "\n\n", 3},
		"nothing":      {[]string{"nothing"}, "", "", 0},
		"too long":     {[]string{"long"}, "itself systemctl long\n", "", 0},
		"with a NUL":   {[]string{"zero"}, "itself systemctl zero\n", "", 0},
		"its own name": {[]string{"systemctl"}, "systemctl as a user\n", "systemctl\n\n", 3},
	} {
		stdout, stderr, code := call(t, dir, "skysail", "systemctl", tc.args...)
		if stdout != tc.stdout || stderr != tc.stderr || code != tc.code {
			t.Errorf("%s: %q, %q, exit code %d", name, stdout, stderr, code)
		}
	}
	if stdout, _, _ := call(t, dir, "root", "sudo", "systemctl", "show"); stdout != "show as root\n" {
		t.Errorf("sudo systemctl prints %q", stdout)
	}
	if _, stderr, code := call(t, dir, "skysail", "sudo", "-n", "id"); stderr != "sudo: a password is required\n" || code != 1 {
		t.Errorf("sudo without a rule: %q, exit code %d", stderr, code)
	}
	if _, stderr, code := call(t, dir, "root", "sudo", "no-such-program"); stderr != "sudo: no-such-program: command not found\n" || code != 1 {
		t.Errorf("sudo without a program: %q, exit code %d", stderr, code)
	}
	for _, args := range [][]string{{"journalctl", "-f"}, {"cloud-init", "status", "--wait"}, {"podman", "ps"}} {
		if stdout, _, _ := call(t, dir, "root", args[0], args[1:]...); stdout != "itself "+strings.Join(args, " ")+"\n" {
			t.Errorf("%v prints %q", args, stdout)
		}
	}
	stop()
	if stdout, _, _ := call(t, dir, "skysail", "systemctl", "show"); stdout != "itself systemctl show\n" {
		t.Errorf("with nobody to answer: %q", stdout)
	}
	left, err := filepath.Glob(filepath.Join(strings.ReplaceAll(dir, "[", "\\["), Folder, questionFile+"*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// Many at once each get their own answer.
func TestAnsweredSideBySide(t *testing.T) {
	dir, _ := served(t, func(c systemd.Call) systemd.Reply { return systemd.Reply{Stdout: c.Args[0]} })
	var all sync.WaitGroup
	for n := range 40 {
		word := strings.Repeat("x", n+1)
		all.Go(func() {
			if stdout, _, _ := call(t, dir, "root", "systemctl", word); stdout != word {
				t.Errorf("%q got %q", word, stdout)
			}
		})
	}
	all.Wait()
}

// A relative path is the caller's.
func TestAnsweredInTheCallersFolder(t *testing.T) {
	dir, _ := served(t, nil)
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, Folder, "ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", "key")
	cmd.Dir = t.TempDir()
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("%v: %s", err, out)
	}
	for _, f := range []string{"key", "key.pub"} {
		if _, err := os.Stat(filepath.Join(cmd.Dir, f)); err != nil {
			t.Error(err)
		}
	}
}
