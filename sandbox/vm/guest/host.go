package guest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"skysail/internal/supervise"
	"skysail/internal/supervise/proc"
)

const (
	// envCommand marks the processes of one command.
	envCommand = "SKYSAIL_INSTANCE_COMMAND"
	// grace is what a command gets between SIGTERM and SIGKILL.
	grace = time.Second
	// endPatience bounds how long a place waits for its processes to end.
	endPatience = 10 * time.Second
)

// host is the place of the process that it is in.
type host struct {
	mark   string
	reaper proc.Reaper
	stop   context.CancelFunc
	// Supervisors hold leash: they end when hold closes, with this process.
	leash, hold *os.File
	commands    sync.WaitGroup
	ctx         context.Context //nolint:containedctx // the place's own life
}

func newHost(mark string) (*host, error) {
	if err := proc.AdoptOrphans(); err != nil {
		return nil, fmt.Errorf("become the parent of orphans: %w", err)
	}
	leash, hold, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	h := &host{mark: mark, leash: leash, hold: hold}
	h.ctx, h.stop = context.WithCancel(context.Background())
	h.reaper.Start(h.ctx)
	return h, nil
}

// close ends what the place runs: commands and supervisors in order, then
// whatever else descends from this process and carries its mark.
func (h *host) close() error {
	h.stop()
	_ = h.hold.Close()
	_ = h.leash.Close()
	h.commands.Wait()
	self, err := proc.Self()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), endPatience)
	defer cancel()
	return proc.Terminate(ctx, func() ([]proc.Info, error) {
		all, err := proc.List()
		if err != nil {
			return nil, err
		}
		var mine []proc.Info
		for _, p := range proc.Descendants(all, self) {
			if p.ID != self {
				mine = append(mine, p)
			}
		}
		return mine, nil
	}, syscall.SIGTERM, grace)
}

func (h *host) Dial(ctx context.Context, port int) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if errors.Is(err, syscall.ECONNREFUSED) {
		// A program that listens on ::1 only.
		if c, err6 := d.DialContext(ctx, "tcp6", net.JoinHostPort("::1", strconv.Itoa(port))); err6 == nil {
			return c, nil
		}
	}
	return c, err
}

func (h *host) Supervise(ctx context.Context, spec supervise.Spec) (supervise.Status, error) {
	spec.Marks = append(spec.Marks, h.mark)
	spec.Leash = h.leash
	return supervise.Start(ctx, spec)
}

func (h *host) Run(ctx context.Context, c Command) (Exit, error) {
	if len(c.Argv) == 0 {
		return Exit{Code: -1}, errors.New("no command")
	}
	h.commands.Add(1)
	defer h.commands.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(h.ctx, cancel)()

	if ctx.Err() != nil {
		return Exit{Code: -1}, context.Cause(ctx)
	}
	token := envCommand + "=" + rand.Text()
	cmd := &exec.Cmd{
		Path:        c.Argv[0],
		Args:        c.Argv,
		Env:         append(append([]string{}, c.Env...), h.mark, token),
		Dir:         c.Dir,
		SysProcAttr: commandAttr(),
	}
	// A nil *os.File in an interface is not nil.
	if c.Stdin != nil {
		cmd.Stdin = c.Stdin
	}
	if c.Stdout != nil {
		cmd.Stdout = c.Stdout
	}
	if c.Stderr != nil {
		cmd.Stderr = c.Stderr
	}
	if err := h.reaper.Keep(func() (int, error) {
		if err := cmd.Start(); err != nil {
			return 0, err
		}
		return cmd.Process.Pid, nil
	}); err != nil {
		return Exit{Code: -1}, err
	}
	id, err := proc.Identify(cmd.Process.Pid)
	if err != nil {
		_ = cmd.Process.Kill()
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		proc.AwaitExit(cmd.Process.Pid)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		// Not waited for yet, so the pid is still its own.
		err = proc.Terminate(context.Background(), func() ([]proc.Info, error) {
			return proc.Family(token, id)
		}, syscall.SIGTERM, grace)
		<-ended
	}
	_ = cmd.Wait()
	h.reaper.Done(cmd.Process.Pid)
	if ctx.Err() != nil {
		return exitOf(cmd), errors.Join(context.Cause(ctx), err)
	}
	return exitOf(cmd), err
}

func exitOf(cmd *exec.Cmd) Exit {
	e := Exit{Code: cmd.ProcessState.ExitCode()}
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		name := unix.SignalName(ws.Signal())
		if len(name) > 3 {
			name = name[3:]
		}
		e = Exit{Code: 128 + int(ws.Signal()), Signal: name}
	}
	return e
}
