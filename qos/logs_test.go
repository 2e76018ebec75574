package qos_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gliderlabs/ssh"
	"github.com/google/go-cmp/cmp"

	"skysail/internal/journal"
	"skysail/internal/sshtest"
	"skysail/policies"
	"skysail/qos"
	"skysail/qos/sshclient"
)

func countDials(n *atomic.Int32) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		n.Add(1)
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
}

// machine is a journal that a server in this process answers journalctl with.
type machine struct {
	mu      sync.Mutex
	lines   []string // JSON, whole
	written chan struct{}
	// torn makes the next -f write this much of the line after the last whole
	// one and then cut the connection.
	cutAfter int
	asked    []string
	stderr   string
	status   int
}

func newMachine(n int) *machine {
	m := &machine{written: make(chan struct{})}
	for range n {
		m.write("")
	}
	return m
}

func cursor(i int) string { return fmt.Sprintf("s=1;i=%x", i) }

func (m *machine) write(rest string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := len(m.lines) + 1
	if rest == "" {
		rest = fmt.Sprintf(`"PRIORITY":"6","MESSAGE":"line %d"}`, i)
	}
	m.lines = append(m.lines, fmt.Sprintf(`{"__CURSOR":"%s","__REALTIME_TIMESTAMP":"%d",%s`, cursor(i), i*1e6, rest))
	close(m.written)
	m.written = make(chan struct{})
}

// get returns the lines from place i, and a channel that tells of the next.
func (m *machine) get(i int) ([]string, <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.lines[min(i, len(m.lines)):]), m.written
}

func (m *machine) requests() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.asked)
}

func (m *machine) handle(s ssh.Session) {
	args := s.Command()
	m.mu.Lock()
	m.asked = append(m.asked, strings.Join(args, " "))
	stderr, status := m.stderr, m.status
	m.mu.Unlock()
	_, _ = fmt.Fprint(s.Stderr(), stderr)
	if status != 0 {
		_ = s.Exit(status)
		return
	}
	if !slices.Equal(args[:8], []string{"exec", "journalctl", "-u", unit, "-o", "json", "--no-pager", "--all"}) {
		_, _ = fmt.Fprintf(s.Stderr(), "unexpected %q", args)
		_ = s.Exit(2)
		return
	}
	from, follow := m.query(args[8:])
	for sent := 0; ; {
		lines, more := m.get(from)
		for _, l := range lines {
			if follow && m.tear(sent) {
				_, _ = fmt.Fprint(s, l[:len(l)/2])
				_ = s.Context().(interface{ Value(any) any }).Value(ssh.ContextKeyConn).(interface{ Close() error }).Close()
				return
			}
			_, _ = fmt.Fprintln(s, l)
			from, sent = from+1, sent+1
		}
		if !follow {
			if sent == 0 {
				_, _ = fmt.Fprintln(s, "-- No entries --")
			}
			_ = s.Exit(0)
			return
		}
		select {
		case <-more:
		case <-s.Context().Done():
			return
		}
	}
}

func (m *machine) tear(sent int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cutAfter == 0 || sent < m.cutAfter {
		return false
	}
	m.cutAfter = 0
	return true
}

// query returns where the answer begins and whether it goes on.
func (m *machine) query(args []string) (from int, follow bool) {
	all, _ := m.get(0)
	for i, a := range args {
		switch {
		case a == "-f":
			follow = true
		case a == "-n":
			var n int
			_, _ = fmt.Sscanf(args[i+1], "%d", &n)
			from = max(len(all)-n, 0)
		case strings.HasPrefix(a, "--after-cursor="):
			_, _ = fmt.Sscanf(a, "--after-cursor=s=1;i=%x", &from)
		case strings.HasPrefix(a, "--since=@"):
			_, _ = fmt.Sscanf(a, "--since=@%d", &from)
			from = max(from-1, 0)
		}
	}
	return from, follow
}

func numbered(from, to int) []string {
	var out []string
	for i := from; i <= to; i++ {
		out = append(out, fmt.Sprintf("line %d", i))
	}
	return out
}

