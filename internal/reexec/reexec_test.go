package reexec

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func init() {
	Register("test-echo", func(args []string) int {
		fmt.Printf("%q helper=%q\n", args, os.Getenv(EnvHelper))
		return 7
	})
	Register("test-child", func([]string) int {
		// What a helper starts with its own environment is no helper.
		self, err := os.Executable()
		if err != nil {
			return 1
		}
		out, err := exec.Command(self, "-test.run=^TestNothing$").CombinedOutput()
		fmt.Printf("%s %v\n", bytes.TrimSpace(out), err)
		return 0
	})
}

func TestMain(m *testing.M) {
	Main()
	os.Exit(m.Run())
}

func TestHelper(t *testing.T) {
	cmd, err := Command("test-echo", "a b", `"`, "--flag")
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("exit: %v", err)
	}
	if want := `["a b" "\"" "--flag"] helper=""` + "\n"; string(out) != want {
		t.Errorf("got %q, want %q", out, want)
	}
}

func TestChildOfAHelperIsNoHelper(t *testing.T) {
	cmd, err := Command("test-child")
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Contains(string(out), "helper=") || !strings.Contains(string(out), "no tests to run") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestUnknownHelper(t *testing.T) {
	cmd, err := Command("no-such-helper")
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 {
		t.Errorf("exit: %v", err)
	}
	for _, want := range []string{`"no-such-helper" is no helper`, "test-child, test-echo"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is not in %q", want, out)
		}
	}
}

func TestRegisterTwice(t *testing.T) {
	defer func() {
		if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "test-echo") {
			t.Errorf("panic: %v", r)
		}
	}()
	Register("test-echo", nil)
}

func TestBinary(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(EnvBinary, "/somewhere/else")
	if b, err := Binary(); err != nil || b != self {
		t.Errorf("a program that called Main: %s %v", b, err)
	}

	called = false
	t.Cleanup(func() { called = true })
	if b, err := Binary(); err != nil || b != "/somewhere/else" {
		t.Errorf("a program that is told of another: %s %v", b, err)
	}
	t.Setenv(EnvBinary, "")
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	if b, err := Binary(); err == nil || !strings.Contains(err.Error(), EnvBinary) || !strings.Contains(err.Error(), "reexec.Main") {
		t.Errorf("nowhere: %s %v", b, err)
	}
	if _, err := Command("test-echo"); err == nil {
		t.Error("a command without a binary")
	}
	want := filepath.Join(dir, "skysail")
	if err := os.WriteFile(want, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if b, err := Binary(); err != nil || b != want {
		t.Errorf("on PATH: %s %v", b, err)
	}
}
