package sshclient

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"

	"golang.org/x/crypto/ssh"

	"skysail/qos/internal/shell"
)

// Command returns the command line that runs a POSIX shell script, whatever
// the shell is that reads it.
func Command(script string) string { return "exec " + shell.Quote("/bin/sh", "-c", script) }

// Script runs a POSIX shell script like Run runs Command(script), in a shell
// that is kept for the next one: neither side starts a session for it. Each
// script has a subshell with an empty standard input, so what it reads, where
// it goes and how it exits is its own; processes that it leaves behind must not
// print. A script that ctx ends takes the shell with it. While the shell is
// busy a script has a session of its own: it does not wait for another's time.
func (c *Client) Script(ctx context.Context, script string) ([]byte, error) {
	return c.script(ctx, script, `echo %[2]sb; (eval %[1]s) </dev/null; echo "%[2]s$?"`)
}

// Text is Script for one that prints some text: the shell gathers it and hands
// it over at once, which costs this side half as much. It comes without NUL and
// with one line feed at its end.
func (c *Client) Text(ctx context.Context, script string) ([]byte, error) {
	out, err := c.script(ctx, script, `o=$(eval %[1]s </dev/null); printf '%[2]sb\n%%s\n%[2]s%%s\n' "$o" $?`)
	return append(bytes.TrimRight(out, "\n"), '\n'), err
}

// script runs a script as form says, which has places for the script and for a
// word: with a b and a line feed it begins the output, with the exit status and a
// line feed it ends it.
func (c *Client) script(ctx context.Context, script, form string) ([]byte, error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	default:
		return c.Run(ctx, Command(script), nil)
	}
	if ctx.Err() != nil {
		return nil, c.ended(ctx, ctx.Err())
	}
	if c.kept == nil || c.kept.over() {
		s, err := c.shell(ctx)
		if err != nil {
			return nil, err
		}
		c.kept = s
	}
	return c.kept.run(ctx, script, form)
}

// kept is a shell that reads scripts from its standard input. While it has none
// no goroutine belongs to it, as four do to an ssh.Session.
type kept struct {
	ssh.Channel
	requests <-chan *ssh.Request
	client   *Client
	used     bool
	size     int // of the largest output so far
	ended    chan struct{}
	exit     *ExitError // once ended is closed, nil when the server did not tell
}

// shell starts a shell. It holds one of the connection's sessions until it ends.
func (c *Client) shell(ctx context.Context) (*kept, error) {
	if err := c.slot(ctx); err != nil {
		return nil, err
	}
	s := &kept{client: c, ended: make(chan struct{})}
	err := c.start(ctx, "exec /bin/sh", func() (_ session, err error) {
		s.Channel, s.requests, err = c.ssh.OpenChannel("session", nil)
		return s, err
	})
	if err != nil {
		<-c.slots
		return nil, err
	}
	select {
	case c.started <- s:
		return s, nil
	case <-c.gone:
		<-c.slots
		return nil, c.lost(nil)
	}
}

// Start is that of ssh.Session, for RFC 4254, section 6.5.
func (s *kept) Start(cmd string) error {
	ok, err := s.SendRequest("exec", true, ssh.Marshal(struct{ Command string }{cmd}))
	if err == nil && !ok {
		err = errors.New("ssh: command refused")
	}
	return err
}

// Signal is that of ssh.Session, for RFC 4254, section 6.9.
func (s *kept) Signal(sig ssh.Signal) error {
	_, err := s.SendRequest("signal", false, ssh.Marshal(struct{ Signal string }{string(sig)}))
	return err
}

// note keeps how the shell ended, for RFC 4254, section 6.10, and refuses what
// else the server asks for, like OpenSSH's keepalive.
func (s *kept) note(r *ssh.Request) {
	switch r.Type {
	case "exit-status":
		var m struct{ Status uint32 }
		if ssh.Unmarshal(r.Payload, &m) == nil {
			s.exit = &ExitError{Addr: s.client.addr, Status: int(m.Status)}
		}
	case "exit-signal":
		var m struct {
			Signal         string
			Dumped         bool
			Message, Label string
		}
		if ssh.Unmarshal(r.Payload, &m) == nil {
			s.exit = &ExitError{Addr: s.client.addr, Status: 128, Signal: m.Signal}
		}
	}
	_ = r.Reply(false, nil)
}

func (s *kept) over() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

