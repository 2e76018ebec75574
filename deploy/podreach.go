package deploy

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"

	"skysail/clouds/kubernetes"
	"skysail/internal/failure"
	"skysail/qos"
	"skysail/spec"
	"skysail/store"
)

// podLogs hands on the lines of all containers of all pods, each once: also of
// those that come later, and over restarts, with q.Follow.
func (d *Deployer) podLogs(ctx context.Context, row *store.Deployment, q qos.LogQuery, emit func(qos.Line) error) error {
	if q.AfterCursor != "" {
		return failure.New(failure.Input, "a log cursor was given for pods", "A cluster has no cursors in its logs.", "Use a time: --since.")
	}
	if q.Last < 0 && !q.Follow {
		return nil
	}
	c, err := d.clusterOf(ctx, row, attemptAt(row))
	if err != nil {
		return err
	}
	defer c.Close()
	o := kubernetes.LogOptions{Since: q.Since, Tail: max(q.Last, 0), Follow: q.Follow, Previous: true}
	return c.Logs(ctx, row.ID, o, func(l kubernetes.LogLine) error {
		instance := l.Pod
		if l.Container != row.Service.Name {
			instance += "/" + l.Container
		}
		return emit(qos.Line{Time: l.At, Instance: instance, Message: l.Text, Priority: -1})
	})
}

// podShell runs a command in a pod, or the best shell that its image has.
func (d *Deployer) podShell(ctx context.Context, row *store.Deployment, t qos.Target, q ShellQuery) (int, error) {
	c, err := d.clusterOf(ctx, row, attemptAt(row))
	if err != nil {
		return 0, err
	}
	defer c.Close()
	streams := kubernetes.Streams{In: q.In, Out: q.Out, Err: q.Err, TTY: q.TTY}
	command := q.Command
	if len(command) == 0 {
		command = []string{"sh", "-c", "command -v bash >/dev/null 2>&1 && exec bash || exec sh"}
	}
	if in, ok := q.In.(*os.File); ok && q.TTY && term.IsTerminal(int(in.Fd())) {
		restore, resize, err := rawTerminal(ctx, in)
		if err != nil {
			return 0, err
		}
		defer restore()
		streams.Resize = resize
	}
	err = c.Exec(ctx, t.Kube.Pod, q.Container, command, streams)
	var exit *kubernetes.ExitError
	if errors.As(err, &exit) {
		return exit.Code, nil
	}
	return 0, err
}

// rawTerminal hands every key on as it is, and tells the terminal's size.
func rawTerminal(ctx context.Context, in *os.File) (restore func(), resize <-chan kubernetes.Size, err error) {
	fd := int(in.Fd())
	old, err := term.MakeRaw(fd)
	if err != nil {
		return nil, nil, err
	}
	sizes := make(chan kubernetes.Size, 1)
	stop := watchSize(ctx, fd, sizes)
	return func() {
		stop()
		_ = term.Restore(fd, old)
	}, sizes, nil
}

// forwardPod carries a local port to a pod's, by the API server.
func (d *Deployer) forwardPod(ctx context.Context, row *store.Deployment, t qos.Target, q OpenQuery, port spec.Port, ready func(Opened)) error {
	c, err := d.clusterOf(ctx, row, attemptAt(row))
	if err != nil {
		return err
	}
	defer c.Close()
	ports := []kubernetes.Port{{Local: uint16(q.Local), Remote: uint16(port.Number)}} //nolint:gosec // both are checked
	return c.PortForward(ctx, t.Kube.Pod, ports, lineErrors(q.Failed), func(got []kubernetes.Port) {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(int(got[0].Local)))
		ready(Opened{Instance: t.Instance, Port: port.Number, URL: urlOf(&row.Service, port, addr)})
	})
}

// lineErrors makes an error of each line that is written.
type lineErrors func(error)

func (f lineErrors) Write(p []byte) (int, error) {
	if text := strings.TrimSpace(string(bytes.TrimSpace(p))); text != "" && f != nil {
		f(errors.New(text))
	}
	return len(p), nil
}
