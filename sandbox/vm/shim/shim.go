// Package shim holds the commands that a simulated instance has in place of a
// real machine's: systemctl, journalctl, sudo, cloud-init, ssh-keygen, and
// the container engines. They are small scripts that ask the instance's own
// process what to do, or run this binary again where that can not tell.
package shim

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"

	"skysail/internal/reexec"
	"skysail/sandbox/vm/rootdir"
	"skysail/sandbox/vm/socket"
	"skysail/sandbox/vm/systemd"
)

// HelperName is the shims' name among this program's helpers.
const HelperName = "sandbox-shim"

// The environment of everything that runs on an instance.
const (
	// EnvInstance is the instance's folder; it marks its processes, too.
	EnvInstance = "SKYSAIL_INSTANCE"
	// EnvRoot is where the instance's "/" is.
	EnvRoot = "SKYSAIL_ROOT"
	// EnvUser is the user that a process stands for: all are the caller's own
	// on this machine.
	EnvUser = "SKYSAIL_INSTANCE_USER"
)

// Folder is where the shims lie in an instance's folder, JournalFile its
// journal, ContainersFile what its containers are known by.
const (
	Folder         = "shims"
	JournalFile    = "journal"
	ContainersFile = "containers.json"
)

// programs are the shims by name. Docker is there for units that name it.
func programs() map[string]func(machine, []string) int {
	return map[string]func(machine, []string) int{
		"systemctl":  systemctl,
		"journalctl": journalctl,
		"sudo":       sudo,
		"cloud-init": cloudInit,
		"ssh-keygen": keygen,
		"podman":     containers,
		"docker":     containers,
	}
}

// lean is the environment in which a shim starts: the collector has nothing to
// find while packages initialise.
const lean = "GOGC=off GOMAXPROCS=1"

func init() {
	reexec.Register(HelperName, func(args []string) int {
		for _, name := range []string{"GOGC", "GOMAXPROCS"} {
			_ = os.Unsetenv(name) // not for what the shim starts
		}
		debug.SetGCPercent(100)
		if len(args) == 0 {
			fmt.Fprintln(os.Stderr, "skysail: a shim needs its name")
			return 2
		}
		program, ok := programs()[args[0]]
		dir := os.Getenv(EnvInstance)
		if !ok || dir == "" {
			fmt.Fprintf(os.Stderr, "skysail: %s is only there on a simulated instance\n", args[0])
			return 2
		}
		m := machine{
			dir: dir, root: rootdir.Root(os.Getenv(EnvRoot)), user: os.Getenv(EnvUser),
			path: os.Getenv("PATH"), stdout: os.Stdout, stderr: os.Stderr,
			manager: func(c systemd.Call) (systemd.Reply, error) { return ask(dir, c) },
			become:  become,
		}
		return program(m, args[1:])
	})
}

// machine is the instance that a shim runs on, and who runs it there.
type machine struct {
	dir            string
	root           rootdir.Root
	user           string
	folder         string // that relative paths begin in; empty: the process's own
	path           string // the caller's PATH
	stdout, stderr io.Writer
	// manager is the instance's service manager.
	manager func(systemd.Call) (systemd.Reply, error)
	// become runs another program in the shim's place, with these variables
	// changed.
	become func(argv, set []string) error
	// answered says that the instance's process runs this for a shim, which
	// must not take long: what would ends in elsewhere.
	answered bool
}

// elsewhere is the result of what the shim must run itself.
const elsewhere = -1

func (m machine) fail(program string, err error) int {
	_, _ = fmt.Fprintf(m.stderr, "%s: %v\n", program, err)
	return 1
}

// Install writes the shims of an instance.
func Install(dir string) error {
	folder := filepath.Join(dir, Folder)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	binary, err := reexec.Binary()
	if err != nil {
		return err
	}
	for name := range programs() {
		text := "#!/bin/sh\n"
		if name != "podman" && name != "docker" {
			text += question(folder, name)
		}
		text += "export " + reexec.HelperEnv(HelperName) + " " + lean + "\nexec " + rootdir.Quote(binary) + " " + name + ` "$@"` + "\n"
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil { //nolint:gosec // a program, for its owner
			return err
		}
		if err := os.Chmod(path, 0o700); err != nil { //nolint:gosec // a program, for its owner
			return err
		}
	}
	return nil
}

// Path puts the shims before the rest of a PATH.
func Path(dir, path string) string {
	return filepath.Join(dir, Folder) + string(filepath.ListSeparator) + path
}

// withoutShims takes them out again, for what must find the real thing.
func (m machine) withoutShims(path string) string {
	var keep []string
	for _, p := range filepath.SplitList(path) {
		if p != filepath.Join(m.dir, Folder) {
			keep = append(keep, p)
		}
	}
	return strings.Join(keep, string(filepath.ListSeparator))
}

// systemctl asks the instance's service manager.
func systemctl(m machine, args []string) int {
	reply, err := m.manager(systemd.Call{Args: args, Root: m.user == "root"})
	if err != nil {
		_, _ = fmt.Fprintln(m.stderr, err)
		return 1
	}
	_, _ = io.WriteString(m.stdout, reply.Stdout)
	_, _ = io.WriteString(m.stderr, reply.Stderr)
	return reply.Code
}

// ask has the service manager of an instance run one systemctl.
func ask(dir string, c systemd.Call) (systemd.Reply, error) {
	var reply systemd.Reply
	path, err := socket.Path(dir, socket.Control)
	if err != nil {
		return reply, fmt.Errorf("systemctl: %w", err)
	}
	var d net.Dialer
	conn, err := d.DialContext(context.Background(), "unix", path)
	if err != nil {
		return reply, fmt.Errorf("Failed to connect to bus: the simulated instance does not run: %w", err) //nolint:staticcheck // systemctl's own words
	}
	defer func() { _ = conn.Close() }()
	err = json.NewEncoder(conn).Encode(c)
	if err == nil {
		err = json.NewDecoder(conn).Decode(&reply)
	}
	if err != nil {
		return reply, fmt.Errorf("Failed to talk to the service manager: the simulated instance stopped: %w", err) //nolint:staticcheck // systemctl's own words
	}
	return reply, nil
}

// become runs another program in this process's place.
func become(argv, set []string) error {
	return syscall.Exec(argv[0], argv, dedupe(append(os.Environ(), set...))) //nolint:gosec // running what it is told is a shim's job
}

// lookPath finds a program as exec.LookPath does, in the caller's PATH.
func (m machine) lookPath(name string) (string, error) {
	for _, dir := range filepath.SplitList(m.path) {
		if found, err := exec.LookPath(filepath.Join(dir, name)); err == nil && filepath.IsAbs(dir) {
			return found, nil
		}
	}
	return "", fmt.Errorf("%s: command not found", name)
}

// file is a path as the caller means it.
func (m machine) file(name string) string {
	if m.folder == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(m.folder, name)
}
