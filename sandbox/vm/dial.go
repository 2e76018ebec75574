package vm

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"skysail/sandbox/vm/socket"
)

// dialPatience bounds the first line of a connection to the dial socket.
const dialPatience = 10 * time.Second

// Dial connects to a TCP port of the instance in dir, through its firewall. It
// works wherever the instance runs, also where its address cannot be bound.
// What is closed, or has nothing listening, is syscall.ECONNREFUSED.
func Dial(ctx context.Context, dir string, port int) (net.Conn, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	c, err := readConfig(dir)
	if err != nil {
		return nil, err
	}
	to := &net.TCPAddr{IP: net.ParseIP(c.Address), Port: port}
	conn, err := dialSocket(ctx, dir, to)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: to, Err: err}
	}
	return conn, nil
}

func dialSocket(ctx context.Context, dir string, to *net.TCPAddr) (net.Conn, error) {
	path, err := socket.Path(dir, socket.Dial)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if ctx.Err() != nil {
		if conn != nil {
			_ = conn.Close()
		}
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: the simulated instance is off", syscall.EHOSTUNREACH)
	}
	// The socket ends the wait when the context does.
	unwatch := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	if err := ask(conn, to.Port); err != nil {
		unwatch()
		_ = conn.Close()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, err
	}
	if !unwatch() {
		_ = conn.Close()
		return nil, context.Cause(ctx)
	}
	return &dialled{UnixConn: conn.(*net.UnixConn), to: to}, nil //nolint:forcetypeassert // what "unix" gives
}

// ask names the port and reads the answer's line, byte by byte: what follows
// it is the connection's.
func ask(conn net.Conn, port int) error {
	if _, err := fmt.Fprintf(conn, "%d\n", port); err != nil {
		return err
	}
	var line []byte
	for b := make([]byte, 1); len(line) < 1024; {
		if _, err := io.ReadFull(conn, b); err != nil {
			return fmt.Errorf("%w: the simulated instance went off", syscall.ECONNRESET)
		}
		if b[0] == '\n' {
			break
		}
		line = append(line, b[0])
	}
	if text, refused := strings.CutPrefix(string(line), "refused: "); refused {
		return fmt.Errorf("%w: %s", syscall.ECONNREFUSED, text)
	}
	if string(line) != "ok" {
		return fmt.Errorf("the simulated instance answered %q", line)
	}
	return nil
}

// dialled is a connection that knows the address it stands for, which clients
// compare with what they know of hosts.
type dialled struct {
	*net.UnixConn
	to *net.TCPAddr
}

// RemoteAddr is the instance's address and port.
func (d *dialled) RemoteAddr() net.Addr { return d.to }

// LocalAddr is a loopback address, as callers are on this machine.
func (d *dialled) LocalAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// serveDial answers the connections of the dial socket.
func (m *machine) serveDial(conn net.Conn) {
	_ = conn.SetDeadline(time.Now().Add(dialPatience))
	r := bufio.NewReaderSize(conn, 16)
	line, err := r.ReadSlice('\n')
	port, convErr := strconv.Atoi(strings.TrimSpace(string(line)))
	if err != nil || convErr != nil || port < 1 || port > 65535 {
		_ = conn.Close()
		return
	}
	_ = conn.SetDeadline(time.Time{})
	handle, err := m.route(port)
	if err != nil {
		_, _ = fmt.Fprintf(conn, "refused: %v\n", err)
		_ = conn.Close()
		return
	}
	if _, err := io.WriteString(conn, "ok\n"); err != nil {
		_ = conn.Close()
		return
	}
	handle(&accepted{Conn: conn, r: r})
}

// accepted is a connection from the dial socket, with what came with its
// first line still to be read.
type accepted struct {
	net.Conn
	r io.Reader
}

func (a *accepted) Read(p []byte) (int, error) { return a.r.Read(p) }

// CloseWrite ends the stream in one direction.
func (a *accepted) CloseWrite() error {
	half, ok := a.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}

// RemoteAddr is a loopback address: an SSH server logs where logins are from.
func (a *accepted) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
