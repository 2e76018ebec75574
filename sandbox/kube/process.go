package kube

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"skysail/internal/supervise/proc"
)

// envDir marks the processes of a cluster with its folder.
const envDir = "SKYSAIL_SANDBOX_KUBE"

// stopGrace is how long a program may take to end by itself.
const stopGrace = 3 * time.Second

// process is one program that runs.
type process struct {
	name string
	log  string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // how, valid after done
}

// start runs a program with its output in <dir>/log/<name>.log.
func (c *Cluster) start(name string, args ...string) (*process, error) {
	p := &process{name: name, log: filepath.Join(c.dir, "log", name+".log"), done: make(chan struct{})}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("log of %s: %w", name, err)
	}
	p.cmd = exec.Command(c.tools.path(name), args...) //nolint:gosec,noctx // our own tools, stopped by Stop
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = c.dir, out, out
	// Nothing of the caller's environment: no proxy, no credentials, no other
	// cluster's kubeconfig. HOME is where kwok looks for a configuration.
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.dir, "TMPDIR=" + os.TempDir(), envDir + "=" + c.dir}
	p.cmd.SysProcAttr = childAttr()
	started := make(chan error)
	go func() {
		// Linux kills the program when the thread that started it ends, so the
		// thread stays as long as the program.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer func() { _ = out.Close() }()
		if err := p.cmd.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("%s does not start: %w", name, err)
	}
	return p, nil
}

// died returns how the program ended, or nil while it runs.
func (p *process) died() error {
	select {
	case <-p.done:
		if p.err != nil {
			return fmt.Errorf("%s ended: %w: %s", p.name, p.err, tail(p.log))
		}
		return fmt.Errorf("%s ended: %s", p.name, tail(p.log))
	default:
		return nil
	}
}

// stop ends the program and returns when it has ended.
func (p *process) stop(sig syscall.Signal) {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Signal(sig) // it may have ended
	select {
	case <-p.done:
	case <-time.After(stopGrace):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// Sweep ends what a process that died left running of the cluster in a folder.
func Sweep(ctx context.Context, dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("kubernetes sandbox: %w", err)
	}
	find := func() ([]proc.Info, error) { return proc.WithEnv(envDir + "=" + dir) }
	if err := proc.Terminate(ctx, find, syscall.SIGTERM, stopGrace); err != nil {
		return fmt.Errorf("kubernetes sandbox: %w", err)
	}
	return nil
}

// tail returns the last lines of a log.
func tail(path string) string {
	const most = 8
	raw, err := os.ReadFile(path) //nolint:gosec // the cluster's own folder
	if err != nil {
		return "see " + path
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	if n := len(lines) - most; n > 0 {
		lines = lines[n:]
	}
	return path + ":\n  " + strings.Join(lines, "\n  ")
}

// poll asks until the answer is nil, a program has died or ctx ends. The error
// has the last answer.
func poll(ctx context.Context, every time.Duration, alive func() error, ask func(context.Context) error) error {
	for {
		last := ask(ctx)
		if last == nil {
			return nil
		}
		if err := alive(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), last)
		case <-time.After(every):
		}
	}
}
