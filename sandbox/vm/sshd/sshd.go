// Package sshd is the SSH server of a simulated instance: one pinned host key,
// public keys only, commands with standard input, output and exit codes, and
// forwarding to the instance's own ports.
package sshd

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gliderlabs/ssh"
	gossh "golang.org/x/crypto/ssh"

	"skysail/sandbox/vm/guest"
)

// The limits of OpenSSH's defaults, but for the connections, of which a
// laptop's sandbox needs fewer.
const (
	maxConnections = 64
	maxSessions    = 10
	maxForwards    = 32
	loginGrace     = 30 * time.Second
)

// Options are what a server works with.
type Options struct {
	HostKey gossh.Signer
	// Keys are the keys of each user who may log in.
	Keys map[string][]gossh.PublicKey
	// Command makes the process of a session: the user's login shell when
	// line is empty.
	Command func(user, line string, env []string) guest.Command
	// Place runs the commands and has the ports.
	Place guest.Place
	Log   *slog.Logger
}

// Server is an SSH server that is handed its connections.
type Server struct {
	o     Options
	inner *ssh.Server
	open  atomic.Int64
}

// New makes a server.
func New(o Options) *Server {
	s := &Server{o: o}
	s.inner = &ssh.Server{
		Version:          "skysail_sandbox",
		HostSigners:      []ssh.Signer{o.HostKey},
		ConnCallback:     admit,
		PublicKeyHandler: s.authorize,
		ChannelHandlers:  map[string]ssh.ChannelHandler{"session": s.session, "direct-tcpip": s.forward},
		// Keepalives and what else asks for an answer get the same one as
		// from OpenSSH: not supported, but alive.
		RequestHandlers:   map[string]ssh.RequestHandler{},
		SubsystemHandlers: map[string]ssh.SubsystemHandler{},
		ConnectionFailedCallback: func(c net.Conn, err error) {
			o.Log.Info("login failed", "from", c.RemoteAddr().String(), "err", err)
		},
	}
	return s
}

// Serve serves one connection and returns when it has ended.
func (s *Server) Serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	if s.open.Add(1) > maxConnections {
		s.open.Add(-1)
		s.o.Log.Warn("too many connections", "from", c.RemoteAddr().String())
		return
	}
	defer s.open.Add(-1)
	s.inner.HandleConn(c)
}

// SetHostKey changes the key that new connections see.
func (s *Server) SetHostKey(key gossh.Signer) { s.inner.AddHostKey(key) }

// Close ends every connection, and with it what runs on them.
func (s *Server) Close() error { return s.inner.Close() }

// admit cuts off whoever does not log in in time.
func admit(ctx ssh.Context, c net.Conn) net.Conn {
	late := time.AfterFunc(loginGrace, func() {
		if ctx.Value(ssh.ContextKeyConn) == nil { // it is there after a login
			_ = c.Close()
		}
	})
	context.AfterFunc(ctx, func() { late.Stop() })
	return c
}

// authorize compares the offered key with the user's.
func (s *Server) authorize(ctx ssh.Context, key ssh.PublicKey) bool {
	return slices.ContainsFunc(s.o.Keys[ctx.User()], func(k gossh.PublicKey) bool {
		return ssh.KeysEqual(k, key)
	})
}

// ParseKeys reads a user's authorized keys. A key with options that the
// server does not act on is refused, since the options restrict it.
func ParseKeys(lines []string) (keys []gossh.PublicKey, err error) {
	harmless := []string{"no-pty", "no-agent-forwarding", "no-x11-forwarding", "no-user-rc"}
	for _, line := range lines {
		if strings.TrimSpace(line) == "" || strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		key, _, options, _, e := gossh.ParseAuthorizedKey([]byte(line))
		if e == nil {
			for _, o := range options {
				if !slices.Contains(harmless, strings.ToLower(o)) {
					e = errors.New("its option " + o + " is not simulated")
				}
			}
		}
		if e != nil {
			err = errors.Join(err, errors.New("authorized key: "+e.Error()))
			continue
		}
		keys = append(keys, key)
	}
	return keys, err
}

// counter counts what a connection has open, by kind.
func counter(ctx ssh.Context, kind string) *atomic.Int64 {
	type key string
	ctx.Lock()
	defer ctx.Unlock()
	n, ok := ctx.Value(key(kind)).(*atomic.Int64)
	if !ok {
		n = new(atomic.Int64)
		ctx.SetValue(key(kind), n)
	}
	return n
}

// session runs one session channel. Each has a server value of its own, so
// that its handler can know when this very channel closes: the library tells
// of the connection's end only.
func (s *Server) session(_ *ssh.Server, conn *gossh.ServerConn, ch gossh.NewChannel, ctx ssh.Context) {
	n := counter(ctx, "sessions")
	if n.Add(1) > maxSessions {
		n.Add(-1)
		_ = ch.Reject(gossh.ResourceShortage, "too many sessions on this connection")
		return
	}
	defer n.Add(-1)
	closed, cancel := context.WithCancel(ctx)
	defer cancel()
	one := &ssh.Server{
		Handler:           func(sess ssh.Session) { s.run(closed, ctx.User(), sess) },
		PtyCallback:       func(ssh.Context, ssh.Pty) bool { return false },
		SubsystemHandlers: map[string]ssh.SubsystemHandler{},
	}
	// It returns when the channel is closed, by whichever side.
	ssh.DefaultSessionHandler(one, conn, ch, ctx)
}
