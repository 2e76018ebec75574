package sshclient_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gliderlabs/ssh"

	"skysail/internal/failure"
	"skysail/internal/sshtest"
	"skysail/qos/sshclient"
)

func target(s *sshtest.Server) sshclient.Target {
	return sshclient.Target{Addr: s.Addr, User: s.User, HostKey: s.HostKey, KeyFile: s.KeyFile}
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// servers runs a test against the server of this process, and the real sshd and
// dropbear.
func servers(t *testing.T, test func(t *testing.T, s *sshtest.Server)) {
	t.Run("in process", func(t *testing.T) { test(t, sshtest.Start(t, sshtest.Shell(t.TempDir()))) })
	t.Run("OpenSSH", func(t *testing.T) { test(t, sshtest.OpenSSH(t)) })
	t.Run("dropbear", func(t *testing.T) { test(t, sshtest.Dropbear(t)) })
}

func TestRun(t *testing.T) {
	servers(t, func(t *testing.T, s *sshtest.Server) {
		out, err := sshclient.Run(within(t, 10*time.Second), target(s), "cat; echo there", strings.NewReader("here\n"))
		if err != nil || string(out) != "here\nthere\n" {
			t.Fatalf("got %q, %v", out, err)
		}
	})
}

func TestRunFails(t *testing.T) {
	servers(t, func(t *testing.T, s *sshtest.Server) {
		out, err := sshclient.Run(within(t, 10*time.Second), target(s), "echo part; echo why >&2; exit 3", nil)
		var exit *sshclient.ExitError
		if !errors.As(err, &exit) || exit.Status != 3 || exit.Stderr != "why\n" || string(out) != "part\n" {
			t.Fatalf("got %q, %#v", out, err)
		}
		if !strings.Contains(err.Error(), "status 3: why") {
			t.Errorf("the text %q does not say what the command said", err)
		}
	})
}

func TestInputIsNotInErrors(t *testing.T) {
	servers(t, func(t *testing.T, s *sshtest.Server) {
		_, err := sshclient.Run(within(t, 10*time.Second), target(s), "read x; echo bad: $x >&2; exit 1", strings.NewReader("hunter2\n"))
		var exit *sshclient.ExitError
		if !errors.As(err, &exit) || !strings.Contains(exit.Stderr, "hunter2") {
			t.Fatalf("got %#v", err)
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error repeats the input: %v", err)
		}
	})
}

func TestWrongHostKey(t *testing.T) {
	servers(t, func(t *testing.T, s *sshtest.Server) {
		tg := target(s)
		tg.HostKey = sshtest.NewKey(t).Public
		_, err := sshclient.Connect(within(t, 10*time.Second), tg)
		if !errors.Is(err, sshclient.ErrHostKey) || !sshclient.Final(err) {
			t.Fatalf("got %v", err)
		}
		wellSaid(t, err, "SHA256:")
	})
}

// While a host key is replaced either is accepted, and no third one.
func TestNextHostKey(t *testing.T) {
	servers(t, func(t *testing.T, s *sshtest.Server) {
		for name, next := range map[string]string{"Ed25519": sshtest.NewKey(t).Public, "RSA": rsaKey} {
			if name == "RSA" && strings.HasSuffix(t.Name(), "/dropbear") {
				continue // 2022.83 fails an assertion when RSA goes first and it has no such key
			}
			before, after, neither := target(s), target(s), target(s)
			before.NextHostKey = next
			after.HostKey, after.NextHostKey = next, s.HostKey
			neither.HostKey, neither.NextHostKey = next, sshtest.NewKey(t).Public
			for _, tg := range []sshclient.Target{before, after} {
				if _, err := sshclient.Run(within(t, 10*time.Second), tg, "true", nil); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			if _, err := sshclient.Connect(within(t, 10*time.Second), neither); !errors.Is(err, sshclient.ErrHostKey) {
				t.Errorf("%s: a third key: %v", name, err)
			}
			bad := target(s)
			bad.NextHostKey = "x"
			if _, err := sshclient.Connect(within(t, 10*time.Second), bad); !errors.Is(err, sshclient.ErrConfig) {
				t.Errorf("%s: no key: %v", name, err)
			}
		}
	})
}

func TestHostKeyOfAnotherType(t *testing.T) {
	servers(t, func(t *testing.T, s *sshtest.Server) {
		tg := target(s)
		tg.HostKey = rsaKey
		_, err := sshclient.Connect(within(t, 10*time.Second), tg)
		if errors.Is(err, sshclient.ErrLost) && strings.HasSuffix(t.Name(), "/dropbear") {
			return // it hangs up before it says what it has
		}
		if !errors.Is(err, sshclient.ErrHostKey) {
			t.Fatalf("got %v", err)
		}
		wellSaid(t, err, "no host key of the pinned type")
	})
}

func TestAuthRefused(t *testing.T) {
	servers(t, func(t *testing.T, s *sshtest.Server) {
		tg := target(s)
		tg.KeyFile = sshtest.NewKey(t).WriteFile(t)
		_, err := sshclient.Connect(within(t, 10*time.Second), tg)
		if !errors.Is(err, sshclient.ErrAuth) || sshclient.Final(err) {
			t.Fatalf("got %v", err)
		}
		wellSaid(t, err, "refused the key")
	})
}

func wellSaid(t *testing.T, err error, cause string) {
	t.Helper()
	var f *failure.Error
	if !errors.As(err, &f) {
		t.Fatalf("%v has no cause, meaning and next step", err)
	}
	if !strings.Contains(f.Cause, cause) || f.Meaning == "" || f.Next == "" {
		t.Errorf("cause %q, meaning %q, next %q", f.Cause, f.Meaning, f.Next)
	}
}

func TestKeyFileIsReadEachTime(t *testing.T) {
	s := sshtest.Start(t, sshtest.Shell(t.TempDir()))
	tg := target(s)
	good, err := os.ReadFile(tg.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	tg.KeyFile = filepath.Join(t.TempDir(), "key")
	_, err = sshclient.Connect(t.Context(), tg)
	if !errors.Is(err, sshclient.ErrKeyFile) || !errors.Is(err, os.ErrNotExist) || !sshclient.Final(err) {
		t.Fatalf("got %v", err)
	}
	wellSaid(t, err, tg.KeyFile)
	if err := os.WriteFile(tg.KeyFile, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = sshclient.Connect(t.Context(), tg); !errors.Is(err, sshclient.ErrKeyFile) {
		t.Fatalf("got %v", err)
	}
	if err := os.WriteFile(tg.KeyFile, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sshclient.Run(within(t, 10*time.Second), tg, "true", nil); err != nil {
		t.Fatal(err)
	}
}

func TestBadHostKeyLine(t *testing.T) {
	s := sshtest.Start(t, sshtest.Shell(t.TempDir()))
	for _, line := range []string{"", "ssh-ed25519", "ssh-ed25519 AAAA", "no key at all"} {
		tg := target(s)
		tg.HostKey = line
		if _, err := sshclient.Connect(t.Context(), tg); !errors.Is(err, sshclient.ErrConfig) {
			t.Errorf("%q: got %v", line, err)
		}
	}
}

// listen accepts connections and hands each to serve.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var conns []net.Conn
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			wg.Go(func() { serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return l.Addr().String()
}

func TestServerThatSaysNothing(t *testing.T) {
	tg := target(sshtest.Start(t, nil))
	tg.Addr = listen(t, func(net.Conn) {})
	start := time.Now()
	_, err := sshclient.Connect(t.Context(), tg, sshclient.WithConnectTimeout(100*time.Millisecond))
	if !errors.Is(err, sshclient.ErrTimeout) {
		t.Fatalf("got %v", err)
	}
	wellSaid(t, err, "handshake")
	if d := time.Since(start); d > 3*time.Second {
		t.Errorf("it took %v", d)
	}
}

func TestServerThatHangsUp(t *testing.T) {
	tg := target(sshtest.Start(t, nil))
	tg.Addr = listen(t, func(c net.Conn) { _ = c.Close() })
	if _, err := sshclient.Connect(within(t, 5*time.Second), tg); !errors.Is(err, sshclient.ErrLost) {
		t.Fatalf("got %v", err)
	}
}

func TestNoSSHServer(t *testing.T) {
	tg := target(sshtest.Start(t, nil))
	tg.Addr = listen(t, func(c net.Conn) {
		_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n"+strings.Repeat("x", 4096)+"\r\n")
		_, _ = io.Copy(io.Discard, c)
	})
	_, err := sshclient.Connect(within(t, 5*time.Second), tg)
	if !errors.Is(err, sshclient.ErrProtocol) && !errors.Is(err, sshclient.ErrLost) {
		t.Fatalf("got %v", err)
	}
}

func TestRefused(t *testing.T) {
	s := sshtest.Start(t, nil)
	s.Close()
	_, err := sshclient.Connect(within(t, 5*time.Second), target(s))
	if !errors.Is(err, sshclient.ErrRefused) {
		t.Fatalf("got %v", err)
	}
	wellSaid(t, err, "connection refused")
}

func TestDialOfTheTargetIsUsed(t *testing.T) {
	s := sshtest.Start(t, sshtest.Shell(t.TempDir()))
	tg := target(s)
	tg.Addr = "192.0.2.1:22"
	var asked string
	tg.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		asked = network + " " + addr
		var d net.Dialer
		return d.DialContext(ctx, network, s.Addr)
	}
	if _, err := sshclient.Run(within(t, 5*time.Second), tg, "true", nil); err != nil {
		t.Fatal(err)
	}
	if asked != "tcp 192.0.2.1:22" {
		t.Errorf("it dialled %q", asked)
	}
}

func TestDialTimeout(t *testing.T) {
	tg := target(sshtest.Start(t, nil))
	tg.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	_, err := sshclient.Connect(t.Context(), tg, sshclient.WithConnectTimeout(50*time.Millisecond))
	if !errors.Is(err, sshclient.ErrTimeout) {
		t.Fatalf("got %v", err)
	}
}

func TestCancelledIsTheCallersCause(t *testing.T) {
	stop := errors.New("the caller had enough")
	for name, serve := range map[string]func(net.Conn){"handshake": func(net.Conn) {}} {
		t.Run(name, func(t *testing.T) {
			tg := target(sshtest.Start(t, nil))
			ctx, cancel := context.WithCancelCause(t.Context())
			tg.Addr = listen(t, func(c net.Conn) { cancel(stop); serve(c) })
			if _, err := sshclient.Connect(ctx, tg); !errors.Is(err, stop) {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestCommandThatHangs(t *testing.T) {
	servers(t, func(t *testing.T, s *sshtest.Server) {
		c, err := sshclient.Connect(within(t, 10*time.Second), target(s))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		start := time.Now()
		out, err := c.Run(ctx, "echo first; exec sleep 60", nil)
		if !errors.Is(err, sshclient.ErrTimeout) || string(out) != "first\n" {
			t.Fatalf("got %q, %v", out, err)
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("it took %v", d)
		}
	})
}

func TestServerDiesUnderCommand(t *testing.T) {
	servers(t, func(t *testing.T, s *sshtest.Server) {
		c, err := sshclient.Connect(within(t, 10*time.Second), target(s))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		var got bytes.Buffer
		_, err = c.Stream(within(t, 10*time.Second), "echo first; exec sleep 60", writer(func(p []byte) (int, error) {
			got.Write(p)
			go s.Close()
			return len(p), nil
		}))
		if !errors.Is(err, sshclient.ErrLost) || got.String() != "first\n" {
			t.Fatalf("got %q, %v", got.String(), err)
		}
		wellSaid(t, err, "ended before")
		if _, err = c.Run(within(t, 5*time.Second), "true", nil); !errors.Is(err, sshclient.ErrLost) {
			t.Fatalf("on a dead connection: %v", err)
		}
		if c.Alive() {
			t.Error("a dead connection says it is alive")
		}
	})
}

type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func TestReaderThatHasEnoughStopsTheCommand(t *testing.T) {
	servers(t, func(t *testing.T, s *sshtest.Server) {
		c, err := sshclient.Connect(within(t, 10*time.Second), target(s))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		enough := errors.New("enough")
		_, err = c.Stream(within(t, 10*time.Second), "while :; do echo more; done", writer(func([]byte) (int, error) { return 0, enough }))
		if !errors.Is(err, enough) {
			t.Fatalf("got %v", err)
		}
	})
}

func TestTooMuchOutput(t *testing.T) {
	s := sshtest.Start(t, sshtest.Shell(t.TempDir()))
	_, err := sshclient.Run(within(t, 20*time.Second), target(s), "head -c 5000000 /dev/zero", nil)
	if !errors.Is(err, sshclient.ErrOutput) {
		t.Fatalf("got %v", err)
	}
}

func TestAtMostFourSessions(t *testing.T) {
	var now, most atomic.Int32
	s := sshtest.Start(t, func(ss ssh.Session) {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			continue
		}
		time.Sleep(20 * time.Millisecond)
		now.Add(-1)
		_ = ss.Exit(0)
	})
	c, err := sshclient.Connect(within(t, 10*time.Second), target(s))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := c.Run(within(t, 10*time.Second), "x", nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := most.Load(); n < 2 || n > 4 {
		t.Errorf("%d sessions at once", n)
	}
}

// TestKeepalive cuts the line without a word: the proxy takes and delivers
// nothing any more.
func TestKeepalive(t *testing.T) {
	s := sshtest.Start(t, sshtest.Shell(t.TempDir()))
	var cut atomic.Bool
	tg := target(s)
	tg.Addr = line(t, s.Addr, &cut)
	c, err := sshclient.Connect(within(t, 10*time.Second), tg, sshclient.WithKeepalive(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	time.Sleep(200 * time.Millisecond)
	if !c.Alive() {
		t.Fatal("keepalive killed a connection that stands")
	}
	cut.Store(true)
	if _, err := c.Run(within(t, 10*time.Second), "sleep 60", nil); !errors.Is(err, sshclient.ErrLost) {
		t.Fatalf("got %v", err)
	}
}

// line is an address that leads to addr until it is cut.
func line(t *testing.T, addr string, cut *atomic.Bool) string {
	t.Helper()
	return listen(t, func(c net.Conn) {
		up, err := net.Dial("tcp", addr)
		if err != nil {
			return
		}
		defer func() { _ = up.Close() }()
		go pass(c, up, cut)
		pass(up, c, cut)
	})
}

func pass(dst io.WriteCloser, src io.Reader, cut *atomic.Bool) {
	buf := make([]byte, 4096)
	for {
		n, err := src.Read(buf)
		if !cut.Load() {
			_, _ = dst.Write(buf[:n])
		}
		if err != nil {
			_ = dst.Close()
			return
		}
	}
}

const rsaKey = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC/sxfpu2dY2+q5h8aJK2N5kfyyFaTbSMzNBFXFHOWKk1zuFWk7Ozel3Ij5JQ7bnaut+b0FyeR0cqZXJqcfGeBcbk2OJUAPcNyQSzZltoAfimmQ6q2Qg4aRkRyBjIwlge5mLHJzFaWK2E50NiUTJkkBvZqvDin8VHZjYB1H+BljMQXpyNo2q31v+ZikhSkxuwQN5+iRZ1T0vWeNRA6MSb9urzHgAQWBLKxhbbVBeYJQ+FTc58IH3fks0TPbEL1RPwuIiPAgsCzSa+nS6Bs4occMU0GGfxsbZCkPDJa4X+hwxKmMCykzeCuO/269ovF/K6TflQ2NEu7J4hUJt+soteAP"
