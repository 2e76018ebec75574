package sshclient

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	// connectTimeout bounds dial and handshake together.
	connectTimeout = 10 * time.Second
	// maxSessions is how many sessions there are at once over one connection,
	// the kept shell's among them; OpenSSH refuses the eleventh, small servers
	// earlier.
	maxSessions = 4
	// abortGrace is how long a command that ran out of time has to go before
	// the whole connection does.
	abortGrace = time.Second
)

// Client is one connection. Its methods may be used side by side.
type Client struct {
	addr  string
	ssh   *ssh.Client
	slots chan struct{}
	// turn is held by the script that has the kept shell.
	turn chan struct{}
	kept *kept
	// started gives serve a kept shell, whose end it tells.
	started chan *kept
	// cut is set before the connection is closed under what runs on it, which
	// ends sooner than gone is closed.
	cut atomic.Bool
	// gone is closed when the connection ended, whoever ended it.
	gone       chan struct{}
	background sync.WaitGroup
}

// Option changes how a connection is kept.
type Option func(*options)

type options struct {
	connect, keepalive time.Duration
	hostKeyGrace       time.Duration
}

// WithConnectTimeout bounds dial and handshake together; it is 10 seconds
// unless said otherwise. The context's own deadline holds as well.
func WithConnectTimeout(d time.Duration) Option {
	return func(o *options) { o.connect = d }
}

// WithKeepalive sets how often an idle connection is asked whether it still
// stands, and how long it has to answer; it is 15 seconds unless said
// otherwise.
func WithKeepalive(d time.Duration) Option {
	return func(o *options) { o.keepalive = d }
}

func build(opts []Option) options {
	o := options{connect: connectTimeout, keepalive: 15 * time.Second}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// Connect opens a connection to t: the way there, handshake, host key and
// login, all under one deadline. The connection outlives ctx; Close ends it.
func Connect(ctx context.Context, t Target, opts ...Option) (*Client, error) {
	return connect(ctx, t, func(ctx context.Context, hop Target, addr string) (net.Conn, error) {
		return Dial(ctx, hop, addr, opts...)
	}, opts...)
}

func connect(ctx context.Context, t Target, by through, opts ...Option) (*Client, error) {
	o := build(opts)
	ctx, cancel := context.WithTimeout(ctx, o.connect)
	defer cancel()
	config, done, err := t.config(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	conn, err := t.dial(ctx, by)
	if err != nil {
		return nil, err
	}
	sc, channels, requests, err := handshake(ctx, conn, t.Addr, config)
	if err != nil {
		return nil, handshakeFault(ctx, t, err)
	}
	c := &Client{
		addr:  t.Addr,
		ssh:   &ssh.Client{Conn: sc},
		slots: make(chan struct{}, maxSessions),
		turn:  make(chan struct{}, 1),
		gone:  make(chan struct{}),

		started: make(chan *kept),
	}
	c.background.Go(func() { c.serve(channels, requests, o.keepalive) })
	return c, nil
}

// handshake closes conn when it fails or ctx ends. That ends it in turn, but
// for a jump host that has died: what waits for it is left to its keepalive.
func handshake(ctx context.Context, conn net.Conn, addr string, config *ssh.ClientConfig) (ssh.Conn, <-chan ssh.NewChannel, <-chan *ssh.Request, error) {
	type shaken struct {
		conn     ssh.Conn
		channels <-chan ssh.NewChannel
		requests <-chan *ssh.Request
		err      error
	}
	done := make(chan shaken, 1)
	go func() {
		var s shaken
		s.conn, s.channels, s.requests, s.err = ssh.NewClientConn(conn, addr, config)
		if s.err != nil {
			_ = conn.Close()
		} else if ctx.Err() != nil {
			_ = s.conn.Close()
			s.err = ctx.Err()
		}
		done <- s
	}()
	late := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = conn.Close()
		time.AfterFunc(abortGrace, func() { close(late) })
	})
	select {
	case s := <-done:
		if !stop() && s.err == nil {
			_ = s.conn.Close()
			s.err = ctx.Err()
		}
		return s.conn, s.channels, s.requests, s.err
	case <-late:
		return nil, nil, nil, ctx.Err()
	}
}

// Alive reports whether the connection is not known to have ended.
func (c *Client) Alive() bool {
	if c.cut.Load() {
		return false
	}
	select {
	case <-c.gone:
		return false
	default:
		return true
	}
}

// abandon closes a connection on which the other side does not answer.
func (c *Client) abandon() {
	c.cut.Store(true)
	_ = c.ssh.Close()
}

// Close ends the connection and every command on it.
func (c *Client) Close() error {
	err := c.ssh.Close()
	c.background.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// serve refuses what the server asks for, until the connection ends, and finds
// out about one that was cut without a word: the kernel would take minutes to. It
// does in one goroutine what x/crypto/ssh starts some for with each connection and
// each session: a fleet's connections are mostly idle.
func (c *Client) serve(channels <-chan ssh.NewChannel, requests <-chan *ssh.Request, every time.Duration) {
	defer close(c.gone)
	tick := time.NewTicker(every)
	defer tick.Stop()
	answered := make(chan error, 1)
	var late *time.Timer
	var shell *kept
	var told <-chan *ssh.Request
	for channels != nil || requests != nil || shell != nil {
		select {
		case shell = <-c.started:
			told = shell.requests
		case r, more := <-told:
			if more {
				shell.note(r)
				continue
			}
			_ = shell.Close()
			<-c.slots
			close(shell.ended)
			shell, told = nil, nil
		case ch, more := <-channels:
			if !more {
				channels = nil
				continue
			}
			_ = ch.Reject(ssh.UnknownChannelType, "unknown channel type: "+ch.ChannelType())
		case r, more := <-requests:
			if !more {
				requests = nil
				continue
			}
			_ = r.Reply(false, nil)
		case <-tick.C:
			if late != nil {
				continue
			}
			late = time.AfterFunc(every, c.abandon)
			c.background.Go(func() {
				// Any answer will do, a refusal too.
				_, _, err := c.ssh.SendRequest("keepalive@openssh.com", true, nil)
				answered <- err
			})
		case err := <-answered:
			late.Stop()
			late = nil
			if err != nil {
				_ = c.ssh.Close()
			}
		}
	}
	if late != nil {
		late.Stop()
	}
}
