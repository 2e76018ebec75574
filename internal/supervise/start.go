package supervise

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"skysail/internal/reexec"
	"skysail/internal/supervise/proc"
)

// ErrDifferent says that something else is supervised in the folder.
var ErrDifferent = errors.New("another program is supervised there")

// readiness is the one line that a supervisor writes to its starter when the
// first attempt to start the program is made.
type readiness struct {
	Error string `json:"error,omitempty"`
}

// Start starts a program under a detached supervisor and returns when the
// first attempt to start it has been made. A program that cannot be started at
// all is an error and leaves nothing behind; one that starts and dies, or
// whose PreStart fails, is the supervisor's business and shows in the status.
// When the same spec is supervised already, its status is returned. When ctx
// ends first, what was started is stopped.
func Start(ctx context.Context, spec Spec) (Status, error) {
	spec, err := spec.complete()
	if err != nil {
		return Status{}, err
	}
	if err := os.MkdirAll(spec.Dir, 0o700); err != nil {
		return Status{}, fmt.Errorf("start %s: %w", spec.Argv[0], err)
	}
	unlock, err := lockCalls(ctx, spec.Dir)
	if err != nil {
		return Status{}, err
	}
	defer unlock()

	switch st, err := Read(spec.Dir); {
	case err == nil && st.Supervised():
		r, err := readRecord(spec.Dir)
		if err == nil && r.same(spec) {
			return st, nil
		}
		return st, fmt.Errorf("start %s in %s: %w (process %d); stop it first", spec.Argv[0], spec.Dir, ErrDifferent, st.SupervisorPID)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return Status{}, err
	}
	// A supervisor that was killed may have left its program behind.
	if err := clean(ctx, spec.Dir); err != nil {
		return Status{}, fmt.Errorf("start %s: an earlier one could not be stopped: %w", spec.Argv[0], err)
	}
	if err := launch(ctx, spec); err != nil {
		if errors.Is(err, errNotStarted) {
			return Status{}, fmt.Errorf("start %s: %w", spec.Argv[0], err)
		}
		// The caller's context has ended or the supervisor is silent: leave
		// nothing that nobody knows of.
		cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), spec.StopTimeout+stopMargin)
		defer cancel()
		return Status{}, errors.Join(fmt.Errorf("start %s: %w", spec.Argv[0], err), stop(cleanup, spec.Dir))
	}
	return Read(spec.Dir)
}

// Resume starts again what was last started with dir and does not run, after
// a restart of the machine for example.
func Resume(ctx context.Context, dir string) (Status, error) {
	r, err := readRecord(dir)
	if err != nil {
		return Status{}, fmt.Errorf("nothing can be started again in %s: %w", dir, err)
	}
	return Start(ctx, r.Spec)
}

// errNotStarted carries what the supervisor said of a program that cannot be
// started; the supervisor has ended by itself.
var errNotStarted = errors.New("it cannot be started")

// errSilent says that the supervisor died before it said anything.
var errSilent = errors.New("the supervisor ended before it was ready")

// launch starts the supervisor and waits for its word.
func launch(ctx context.Context, spec Spec) error {
	if err := os.Remove(filepath.Join(spec.Dir, statusFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	token := rand.Text()
	if err := writeJSON(filepath.Join(spec.Dir, specFile), record{Spec: spec, Token: token}); err != nil {
		return err
	}
	logged, err := os.OpenFile(filepath.Join(spec.Dir, logFile), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = logged.Close() }()
	ready, tell, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = ready.Close() }()

	cmd, err := reexec.Command(HelperName, spec.Dir)
	if err != nil {
		_ = tell.Close()
		return err
	}
	cmd.Dir = "/"
	cmd.Env = append(supervisorEnv(os.Environ()), append(marks(spec, token), reexec.HelperEnv(HelperName))...)
	cmd.Stdout, cmd.Stderr = logged, logged
	cmd.ExtraFiles = []*os.File{tell}
	if spec.Leash != nil {
		cmd.ExtraFiles = append(cmd.ExtraFiles, spec.Leash)
		cmd.Env = append(cmd.Env, envLeash+"=1")
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	_ = tell.Close()
	if err != nil {
		return fmt.Errorf("start the supervisor: %w", err)
	}
	supervisor, lookErr := proc.Identify(cmd.Process.Pid)
	if err := cmd.Process.Release(); err != nil {
		return err
	}
	err = await(ctx, ready, spec.Dir)
	if (errors.Is(err, errNotStarted) || errors.Is(err, errSilent)) && lookErr == nil {
		for range 100 { // it is on its way out
			if !supervisor.Running() {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		reap(supervisor)
	}
	return err
}

func await(ctx context.Context, ready *os.File, dir string) error {
	// The deadline ends the read when the context does.
	stopWatch := context.AfterFunc(ctx, func() { _ = ready.SetReadDeadline(time.Unix(1, 0)) })
	defer stopWatch()
	line, err := bufio.NewReader(ready).ReadBytes('\n')
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: %s", errSilent, tail(filepath.Join(dir, logFile)))
		}
		return err
	}
	var r readiness
	if err := json.Unmarshal(line, &r); err != nil {
		return fmt.Errorf("the supervisor said %q: %w", line, err)
	}
	if r.Error != "" {
		return fmt.Errorf("%w: %s", errNotStarted, r.Error)
	}
	return nil
}

// marks are the entries by which the supervisor and the program are found.
func marks(spec Spec, token string) []string {
	out := append([]string{}, spec.Marks...)
	if spec.DeploymentID != "" {
		out = append(out, EnvDeployment+"="+spec.DeploymentID)
	}
	return append(out, tokenEntry(token))
}

func tokenEntry(token string) string { return envToken + "=" + token }

// supervisorEnv keeps what a supervisor needs of its starter's environment;
// credentials in it are none of its business. GORACE is for tests: without it,
// a binary with the race detector sleeps for a second at its end.
func supervisorEnv(env []string) []string {
	var out []string
	for _, e := range env {
		switch name, _, _ := strings.Cut(e, "="); name {
		case "PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LANG", "TZ", "GORACE":
			out = append(out, e)
		}
	}
	return out
}

// tail returns the end of a log for an error message.
func tail(path string) string {
	b, err := os.ReadFile(path) //nolint:gosec // our own log
	if err != nil || len(b) == 0 {
		return "it left no message"
	}
	const most = 2000
	return strings.TrimSpace(string(b[max(0, len(b)-most):]))
}

// reap takes a supervisor that was this process's child, and has ended, out of
// the process table. Others are reaped by their own parents.
func reap(supervisor proc.ID) {
	p, err := proc.Lookup(supervisor.PID)
	if err != nil || p.ID != supervisor || !p.Zombie || p.PPID != os.Getpid() {
		return
	}
	for {
		_, err := syscall.Wait4(p.PID, nil, syscall.WNOHANG, nil)
		if !errors.Is(err, syscall.EINTR) {
			return
		}
	}
}
