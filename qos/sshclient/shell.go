package sshclient

import (
	"bytes"
	"context"
	"crypto/rand"
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
	return c.script(ctx, script, `(eval %s) </dev/null; echo "%s$?"`)
}

// Text is Script for one that prints some text: the shell gathers it and hands
// it over at once, which costs this side half as much. It comes without NUL and
// with one line feed at its end.
func (c *Client) Text(ctx context.Context, script string) ([]byte, error) {
	out, err := c.script(ctx, script, `o=$(eval %s </dev/null); printf '%%s\n%s%%s\n' "$o" $?`)
	return append(bytes.TrimRight(out, "\n"), '\n'), err
}

// script runs a script as form says, which has places for the script and for
// the word that ends its output, the exit status and a line feed after it.
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

// kept is a shell that reads scripts from its standard input.
type kept struct {
	client  *Client
	session *ssh.Session
	stdin   io.Writer
	// first is sent before the first script: what a login shell printed until
	// then is no script's output.
	first     string
	out, errs *frame
	size      int // of the largest output so far
	ended     chan struct{}
	err       error // once ended is closed
}

// shell starts a shell. It holds one of the connection's sessions until it ends.
func (c *Client) shell(ctx context.Context) (*kept, error) {
	if err := c.slot(ctx); err != nil {
		return nil, err
	}
	hello := rand.Text()
	s := &kept{client: c, out: newFrame(hello), errs: newFrame(hello), ended: make(chan struct{})}
	session, err := c.start(ctx, "exec /bin/sh", func(session *ssh.Session) (err error) {
		session.Stdout, session.Stderr = s.out, s.errs
		s.stdin, err = session.StdinPipe()
		return err
	})
	if err != nil {
		<-c.slots
		return nil, err
	}
	s.session = session
	go func() {
		s.err = session.Wait()
		_ = session.Close()
		<-c.slots
		close(s.ended)
	}()
	s.first = "echo " + hello + "; echo " + hello + " >&2\n"
	return s, nil
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
	outEnd, errEnd := s.out.expect(mark, out), s.errs.expect(mark, stderr)
	text := s.first + fmt.Sprintf(form, shell.Quote(script), mark) + "; echo " + mark + " >&2\n"
	s.first = ""
	stop := context.AfterFunc(ctx, func() { s.client.abort(s.session, s.ended) })
	// What the other side does not read is waited for until the session ends.
	// That the shell is gone is told by ended.
	_, _ = io.WriteString(s.stdin, text)
	var status string
	for _, end := range []<-chan string{errEnd, outEnd} {
		select {
		case status = <-end:
		case <-s.ended:
			s.out.stop()
			stderr = s.errs.stop()
			if !stop() {
				return out.Bytes(), s.client.ended(ctx, ctx.Err())
			}
			return s.died(out, stderr)
		}
	}
	if !stop() {
		<-s.ended
	}
	s.size = max(s.size, out.buf.Len())
	n, err := strconv.Atoi(status)
	switch {
	case err != nil:
		s.client.abort(s.session, s.ended)
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
func (s *kept) died(out, stderr *head) ([]byte, error) {
	if s.err == nil {
		return out.Bytes(), fault(ErrLost, "the shell on "+s.client.addr+" ended before the script did",
			"What the script did is not known.", "Try again.", nil)
	}
	return out.Bytes(), s.client.explain(s.err, stderr, false)
}

// frame cuts one stream of a shell into the outputs of scripts: each ends with
// its mark and a line feed. What comes when no script runs is dropped.
type frame struct {
	mu sync.Mutex
	// hello is not seen yet: all before it goes to greeting.
	hello    []byte
	greeting *head
	mark     []byte // of the script that runs, nil for none
	found    bool
	out      *head
	end      chan string
	rest     []byte // not given to out yet: it may be the beginning of the mark
}

func newFrame(hello string) *frame {
	return &frame{hello: []byte(hello + "\n"), greeting: &head{max: maxStderr}}
}

// expect gives what comes from now on, up to mark, to out. What stands between
// the mark and the line feed comes by the channel.
func (f *frame) expect(mark string, out *head) <-chan string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mark, f.found, f.out, f.end = []byte(mark), false, out, make(chan string, 1)
	if f.hello == nil {
		f.rest = f.rest[:0]
	}
	return f.end
}

// stop returns what came for the script that runs, or for none yet, and takes
// no more.
func (f *frame) stop() *head {
	f.mu.Lock()
	defer f.mu.Unlock()
	to := f.out
	if f.hello != nil {
		to = f.greeting
	}
	if !f.found {
		_, _ = to.Write(f.rest)
	}
	f.hello, f.mark, f.rest = nil, nil, nil
	return to
}

func (f *frame) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hello == nil && f.mark == nil {
		return len(p), nil
	}
	f.rest = append(f.rest, p...)
	if f.hello != nil {
		if !f.cut(f.hello, f.greeting) {
			return len(p), nil
		}
		f.hello = nil
	}
	if f.mark == nil {
		return len(p), nil
	}
	if !f.found {
		f.found = f.cut(f.mark, f.out)
	}
	if !f.found {
		return len(p), nil
	}
	if i := bytes.IndexByte(f.rest, '\n'); i >= 0 {
		f.end <- string(f.rest[:i])
		f.mark = nil
	}
	return len(p), nil
}

// cut takes what stands before word out of rest, and word. Without the whole
// word only the end of rest stays, which may be its beginning.
func (f *frame) cut(word []byte, to *head) bool {
	i := bytes.Index(f.rest, word)
	taken := i + len(word)
	if i < 0 {
		i = max(len(f.rest)-len(word)+1, 0)
		taken = i
	}
	_, _ = to.Write(f.rest[:i])
	f.rest = append(f.rest[:0], f.rest[taken:]...)
	return taken > i
}