func (s *kept) run(ctx context.Context, script, form string) ([]byte, error) {
	// Nobody who writes a log line can know the word that ends the output.
	mark := rand.Text()
	out, stderr := &head{max: maxOutput}, &head{max: maxStderr}
	out.buf.Grow(s.size)
	text := fmt.Sprintf(form, shell.Quote(script), mark) + "; echo " + mark + " >&2\n"
	greets := !s.used
	if s.used = true; greets {
		text = "echo " + mark + "b >&2; " + text
	}
	stop := context.AfterFunc(ctx, func() { s.client.abort(s, s.ended) })
	told := make(chan bool, 1)
	go func() {
		in := newStream(s.Stderr())
		defer in.free()
		// What a login shell prints before is the script's only if it gets no further.
		begun := !greets || in.until(mark+"b\n", stderr)
		if begun {
			*stderr = head{max: maxStderr}
		}
		told <- begun && in.until(mark, stderr)
	}()
	// What the other side does not read is waited for until the session ends.
	_, _ = io.WriteString(s.Channel, text)
	in := newStream(s.Channel)
	defer in.free()
	status, whole := "", in.until(mark+"b\n", nil) && in.until(mark, out)
	if whole {
		status, whole = in.line()
	}
	if whole = <-told && whole; !whole {
		// Its output ends before the shell is said to have ended.
		<-s.ended
	}
	switch {
	case !stop():
		<-s.ended
		if !whole {
			return out.Bytes(), s.client.ended(ctx, ctx.Err())
		}
	case !whole:
		return out.Bytes(), s.died(stderr)
	}
	s.size = max(s.size, out.buf.Len())
	n, err := strconv.Atoi(status)
	switch {
	case err != nil:
		s.client.abort(s, s.ended)
		return out.Bytes(), fault(ErrProtocol, fmt.Sprintf("the shell on %s did not tell how the script ended", s.client.addr),
			"What /bin/sh is there does not behave like a POSIX shell.", "Look at /bin/sh on the instance.", nil)
	case n != 0:
		return out.Bytes(), &ExitError{Addr: s.client.addr, Status: n, Stderr: stderr.String()}
	case out.cut:
		return out.Bytes(), s.client.tooMuch()
	}
	return out.Bytes(), nil
}

// died explains a shell that ended under a script.
func (s *kept) died(stderr *head) error {
	switch {
	case s.exit == nil:
		return s.client.lost(&ssh.ExitMissingError{})
	case s.exit.Status == 0:
		return fault(ErrLost, "the shell on "+s.client.addr+" ended before the script did",
			"What the script did is not known.", "Try again.", nil)
	}
	s.exit.Stderr = stderr.String()
	return s.exit
}

// stream reads up to words. What it has read and not given is lost when it is
// freed: a script's stream begins with a word of its own.
type stream struct {
	r    io.Reader
	buf  *[streamBuffer]byte
	rest []byte // of buf
}

const streamBuffer = 8 << 10

var streamBuffers = sync.Pool{New: func() any { return new([streamBuffer]byte) }}

func newStream(r io.Reader) *stream {
	return &stream{r: r, buf: streamBuffers.Get().(*[streamBuffer]byte)}
}

func (s *stream) free() { streamBuffers.Put(s.buf) }

// until writes what stands before word to to, which may be nil, and takes word.
// Without word it writes all there is, and returns false.
func (s *stream) until(word string, to *head) bool {
	for {
		i := bytes.Index(s.rest, []byte(word))
		given := i
		if i < 0 { // the end of rest may be the beginning of word
			given = max(len(s.rest)-len(word)+1, 0)
		}
		if to != nil {
			_, _ = to.Write(s.rest[:given])
		}
		if i >= 0 {
			s.rest = s.rest[i+len(word):]
			return true
		}
		s.rest = s.rest[given:]
		if !s.more() {
			if to != nil {
				_, _ = to.Write(s.rest)
			}
			s.rest = nil
			return false
		}
	}
}

// line is what stands before the next line feed.
func (s *stream) line() (string, bool) {
	for {
		if i := bytes.IndexByte(s.rest, '\n'); i >= 0 {
			return string(s.rest[:i]), true
		}
		if !s.more() {
			return "", false
		}
	}
}

// more reads more, behind rest.
func (s *stream) more() bool {
	n := copy(s.buf[:], s.rest)
	if n == len(s.buf) {
		return false // more than any line of ours
	}
	m, err := s.r.Read(s.buf[n:])
	s.rest = s.buf[:n+m]
	return m > 0 || err == nil
}
