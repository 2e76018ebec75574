package sshclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	maxOutput = 4 << 20
	maxStderr = 8 << 10
	maxInput  = 1 << 20
	maxStarts = 5
)

// Run runs cmd and returns what it printed, at most 4 MiB. What it printed
// before it failed is returned with the error. stdin may be nil; it is read
// whole before the command starts, at most 1 MiB. Without a deadline of ctx it
// waits as long as the command runs.
func (c *Client) Run(ctx context.Context, cmd string, stdin io.Reader) ([]byte, error) {
	var input []byte
	if stdin != nil {
		var err error
		if input, err = io.ReadAll(io.LimitReader(stdin, maxInput+1)); err != nil {
			return nil, fmt.Errorf("read the input for the command: %w", err)
		}
		if len(input) > maxInput {
			return nil, fmt.Errorf("the input for the command is larger than %d bytes", maxInput)
		}
	}
	out := &head{max: maxOutput}
	_, err := c.exec(ctx, cmd, input, out)
	if err == nil && out.cut {
		err = c.tooMuch()
	}
	return out.Bytes(), err
}

func (c *Client) tooMuch() error {
	return fault(ErrOutput, fmt.Sprintf("the command on %s printed more than %d bytes", c.addr, maxOutput),
		"What it printed is not whole and was not used.", "", nil)
}

// Stream runs cmd and writes what it prints to out as it comes, until it ends,
// ctx ends or out returns an error. It returns the beginning of what the
// command wrote to its standard error, also when it succeeded.
func (c *Client) Stream(ctx context.Context, cmd string, out io.Writer) (stderr string, err error) {
	return c.exec(ctx, cmd, nil, out)
}

func (c *Client) exec(ctx context.Context, cmd string, input []byte, stdout io.Writer) (string, error) {
	if err := c.slot(ctx); err != nil {
		return "", err
	}
	defer func() { <-c.slots }()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stderr := &head{max: maxStderr}
	var running *ssh.Session
	err := c.start(ctx, cmd, func() (session, error) {
		s, err := c.ssh.NewSession()
		if err != nil {
			return nil, err
		}
		s.Stdout, s.Stderr = &guarded{w: stdout, fail: cancel}, stderr
		if input != nil {
			s.Stdin = bytes.NewReader(input)
		}
		running = s
		return s, nil
	})
	if err != nil {
		return "", err
	}
	done := make(chan struct{})
	go func() {
		err = running.Wait()
		close(done)
	}()
	select {
	case <-done:
		_ = running.Close()
	case <-ctx.Done():
		c.abort(running, done)
		return stderr.String(), c.ended(ctx, ctx.Err())
	}
	return stderr.String(), c.explain(err, stderr, input != nil)
}

// session is what a command runs in.
type session interface {
	Start(cmd string) error
	Signal(ssh.Signal) error
	Close() error
}

// start starts cmd in a session that open opens. A server that closes the session
// instead of an answer has not run cmd: dropbear (seen with 2022.83) does it to
// sessions that have no command yet when that of another one ends. Then another
// session is tried.
func (c *Client) start(ctx context.Context, cmd string, open func() (session, error)) error {
	for try := 1; ; try++ {
		s, err := c.open(ctx, open)
		if err != nil {
			return err
		}
		done := make(chan struct{})
		go func() {
			err = s.Start(cmd)
			close(done)
		}()
		select {
		case <-done:
		case <-ctx.Done():
			c.abort(s, done)
			return c.ended(ctx, ctx.Err())
		}
		if err == nil {
			return nil
		}
		_ = s.Close()
		if !errors.Is(err, io.EOF) || !c.Alive() || try == maxStarts {
			return c.explain(err, &head{}, false)
		}
	}
}

// slot waits for one of the sessions that the connection may have.
func (c *Client) slot(ctx context.Context) error {
	select {
	case c.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return c.ended(ctx, ctx.Err())
	case <-c.gone:
		return c.lost(nil)
	}
}

// open opens a session. A server that does not answer cannot be told to stop
// waiting: then the connection is closed.
func (c *Client) open(ctx context.Context, open func() (session, error)) (session, error) {
	type opened struct {
		session session
		err     error
	}
	done := make(chan opened, 1)
	go func() {
		s, err := open()
		done <- opened{s, err}
	}()
	select {
	case o := <-done:
		var refused *ssh.OpenChannelError
		if errors.As(o.err, &refused) {
			return nil, fault(ErrProtocol, fmt.Sprintf("%s refused a session: %s", c.addr, refused.Message),
				"It has too many sessions open or does not allow any.", "Try again in a moment.", o.err)
		}
		if o.err != nil {
			return nil, c.lost(o.err)
		}
		return o.session, nil
	case <-ctx.Done():
		c.abandon()
		<-done
		return nil, c.ended(ctx, ctx.Err())
	}
}

// abort ends a command that ran out of time: it is told to stop, its session
// is closed, and when even that gets no answer, the connection.
func (c *Client) abort(s session, done <-chan struct{}) {
	go func() {
		_ = s.Signal(ssh.SIGTERM)
		_ = s.Close()
	}()
	late := time.NewTimer(abortGrace)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
		c.abandon()
		<-done
	}
}

// ended says why a command was not waited for any longer.
func (c *Client) ended(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return context.Cause(ctx)
	}
	return fault(ErrTimeout, "the command on "+c.addr+" did not end in time",
		"The machine is overloaded or the command hangs; it was told to stop.", "Try again.", err)
}

// lost ends the connection for good: what lost one command is given no other.
func (c *Client) lost(err error) error {
	_ = c.Close()
	return lost(c.addr, err)
}

func (c *Client) explain(err error, stderr *head, withheld bool) error {
	var exit *ssh.ExitError
	var missing *ssh.ExitMissingError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit):
		return &ExitError{Addr: c.addr, Status: exit.ExitStatus(), Signal: exit.Signal(), Stderr: stderr.String(), withheld: withheld}
	case errors.As(err, &missing), errors.Is(err, io.EOF), !c.Alive():
		return c.lost(err)
	case strings.HasPrefix(err.Error(), "ssh: command "):
		// The library's text repeats the whole command.
		return fault(ErrProtocol, c.addr+" refused to run a command",
			"The server allows this user no commands.", "Look at ForceCommand and the user's shell on the instance.", nil)
	default:
		return fmt.Errorf("run a command on %s: %w", c.addr, err)
	}
}

// guarded stops the command when what it prints is not wanted any longer;
// x/crypto/ssh would go on waiting for it with nobody to read.
type guarded struct {
	w    io.Writer
	fail context.CancelCauseFunc
}

func (g *guarded) Write(p []byte) (int, error) {
	n, err := g.w.Write(p)
	if err != nil {
		g.fail(err)
	}
	return n, err
}

// head keeps the first bytes of what is written and takes the rest without
// keeping it, so that the command is not stopped by a full pipe.
type head struct {
	buf bytes.Buffer
	max int
	cut bool
}

func (h *head) Write(p []byte) (int, error) {
	room := h.max - h.buf.Len()
	if room < len(p) {
		h.cut = true
	}
	h.buf.Write(p[:min(room, len(p))])
	return len(p), nil
}

func (h *head) Bytes() []byte  { return h.buf.Bytes() }
func (h *head) String() string { return strings.ToValidUTF8(h.buf.String(), "\ufffd") }
