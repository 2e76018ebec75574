package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"skysail/internal/reexec"
	"skysail/sandbox/proxy"
)

// A daemon says readyWord on this descriptor when clients can connect.
const (
	readyFD   = 3
	readyWord = "ready"
)

// startTime is how long a daemon may take to be ready.
const startTime = 30 * time.Second

// maxLog is the size from which the log of the daemon is put aside.
const maxLog = 4 << 20

// spawn starts a daemon and returns when it is ready.
func spawn(ctx context.Context, home string, k kit) error {
	log, began, err := openLog(home)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	defer func() { _ = log.Close() }()
	cmd, err := reexec.Command(k.helper, "start", home)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	cmd = exec.CommandContext(ctx, cmd.Path, cmd.Args[1:]...) //nolint:gosec // our own binary
	cmd.Env = append(daemonEnv(os.Environ()), reexec.HelperEnv(k.helper))
	cmd.Dir, cmd.Stdout, cmd.Stderr = home, log, log
	if err := cmd.Run(); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return fmt.Errorf("sandbox: %w", cause)
		}
		return fmt.Errorf("the sandbox daemon does not start: %w\n%s", err, tail(log.Name(), began))
	}
	return nil
}

// launch runs in a process between the client and the daemon.
func launch(home string, k kit) int {
	cmd, err := reexec.Command(k.helper, "run", home)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	r, w, err := os.Pipe()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = home, os.Stdout, os.Stderr, []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	_ = w.Close()
	_ = r.SetReadDeadline(time.Now().Add(startTime))
	said, err := io.ReadAll(r)
	switch {
	case string(said) == readyWord:
		return 0
	case errors.Is(err, os.ErrDeadlineExceeded):
		fmt.Fprintf(os.Stderr, "the daemon was not ready after %s\n", startTime)
		_ = cmd.Process.Kill()
	}
	_ = cmd.Wait() // it has said why on its log
	return 1
}

func openLog(home string) (f *os.File, size int64, err error) {
	path := filepath.Join(home, logFile)
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, 0, err
		}
	}
	f, err = os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // the sandbox's own folder
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// tail returns the last lines of a log, of those after an offset.
func tail(path string, from int64) string {
	const most = 15
	raw, err := os.ReadFile(path) //nolint:gosec // the sandbox's own folder
	if err != nil || int64(len(raw)) < from {
		return "see " + path
	}
	lines := strings.Split(strings.TrimSpace(string(raw[from:])), "\n")
	if n := len(lines) - most; n > 0 {
		lines = lines[n:]
	}
	return path + ":\n  " + strings.Join(lines, "\n  ")
}

// daemonEnv is what the daemon and its machines get of the caller's
// environment: nothing that could be a credential. What a simulated instance
// needs to download its service through a company's proxy is among it, but
// not the sandbox's own proxy.
func daemonEnv(env []string) []string {
	keep := map[string]bool{}
	for _, n := range []string{
		"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR", "GOCOVERDIR",
		"XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "DOCKER_HOST", "CONTAINER_HOST",
		reexec.EnvBinary,
	} {
		keep[n] = true
	}
	if !pointedAtSandbox(env) {
		for _, n := range []string{"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"} {
			keep[n], keep[strings.ToLower(n)] = true, true
		}
	}
	var out []string
	for _, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		if keep[name] || strings.HasPrefix(name, "LC_") {
			out = append(out, kv)
		}
	}
	return out
}

// pointedAtSandbox says whether an environment is that of Client.Env.
func pointedAtSandbox(env []string) bool {
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		if name != "SSL_CERT_FILE" || filepath.Base(value) != proxy.CertFile {
			continue
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(value), worldFile)); err == nil {
			return true
		}
	}
	return false
}
