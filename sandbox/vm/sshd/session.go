package sshd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gliderlabs/ssh"
	gossh "golang.org/x/crypto/ssh"

	"skysail/sandbox/vm/guest"
)

// outputPatience is how long a session stays open for what its command left
// running with the session's output.
const outputPatience = 5 * time.Second

// run runs a session's command. ctx ends when the channel closes, and then so
// does the command. The user is the one whose key was accepted.
func (s *Server) run(ctx context.Context, user string, sess ssh.Session) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	obeySignals(ctx, cancel, sess)

	cmd := s.o.Command(user, sess.RawCommand(), acceptedEnv(sess.Environ()))
	exit, err := s.runPiped(ctx, cmd, sess)
	switch {
	case err != nil && ctx.Err() == nil:
		code := 126
		if errors.Is(err, fs.ErrNotExist) {
			code = 127
		}
		_, _ = fmt.Fprintln(sess.Stderr(), err)
		_ = sess.Exit(code)
	case exit.Signal != "" || exit.Code < 0:
		if exit.Signal == "" {
			exit.Signal = string(ssh.SIGTERM) // it was ended before it began
		}
		_, _ = sess.SendRequest("exit-signal", false, gossh.Marshal(struct {
			Signal   string
			Core     bool
			Error    string
			Language string
		}{exit.Signal, false, "", ""}))
		_ = sess.Close()
	default:
		_ = sess.Exit(exit.Code)
	}
}

// runPiped runs a command with the channel as its standard files.
func (s *Server) runPiped(ctx context.Context, cmd guest.Command, sess ssh.Session) (guest.Exit, error) {
	var ends []*os.File // six: ours and the command's
	defer func() {
		for _, f := range ends {
			_ = f.Close()
		}
	}()
	for range 3 {
		r, w, err := os.Pipe()
		if err != nil {
			return guest.Exit{}, err
		}
		ends = append(ends, r, w)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = ends[0], ends[3], ends[5]
	go func() {
		_, _ = io.Copy(ends[1], sess)
		_ = ends[1].Close()
	}()
	var copies sync.WaitGroup
	copies.Go(func() { _, _ = io.Copy(sess, ends[2]) })
	copies.Go(func() { _, _ = io.Copy(sess.Stderr(), ends[4]) })

	exit, err := s.o.Place.Run(ctx, cmd)
	for _, f := range []*os.File{ends[0], ends[3], ends[5]} {
		_ = f.Close()
	}
	copied := make(chan struct{})
	go func() {
		copies.Wait()
		close(copied)
	}()
	select {
	case <-copied:
	case <-ctx.Done():
	case <-time.After(outputPatience):
	}
	return exit, err
}

// obeySignals ends the command on the signals that end one.
func obeySignals(ctx context.Context, cancel context.CancelFunc, sess ssh.Session) {
	signals := make(chan ssh.Signal, 128)
	sess.Signals(signals)
	go func() {
		for {
			select {
			case <-ctx.Done():
				sess.Signals(nil)
				return
			case sig := <-signals:
				if slices.Contains([]ssh.Signal{ssh.SIGTERM, ssh.SIGKILL, ssh.SIGINT, ssh.SIGHUP, ssh.SIGQUIT}, sig) {
					cancel()
				}
			}
		}
	}()
}

// acceptedEnv keeps what Debian's sshd accepts from a client.
func acceptedEnv(env []string) []string {
	return slices.DeleteFunc(env, func(e string) bool {
		return !strings.HasPrefix(e, "LANG=") && !strings.HasPrefix(e, "LC_")
	})
}

// forward connects a client to a port of the instance itself.
func (s *Server) forward(_ *ssh.Server, _ *gossh.ServerConn, newChan gossh.NewChannel, ctx ssh.Context) {
	var to struct {
		Host       string
		Port       uint32
		OriginHost string
		OriginPort uint32
	}
	if err := gossh.Unmarshal(newChan.ExtraData(), &to); err != nil || to.Port > 65535 {
		_ = newChan.Reject(gossh.ConnectionFailed, "malformed request")
		return
	}
	if ip := net.ParseIP(to.Host); to.Host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		_ = newChan.Reject(gossh.Prohibited, "a simulated instance forwards to its own loopback only")
		return
	}
	n := counter(ctx, "forwards")
	defer n.Add(-1)
	if n.Add(1) > maxForwards {
		_ = newChan.Reject(gossh.ResourceShortage, "too many forwarded connections")
		return
	}
	conn, err := s.o.Place.Dial(ctx, int(to.Port))
	if err != nil {
		_ = newChan.Reject(gossh.ConnectionFailed, err.Error())
		return
	}
	defer func() { _ = conn.Close() }()
	ch, requests, err := newChan.Accept()
	if err != nil {
		return
	}
	defer func() { _ = ch.Close() }()
	go gossh.DiscardRequests(requests)
	// A connection that the client drops must not hold the copy below.
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	var copies sync.WaitGroup
	copies.Go(func() {
		_, _ = io.Copy(ch, conn)
		_ = ch.CloseWrite()
	})
	copies.Go(func() {
		_, _ = io.Copy(conn, ch)
		if half, ok := conn.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
	})
	copies.Wait()
}