func TestLogs(t *testing.T) {
	m := newMachine(20)
	tg := remote(sshtest.Start(t, m.handle))
	for _, c := range []struct {
		name string
		q    qos.LogQuery
		want []string
	}{
		{"all", qos.LogQuery{}, numbered(1, 20)},
		{"last", qos.LogQuery{Last: 3}, numbered(18, 20)},
		{"none", qos.LogQuery{Last: -1}, nil},
		{"since", qos.LogQuery{Since: time.Unix(15, 0)}, numbered(15, 20)},
		{"since, finer than a second", qos.LogQuery{Since: time.Unix(15, 1)}, numbered(16, 20)},
		{"since and last", qos.LogQuery{Since: time.Unix(10, 0), Last: 2}, numbered(19, 20)},
		{"since and more than there are", qos.LogQuery{Since: time.Unix(19, 0), Last: 7}, numbered(19, 20)},
		{"after", qos.LogQuery{AfterCursor: cursor(17)}, numbered(18, 20)},
		{"after and last", qos.LogQuery{AfterCursor: cursor(10), Last: 2}, numbered(19, 20)},
		{"after and since", qos.LogQuery{AfterCursor: cursor(10), Since: time.Unix(19, 0)}, numbered(19, 20)},
		{"after the end", qos.LogQuery{AfterCursor: cursor(20)}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got collected
			if err := qos.Logs(within(t, 10*time.Second), tg, c.q, got.emit); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got.messages(), cmp.Transformer("", func(s []string) []string { return append([]string{}, s...) })); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestLogLine(t *testing.T) {
	m := newMachine(0)
	m.write(`"PRIORITY":"3","MESSAGE":[104,105,255]}`)
	m.write(`"MESSAGE":{"not":"a text"}}`)
	var got collected
	if err := qos.Logs(within(t, 10*time.Second), remote(sshtest.Start(t, m.handle)), qos.LogQuery{}, got.emit); err != nil {
		t.Fatal(err)
	}
	want := qos.Line{Time: time.Unix(1, 0), Instance: "echo-0", Message: "hi\xff", Priority: 3, Cursor: cursor(1)}
	if len(got.lines) != 2 || !cmp.Equal(want, got.lines[0]) {
		t.Fatalf("%+v", got.lines)
	}
	if l := got.lines[1]; !strings.Contains(l.Message, "left out") || l.Priority != 4 || l.Cursor != "" {
		t.Errorf("%+v", l)
	}
}

// TestFollowOverCuts cuts the connection in the middle of a line, again and
// again, while lines are written.
func TestFollowOverCuts(t *testing.T) {
	for _, q := range []qos.LogQuery{{}, {Last: 2}, {Since: time.Unix(4, 0)}, {AfterCursor: cursor(3)}, {Last: -1}} {
		t.Run(fmt.Sprintf("%+v", q), func(t *testing.T) {
			t.Parallel()
			m := newMachine(5)
			tg := remote(sshtest.Start(t, m.handle))
			first := map[bool]int{true: 1}[q.Last == 0 && q.Since.IsZero() && q.AfterCursor == ""]
			if first == 0 {
				first = 4
			}
			if q.Last < 0 {
				first = 6
			}
			var cuts atomic.Int32
			q.Follow = true
			q.Interrupted = func(err error, _ time.Duration) {
				if !errors.Is(err, sshclient.ErrLost) {
					t.Errorf("interrupted by %v", err)
				}
				cuts.Add(1)
			}
			const last = 14
			got := collected{stop: last - first + 1}
			m.mu.Lock()
			m.cutAfter = 1
			m.mu.Unlock()
			ctx := within(t, 20*time.Second)
			var writing sync.WaitGroup
			writing.Go(func() {
				// The first lines come once it follows.
				for len(m.requests()) < 2 && ctx.Err() == nil {
					time.Sleep(time.Millisecond)
				}
				for i := 6; i <= last; i++ {
					m.write("")
					if i == 10 {
						for cuts.Load() < 1 && ctx.Err() == nil {
							time.Sleep(time.Millisecond)
						}
						m.mu.Lock()
						m.cutAfter = 1
						m.mu.Unlock()
						for n := len(m.requests()); len(m.requests()) < n+2 && ctx.Err() == nil; {
							time.Sleep(time.Millisecond)
						}
					}
				}
			})
			err := qos.Logs(ctx, tg, q, got.emit)
			writing.Wait()
			if !errors.Is(err, errStop) {
				t.Fatalf("%v after %q", err, got.messages())
			}
			if diff := cmp.Diff(numbered(first, last), got.messages()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if n := cuts.Load(); n != 2 {
				t.Errorf("%d cuts", n)
			}
		})
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	m := newMachine(2)
	tg := remote(sshtest.Start(t, m.handle))
	ctx, cancel := context.WithCancelCause(t.Context())
	var got collected
	done := make(chan error, 1)
	go func() { done <- qos.Logs(ctx, tg, qos.LogQuery{Follow: true}, got.emit) }()
	eventually(t, "the lines are there", func() bool { return got.len() == 2 && len(m.requests()) == 2 })
	cancel(errStop)
	if err := <-done; !errors.Is(err, errStop) {
		t.Errorf("got %v", err)
	}
}

func TestFollowDoesNotTrustAnotherHost(t *testing.T) {
	m := newMachine(1)
	a, b := sshtest.Start(t, m.handle), sshtest.Start(t, m.handle)
	var dials atomic.Int32
	tg := remote(a)
	tg.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if dials.Add(1) > 1 {
			addr = b.Addr
		}
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	var got collected
	done := make(chan error, 1)
	go func() { done <- qos.Logs(within(t, 20*time.Second), tg, qos.LogQuery{Follow: true}, got.emit) }()
	eventually(t, "it follows", func() bool { return len(m.requests()) == 2 })
	a.Close()
	if err := <-done; !errors.Is(err, sshclient.ErrHostKey) {
		t.Errorf("got %v", err)
	}
}

func TestLogsFail(t *testing.T) {
	for _, c := range []struct {
		name, stderr string
		status       int
		is           error
		says         string
	}{
		{"no permission", "No journal files were opened due to insufficient permissions.\n", 1, qos.ErrNoLogs, "systemd-journal"},
		{"hint and nothing else", "Hint: You are currently not seeing messages from other users and the system.\n", 0, qos.ErrNoLogs, "systemd-journal"},
		{"no journalctl", "sh: 1: exec: journalctl: not found\n", 127, qos.ErrNoLogs, "no systemd machine"},
		{"its own failure", "Failed to open journal: Bad message\n", 1, nil, "Bad message"},
	} {
		for _, follow := range []bool{false, true} {
			t.Run(fmt.Sprint(c.name, follow), func(t *testing.T) {
				m := newMachine(0)
				m.stderr, m.status = c.stderr, c.status
				err := qos.Logs(within(t, 10*time.Second), remote(sshtest.Start(t, m.handle)), qos.LogQuery{Follow: follow}, (&collected{}).emit)
				if err == nil || !strings.Contains(err.Error(), c.says) || (c.is != nil && !errors.Is(err, c.is)) {
					t.Errorf("got %v", err)
				}
			})
		}
	}
	for _, where := range []string{"", "journald:", "file:", "syslog:x", "file:/x"} {
		tg := qos.Target{Instance: "x", Logs: where, SSH: &qos.SSHTarget{}}
		if err := qos.Logs(t.Context(), tg, qos.LogQuery{}, nil); !errors.Is(err, qos.ErrNoLogs) {
			t.Errorf("%q: got %v", where, err)
		}
	}
	closed := sshtest.Start(t, nil)
	closed.Close()
	err := qos.Logs(within(t, 10*time.Second), remote(closed), qos.LogQuery{Follow: true}, nil)
	if !errors.Is(err, sshclient.ErrRefused) {
		t.Errorf("the first connection was tried twice: %v", err)
	}
}

func TestEmitsErrorEndsLogs(t *testing.T) {
	tg := remote(sshtest.Start(t, newMachine(100).handle))
	for _, q := range []qos.LogQuery{{}, {Last: 50}, {Follow: true}} {
		got := collected{stop: 3}
		if err := qos.Logs(within(t, 10*time.Second), tg, q, got.emit); !errors.Is(err, errStop) || got.len() != 3 {
			t.Errorf("%+v: %v after %d lines", q, err, got.len())
		}
	}
}

func TestLogsOfAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, err := journal.Open(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = j.Close() }()
	write := func(from, to int) {
		for i := from; i <= to; i++ {
			e := journal.Entry{Time: time.Unix(int64(i), 0), Priority: 6, Message: fmt.Sprintf("line %d", i)}
			if err := j.Append(e); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(1, 10)
	tg := qos.Target{Instance: "local-0", Provider: policies.Local, Logs: "file:" + path}
	read := func(q qos.LogQuery) *collected {
		t.Helper()
		got := &collected{}
		if err := qos.Logs(within(t, 10*time.Second), tg, q, got.emit); err != nil {
			t.Fatal(err)
		}
		return got
	}
	all := read(qos.LogQuery{})
	if diff := cmp.Diff(numbered(1, 10), all.messages()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if l := all.lines[2]; l.Instance != "local-0" || l.Priority != 6 || !l.Time.Equal(time.Unix(3, 0)) {
		t.Errorf("%+v", l)
	}
	for q, want := range map[*qos.LogQuery][]string{
		{Last: 2}:                          numbered(9, 10),
		{Since: time.Unix(8, 0)}:           numbered(8, 10),
		{AfterCursor: all.lines[6].Cursor}: numbered(8, 10),
		{Last: 1, Since: time.Unix(3, 0)}:  numbered(10, 10),
	} {
		if diff := cmp.Diff(want, read(*q).messages()); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", *q, diff)
		}
	}
	if got := read(qos.LogQuery{Last: -1}); got.len() != 0 {
		t.Errorf("none of the old lines were wanted: %q", got.messages())
	}
	got := collected{stop: 3}
	done := make(chan error, 1)
	ctx := within(t, 10*time.Second)
	go func() { done <- qos.Logs(ctx, tg, qos.LogQuery{Follow: true, Last: 1}, got.emit) }()
	eventually(t, "the newest line is there", func() bool { return got.len() == 1 })
	write(11, 12)
	if err := <-done; !errors.Is(err, errStop) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(numbered(10, 12), got.messages()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := qos.Logs(t.Context(), tg, qos.LogQuery{AfterCursor: "nonsense"}, got.emit); !errors.Is(err, journal.ErrCursor) {
		t.Errorf("got %v", err)
	}
}
