package guest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"syscall"

	"skysail/internal/reexec"
	"skysail/internal/supervise/proc"
)

// HelperName is the name of a guest's helper among this program's helpers.
const HelperName = "sandbox-guest"

const (
	// envMark carries Options.Mark.
	envMark = "SKYSAIL_INSTANCE_MARK"
	// The descriptors that launch hands over.
	listenerFD = 3
	readyFD    = 4
	leashFD    = 5
)

func init() {
	reexec.Register(HelperName, func([]string) int {
		if err := helperMain(); err != nil {
			fmt.Fprintln(os.Stderr, "skysail: instance helper:", err)
			return 1
		}
		return 0
	})
}

// helperMain serves a place from inside its namespaces until its leash is cut.
func helperMain() error {
	debug.SetGCPercent(20)
	// Its end is the leash, also when a whole group is signalled.
	proc.Shield(syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGPIPE)
	for _, fd := range []int{listenerFD, readyFD, leashFD} {
		syscall.CloseOnExec(fd)
	}
	ready := os.NewFile(readyFD, "ready")
	tell := func(err error) error {
		text := "\n"
		if err != nil {
			text = err.Error() + "\n"
		}
		_, writeErr := ready.WriteString(text)
		return errors.Join(err, writeErr, ready.Close())
	}
	if err := loopbackUp(); err != nil {
		// The caller goes on without namespaces and says why.
		_ = tell(fmt.Errorf("bring up the loopback of the namespace: %w", err))
		return nil
	}
	h, err := newHost(os.Getenv(envMark))
	if err != nil {
		return tell(err)
	}
	listener := os.NewFile(listenerFD, "listener")
	l, err := net.FileListener(listener)
	_ = listener.Close()
	if err != nil {
		return tell(errors.Join(err, h.close()))
	}
	if err := tell(nil); err != nil {
		return errors.Join(err, h.close())
	}
	debug.FreeOSMemory()

	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.NewFile(leashFD, "leash"))
		cancel()
		_ = l.Close()
	}()
	var serving sync.WaitGroup
	for {
		c, err := l.Accept()
		if err != nil {
			break
		}
		serving.Go(func() { serve(ctx, h, c.(*net.UnixConn)) }) //nolint:forcetypeassert // a unix listener's
	}
	cancel()
	err = h.close()
	serving.Wait()
	return err
}

// serve answers one request.
func serve(ctx context.Context, h *host, c *net.UnixConn) {
	defer func() { _ = c.Close() }()
	var q request
	files, err := receive(c, &q)
	if err != nil {
		return
	}
	defer closeAll(files)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		_, _ = c.Read(make([]byte, 1)) // only ever its end
		cancel()
	}()
	a, out := answer(ctx, h, q, files)
	a.Answered = true
	// The asker may be gone.
	_ = send(c, a, out...)
	closeAll(out)
	_ = c.CloseRead()
	<-watched
}

func answer(ctx context.Context, h *host, q request, files []*os.File) (response, []*os.File) {
	switch {
	case q.Op == "run" && q.Command != nil:
		for i, slot := range []**os.File{&q.Command.Stdin, &q.Command.Stdout, &q.Command.Stderr} {
			if q.Given[i] && len(files) > 0 {
				*slot, files = files[0], files[1:]
			}
		}
		exit, err := h.Run(ctx, *q.Command)
		if err != nil {
			a := failed(err)
			a.Exit = exit
			return a, nil
		}
		return response{Exit: exit}, nil
	case q.Op == "supervise" && q.Spec != nil:
		st, err := h.Supervise(ctx, *q.Spec)
		if err != nil {
			return failed(err), nil
		}
		return response{Status: st}, nil
	case q.Op == "dial":
		conn, err := h.Dial(ctx, q.Port)
		if err != nil {
			return failed(err), nil
		}
		defer func() { _ = conn.Close() }()
		f, err := conn.(*net.TCPConn).File() //nolint:forcetypeassert // a TCP dial's
		if err != nil {
			return failed(err), nil
		}
		return response{}, []*os.File{f}
	}
	return failed(fmt.Errorf("unknown request %q", q.Op)), nil
}
