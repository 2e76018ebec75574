package guest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"skysail/internal/reexec"
	"skysail/internal/supervise"
)

// startPatience bounds how long the helper may take to be ready.
const startPatience = 20 * time.Second

// remote is a place in another process, the helper.
type remote struct {
	socket string
	pid    int
	hold   *os.File // the helper ends when this closes
	done   chan struct{}
}

// startRemote starts the helper in namespaces of its own: a user namespace
// with it, which anybody may make, or else only a network one, which root may.
func startRemote(ctx context.Context, o Options) (*remote, error) {
	attrs := namespaces()
	if len(attrs) == 0 {
		return nil, errors.New("this system has no network namespaces")
	}
	var errs []error
	for _, attr := range attrs {
		r, err := launch(ctx, o, attr)
		if err == nil {
			return r, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(errs...)
}

func launch(ctx context.Context, o Options, attr *syscall.SysProcAttr) (*remote, error) {
	if err := os.Remove(o.Socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: o.Socket, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	defer func() { _ = l.Close() }()
	listener, err := l.File()
	if err != nil {
		return nil, err
	}
	ready, tell, err := os.Pipe()
	if err != nil {
		_ = listener.Close()
		return nil, err
	}
	leash, hold, err := os.Pipe()
	if err != nil {
		closeAll([]*os.File{listener, ready, tell})
		return nil, err
	}
	defer func() { closeAll([]*os.File{listener, ready, tell, leash}) }()

	cmd, err := reexec.Command(HelperName)
	if err != nil {
		_ = hold.Close()
		return nil, err
	}
	cmd.Env = append(cmd.Env, o.Mark, envMark+"="+o.Mark)
	cmd.Dir = "/"
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = []*os.File{listener, tell, leash}
	cmd.SysProcAttr = attr
	if err := cmd.Start(); err != nil {
		_ = hold.Close()
		return nil, fmt.Errorf("namespaces: %w", err)
	}
	r := &remote{socket: o.Socket, pid: cmd.Process.Pid, hold: hold, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		_ = cmd.Wait()
	}()
	_ = tell.Close()
	if err := r.await(ctx, ready); err != nil {
		return nil, errors.Join(err, r.end(cmd))
	}
	return r, nil
}

// await reads the helper's one line: empty when it is ready.
func (r *remote) await(ctx context.Context, ready *os.File) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startPatience, fmt.Errorf("it was not ready within %s", startPatience))
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = ready.SetReadDeadline(time.Unix(1, 0)) })()
	line, err := bufio.NewReader(ready).ReadString('\n')
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, io.EOF):
		return errors.New("the helper in the namespaces ended before it was ready")
	case err != nil:
		return err
	case line != "\n":
		return errors.New(line[:len(line)-1])
	}
	return nil
}

func (r *remote) end(cmd *exec.Cmd) error {
	_ = r.hold.Close()
	select {
	case <-r.done:
		return nil
	case <-time.After(2 * endPatience):
		return cmd.Process.Kill()
	}
}

func (r *remote) close() error {
	_ = r.hold.Close()
	select {
	case <-r.done:
		return os.RemoveAll(r.socket)
	case <-time.After(2 * endPatience):
		return fmt.Errorf("the instance's helper (process %d) does not end", r.pid)
	}
}

// ask sends one request and waits for its answer; when ctx ends the request
// is cancelled, and still answered.
func (r *remote) ask(ctx context.Context, q request, files ...*os.File) (response, []*os.File, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", r.socket)
	if err != nil {
		return response{}, nil, fmt.Errorf("the instance's helper does not answer: %w", err)
	}
	c := conn.(*net.UnixConn) //nolint:forcetypeassert // what "unix" gives
	defer func() { _ = c.Close() }()
	if err := send(c, q, files...); err != nil {
		return response{}, nil, err
	}
	defer context.AfterFunc(ctx, func() { _ = c.CloseWrite() })()
	var a response
	received, err := receive(c, &a)
	if err != nil {
		return a, nil, fmt.Errorf("the instance's helper ended: %w", err)
	}
	if err := a.err(); err != nil {
		closeAll(received)
		if ctx.Err() != nil {
			err = errors.Join(context.Cause(ctx), err)
		}
		return a, nil, err
	}
	return a, received, nil
}

func (r *remote) Run(ctx context.Context, c Command) (Exit, error) {
	q := request{Op: "run", Command: &c}
	var files []*os.File
	for i, f := range []*os.File{c.Stdin, c.Stdout, c.Stderr} {
		if f != nil {
			q.Given[i] = true
			files = append(files, f)
		}
	}
	a, _, err := r.ask(ctx, q, files...)
	if err != nil && !a.Answered {
		return Exit{Code: -1}, err
	}
	return a.Exit, err
}

func (r *remote) Supervise(ctx context.Context, spec supervise.Spec) (supervise.Status, error) {
	a, _, err := r.ask(ctx, request{Op: "supervise", Spec: &spec})
	return a.Status, err
}

func (r *remote) Dial(ctx context.Context, port int) (net.Conn, error) {
	_, files, err := r.ask(ctx, request{Op: "dial", Port: port})
	if err != nil {
		return nil, err
	}
	defer closeAll(files)
	if len(files) != 1 {
		return nil, errors.New("the instance's helper gave no connection")
	}
	return net.FileConn(files[0])
}
