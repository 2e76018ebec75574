package vm

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"skysail/internal/reexec"
)

// HelperName is the name of an instance's main process among this program's
// helpers.
const HelperName = "sandbox-vm"

// startPatience bounds how long an instance may take to be up; its first
// boot's scripts are not part of that.
const startPatience = 60 * time.Second

// passed are the variables of its starter's environment that an instance
// needs: to find programs, and to download through a proxy. Credentials are
// not among them.
var passed = []string{
	"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LANG", "TZ",
	"http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE",
	"DOCKER_HOST", "XDG_RUNTIME_DIR", "CONTAINER_HOST",
	reexec.EnvBinary,
	"GORACE", // of tests; see package supervise
}

// Start boots the instance in dir and returns when it is up: reachable over
// SSH where its firewall allows it, with its first boot's scripts still
// running, as on a real cloud. Scripts and services that fail leave it up; the
// reason is in its journal and cloud-init.log. One that runs is left as it is.
func Start(ctx context.Context, dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	unlock, err := lockCalls(ctx, dir)
	if err != nil {
		return fmt.Errorf("start instance: %w", err)
	}
	defer unlock()
	if power, err := State(dir); err != nil || power == Running {
		return err
	}
	if _, err := readConfig(dir); err != nil {
		return fmt.Errorf("start instance: %w", err)
	}
	// What a killed main process left would answer in the new one's place.
	if err := clean(ctx, dir); err != nil {
		return fmt.Errorf("start instance: what is left of its last run cannot be stopped: %w", err)
	}
	if err := launch(ctx, dir); err != nil {
		cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopPatience)
		defer cancel()
		return errors.Join(fmt.Errorf("start instance: %w", err), stop(cleanup, dir))
	}
	return nil
}

func launch(ctx context.Context, dir string) error {
	logged, err := os.OpenFile(filepath.Join(dir, logFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600) //nolint:gosec // the instance's folder
	if err != nil {
		return err
	}
	defer func() { _ = logged.Close() }()
	ready, tell, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = ready.Close() }()
	cmd, err := reexec.Command(HelperName, dir)
	if err != nil {
		_ = tell.Close()
		return err
	}
	cmd.Dir = dir
	cmd.Env = append(environment(os.Environ()), mark(dir), reexec.HelperEnv(HelperName))
	cmd.Stdout, cmd.Stderr = logged, logged
	cmd.ExtraFiles = []*os.File{tell}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	_ = tell.Close()
	if err != nil {
		return err
	}
	if err := cmd.Process.Release(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startPatience, fmt.Errorf("it was not up within %s", startPatience))
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = ready.SetReadDeadline(time.Unix(1, 0)) })()
	line, err := bufio.NewReader(ready).ReadString('\n')
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, io.EOF):
		return fmt.Errorf("its main process ended before it was up; see %s", filepath.Join(dir, logFile))
	case err != nil:
		return err
	case line != "\n":
		return errors.New(strings.TrimSuffix(line, "\n"))
	}
	return nil
}

func environment(env []string) []string {
	return slices.DeleteFunc(env, func(e string) bool {
		name, _, _ := strings.Cut(e, "=")
		return !slices.Contains(passed, name)
	})
}

// lockCalls waits for its turn among the Starts and Stops of an instance.
func lockCalls(ctx context.Context, dir string) (unlock func(), err error) {
	l := flock.New(filepath.Join(dir, callLock), flock.SetPermissions(0o600))
	if ok, err := l.TryLockContext(ctx, 20*time.Millisecond); err != nil || !ok {
		return nil, fmt.Errorf("wait for another start or stop of it: %w", err)
	}
	return func() { _ = l.Close() }, nil
}
