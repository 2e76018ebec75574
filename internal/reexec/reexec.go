// Package reexec starts this program again as one of its helpers: the
// supervisor of a local service, the sandbox daemon, a simulated instance, a
// Terraform plugin. A helper is chosen by an environment variable, so that it
// works from the skysail binary, from a test binary and from a program that
// embeds the library and calls Main first.
package reexec

import (
	"fmt"
	"os"
	"os/exec"
	"sort"
	"strings"
)

// EnvHelper names the helper to run; EnvBinary is the absolute path of a
// binary that calls Main, for programs that do not call it themselves.
const (
	EnvHelper = "SKYSAIL_HELPER"
	EnvBinary = "SKYSAIL_HELPER_BINARY"
)

// Helper is the entry of a helper process; its result is the exit code.
type Helper func(args []string) int

var (
	helpers = map[string]Helper{}
	called  bool
)

// Register makes a helper known under a name. It is called from package
// initialisation and panics when the name is taken.
func Register(name string, h Helper) {
	if _, ok := helpers[name]; ok {
		panic("reexec: helper " + name + " registered twice")
	}
	helpers[name] = h
}

// Main runs the helper that the environment names and exits with its code, or
// returns at once when it names none. A main function, and the TestMain of a
// test that deploys, call it first.
func Main() {
	called = true
	name := os.Getenv(EnvHelper)
	if name == "" {
		return
	}
	h, ok := helpers[name]
	if !ok {
		names := make([]string, 0, len(helpers))
		for n := range helpers {
			names = append(names, n)
		}
		sort.Strings(names)
		fmt.Fprintf(os.Stderr, "skysail: %s=%q is no helper of this program; it has %s\n", EnvHelper, name, strings.Join(names, ", "))
		os.Exit(2)
	}
	// A helper's own children must not become helpers by inheritance.
	_ = os.Unsetenv(EnvHelper)
	os.Exit(h(os.Args[1:]))
}

// Binary returns the absolute path of a program that can run helpers: this
// one when it called Main, else the one that EnvBinary names, else skysail on
// PATH.
func Binary() (string, error) {
	if called {
		return os.Executable()
	}
	if b := os.Getenv(EnvBinary); b != "" {
		return b, nil
	}
	b, err := exec.LookPath("skysail")
	if err != nil {
		return "", fmt.Errorf("no program that can run skysail's helpers: call reexec.Main first in main, set %s, or put skysail on PATH", EnvBinary)
	}
	return b, nil
}

// Command builds the command that runs a helper. The environment is this
// process's own plus what the helper needs; callers may replace Env but must
// keep the entry that HelperEnv returns.
func Command(name string, args ...string) (*exec.Cmd, error) {
	b, err := Binary()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(b, args...) //nolint:gosec,noctx // our own binary; helpers outlive the caller's context
	cmd.Env = append(os.Environ(), HelperEnv(name))
	return cmd, nil
}

// HelperEnv is the environment entry that makes a process the named helper.
func HelperEnv(name string) string { return EnvHelper + "=" + name }
