package deploy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"

	"skysail/internal/failure"
	"skysail/qos"
	"skysail/store"
)

// knownHostsFile holds the pinned host keys of an attempt's instances, for
// OpenSSH, in its private folder.
const knownHostsFile = "known_hosts"

// ShellQuery says what to run where.
type ShellQuery struct {
	// Instance is one of the deployment's, "" the first (of pods, the first
	// that is ready). Container is one of a pod's, "" the service's.
	Instance, Container string
	// Command is a program with its arguments, no shell between; none is a
	// login shell.
	Command []string
	// TTY asks for a terminal, as a shell has one in any case.
	TTY      bool
	In       io.Reader
	Out, Err io.Writer
}

// Shell runs a command on an instance, or a shell, and returns its exit
// status: on a machine by OpenSSH, which is given the pinned host key and no
// other, in a pod over the API server. What can not be reached is an error.
func (d *Deployer) Shell(ctx context.Context, name string, q ShellQuery) (status int, err error) {
	row, t, err := d.reached(ctx, name, q.Instance)
	if err != nil {
		return 0, err
	}
	if err := onThisMachine(&row, t); err != nil {
		return 0, err
	}
	if t.Kube != nil {
		return d.podShell(ctx, &row, t, q)
	}
	return d.openSSH(ctx, &row, t, q)
}

func (d *Deployer) openSSH(ctx context.Context, row *store.Deployment, t qos.Target, q ShellQuery) (int, error) {
	program, err := exec.LookPath("ssh")
	if err != nil {
		return 0, failure.Wrap(err, failure.Failed, "OpenSSH's ssh",
			"A shell on an instance is opened with it.", "Install it (Debian: openssh-client) and put it on PATH.")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	addr := t.SSH.Addr
	if t.Dial != nil || !t.SSH.Via.Direct() { // a way that OpenSSH does not know
		if addr, err = relayed(ctx, t); err != nil {
			return 0, err
		}
	}
	args, err := sshArgs(t, addr, filepath.Join(d.attemptDir(row.ID, row.Attempt), "private"))
	if err != nil {
		return 0, err
	}
	if q.TTY && len(q.Command) > 0 {
		args = append(args, "-t")
	}
	args = append(args, "--", t.SSH.User+"@"+addressOf(addr))
	if len(q.Command) > 0 {
		// sshd hands one line to a shell.
		args = append(args, quoted(q.Command))
	}
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // OpenSSH, as the user asked
	cmd.Stdin, cmd.Stdout, cmd.Stderr = q.In, q.Out, q.Err
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() >= 0 {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// sshArgs are OpenSSH's options for a target: the pinned host key under a name
// of its own, the deployment's key, and nothing that a user's configuration
// says otherwise.
func sshArgs(t qos.Target, addr, private string) ([]string, error) {
	alias := "skysail-" + t.DeploymentID + "-" + t.Instance
	var known strings.Builder
	for _, key := range []string{t.SSH.HostKey, t.SSH.NextHostKey} {
		if key != "" {
			fmt.Fprintf(&known, "%s %s\n", alias, strings.TrimSpace(key))
		}
	}
	file := filepath.Join(private, knownHostsFile+"."+t.Instance)
	if err := renameio.WriteFile(file, []byte(known.String()), 0o600); err != nil {
		return nil, fmt.Errorf("pinned host keys: %w", err)
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("address of %s: %w", t.Instance, err)
	}
	args := []string{"-p", port, "-i", t.SSH.KeyFile}
	for _, o := range []string{
		"StrictHostKeyChecking=yes", "UserKnownHostsFile=" + sshQuoted(file), "GlobalKnownHostsFile=/dev/null", "HostKeyAlias=" + alias,
		"UpdateHostKeys=no", "IdentitiesOnly=yes", "IdentityAgent=none", "PasswordAuthentication=no", "KbdInteractiveAuthentication=no",
		"ControlMaster=no", "ControlPath=none", "ForwardAgent=no", "ConnectTimeout=15", "ServerAliveInterval=15", "LogLevel=ERROR",
	} {
		args = append(args, "-o", o)
	}
	return args, nil
}

// relayed makes an address on this machine that leads to the target's SSH
// port, for one connection and until ctx ends. That connection is made first,
// so that what is wrong on the way is said as it is.
func relayed(ctx context.Context, t qos.Target) (string, error) {
	far, err := qos.DialSSH(ctx, t)
	if err != nil {
		return "", err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		_ = far.Close()
		return "", fmt.Errorf("a port on this machine: %w", err)
	}
	context.AfterFunc(ctx, func() { _ = far.Close() })
	once := make(chan net.Conn, 1)
	once <- far
	go func() {
		_ = qos.Relay(ctx, l, func(context.Context) (net.Conn, error) {
			select {
			case far := <-once:
				return far, nil
			default:
				return nil, net.ErrClosed
			}
		}, nil)
	}()
	return l.Addr().String(), nil
}

func addressOf(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return host
}

// sshQuoted keeps a path with blanks one word of an OpenSSH option.
func sshQuoted(path string) string {
	if !strings.ContainsAny(path, " \t") {
		return path
	}
	return `"` + path + `"`
}

// quoted is a program with its arguments as one line for a shell.
func quoted(argv []string) string {
	out := make([]string, len(argv))
	for i, a := range argv {
		out[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
	}
	return strings.Join(out, " ")
}
