package sshclient

import (
	"context"
	"errors"
	"net"
	"sync"

	"golang.org/x/crypto/ssh"
)

// The causes of a forwarded connection that did not come about.
var (
	// ErrForward is an instance that could not connect to the port: nothing
	// listens there, or its own firewall is in the way.
	ErrForward = errors.New("the instance could not connect to the port")
	// ErrPortSilent is a port on the instance that neither took nor refused the
	// connection in time.
	ErrPortSilent = errors.New("the port did not answer the instance in time")
	// ErrForbidden is a server that forwards no connections.
	ErrForbidden = errors.New("the SSH server forwards no connections")
)

// Dial opens a connection from t's machine to addr, such as 127.0.0.1:80,
// through t's SSH connection (direct-tcpip, RFC 4254, section 7.2). The
// connection knows no deadlines; closing it ends what waits on it.
func (p *Pool) Dial(ctx context.Context, t Target, addr string) (net.Conn, error) {
	for again := true; ; again = false {
		c, fresh, release, err := p.get(ctx, t)
		if err != nil {
			return nil, err
		}
		conn, err := c.Dial(ctx, addr)
		if err == nil {
			return &forwarded{Conn: conn, release: release}, nil
		}
		release()
		if !errors.Is(err, ErrLost) || fresh || !again || ctx.Err() != nil {
			return nil, err
		}
	}
}

// Dial opens a connection from t's machine to addr, over an SSH connection of
// its own that ends with it.
func Dial(ctx context.Context, t Target, addr string, opts ...Option) (net.Conn, error) {
	c, err := Connect(ctx, t, opts...)
	if err != nil {
		return nil, err
	}
	conn, err := c.Dial(ctx, addr)
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return &forwarded{Conn: conn, release: func() { _ = c.Close() }}, nil
}

// Dial opens a connection from the other side's machine to addr.
func (c *Client) Dial(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := c.ssh.DialContext(ctx, "tcp", addr)
	var refused *ssh.OpenChannelError
	switch {
	case err == nil:
		return conn, nil
	case errors.Is(ctx.Err(), context.Canceled):
		return nil, context.Cause(ctx)
	case ctx.Err() != nil:
		return nil, fault(ErrPortSilent, "connect to "+addr+" from "+c.addr+": no answer in time",
			"The machine answers by SSH; the port on it does not.", "", err)
	case errors.As(err, &refused) && refused.Reason == ssh.ConnectionFailed:
		return nil, fault(ErrForward, "connect to "+addr+" from "+c.addr+": "+refused.Message,
			"The machine answers by SSH; nothing on it listens on the port.", "", err)
	case errors.As(err, &refused):
		return nil, fault(ErrForbidden, "connect to "+addr+" from "+c.addr+": "+refused.Message,
			"Its SSH server lets nobody connect onward, so nothing is known of the port.",
			"Look at AllowTcpForwarding and PermitOpen in the instance's sshd_config.", err)
	}
	return nil, c.lost(err)
}

// forwarded keeps the SSH connection in use while it is open.
type forwarded struct {
	net.Conn
	once    sync.Once
	release func()
}

func (f *forwarded) Close() error {
	err := f.Conn.Close()
	f.once.Do(f.release)
	return err
}
