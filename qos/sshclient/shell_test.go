package sshclient_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"skysail/internal/sshtest"
	"skysail/qos/sshclient"
)

func connect(t *testing.T, s *sshtest.Server) *sshclient.Client {
	t.Helper()
	c, err := sshclient.Connect(within(t, 10*time.Second), target(s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func script(t *testing.T, c *sshclient.Client, text string) string {
	t.Helper()
	out, err := c.Script(within(t, 10*time.Second), text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return string(out)
}

// TestScriptsDoNotTouchTheNext is what a script may do in the shell that the
// next one has as well.
func TestScriptsDoNotTouchTheNext(t *testing.T) {
	servers(t, func(t *testing.T, s *sshtest.Server) {
		c := connect(t, s)
		before := script(t, c, "echo $PPID; pwd")
		for _, text := range []string{
			"cat; read x || true", "cd /", "a=1; export a", "exit 0", "exec true", "set -eu; true", "exec 1>&- 2>&-", "exec 2>&1",
			"trap 'echo bye' EXIT", "f() { echo mine; }; alias pwd=f", "umask 0; ulimit -n 20", "set -x; true", "# only a comment", "", "\n\n",
			"printf 'no line feed'", "cat <<E\n'quoted' \\ $((1+1))\nE", "echo 'it'\\''s'",
		} {
			script(t, c, text)
			if now := script(t, c, `echo $PPID; pwd; [ -z "${a-}" ] || echo "a is $a"; type f >/dev/null 2>&1 && echo f; :`); now[:len(before)] != before || strings.Contains(now, "a is") || strings.HasSuffix(now, "f\n") {
				t.Fatalf("after %q: %q, before: %q", text, now, before)
			}
		}
		for text, status := range map[string]int{"exit 3": 3, "echo why >&2; false": 1, "(": 2, "no-such-program": 127, "kill -9 $(exec sh -c 'echo $PPID')": 137} {
			_, err := c.Script(within(t, 10*time.Second), text)
			var exit *sshclient.ExitError
			if !errors.As(err, &exit) || exit.Status != status || strings.Contains(text, "why") && exit.Stderr != "why\n" {
				t.Errorf("%q: %#v", text, err)
			}
			if now := script(t, c, "echo $PPID; pwd"); now != before {
				t.Errorf("after %q it is another shell", text)
			}
		}
	})
}

func TestScriptOutputIsKeptAsItIs(t *testing.T) {
	servers(t, func(t *testing.T, s *sshtest.Server) {
		c := connect(t, s)
		var want bytes.Buffer
		for n := range 1 << 16 {
			want.WriteByte(byte(n >> 8))
			want.WriteByte(byte(n))
		}
		file := filepath.Join(t.TempDir(), "bytes")
		if err := os.WriteFile(file, want.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := script(t, c, "cat "+file); got != want.String() {
			t.Errorf("%d bytes came of %d, or others", len(got), want.Len())
		}
		out, err := c.Script(within(t, 20*time.Second), "head -c 5000000 /dev/zero; head -c 5000000 /dev/zero >&2")
		if !errors.Is(err, sshclient.ErrOutput) || len(out) != 4<<20 {
			t.Errorf("%d bytes, %v", len(out), err)
		}
		if got := script(t, c, "echo a; echo b >&2"); got != "a\n" {
			t.Errorf("got %q", got)
		}
	})
}

// Text comes as it is printed, but for its last line feeds.
func TestText(t *testing.T) {
	servers(t, func(t *testing.T, s *sshtest.Server) {
		c := connect(t, s)
		for text, want := range map[string]string{
			`printf '%s\n\n' '\040 %s \n $x "q"'`: `\040 %s \n $x "q"` + "\n", "cat; o=1; cd /": "\n", "printf 'a\nb'": "a\nb\n", "": "\n",
		} {
			if out, err := c.Text(within(t, 10*time.Second), text); err != nil || string(out) != want {
				t.Errorf("%q: %q, %v", text, out, err)
			}
		}
		out, err := c.Text(within(t, 10*time.Second), "echo out; echo why >&2; exit 3")
		var exit *sshclient.ExitError
		if !errors.As(err, &exit) || exit.Status != 3 || exit.Stderr != "why\n" || string(out) != "out\n" {
			t.Errorf("%q, %#v", out, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if _, err := c.Text(ctx, "sleep 60"); !errors.Is(err, sshclient.ErrTimeout) {
			t.Errorf("got %v", err)
		}
	})
}

func TestScriptThatHangsEndsItsShell(t *testing.T) {
	servers(t, func(t *testing.T, s *sshtest.Server) {
		c := connect(t, s)
		before := script(t, c, "echo $PPID $$")
		for _, text := range []string{"echo first; sleep 60", "echo first; while :; do :; done", "echo first; while :; do echo more; done"} {
			ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
			start := time.Now()
			out, err := c.Script(ctx, text)
			cancel()
			if !errors.Is(err, sshclient.ErrTimeout) || !strings.HasPrefix(string(out), "first\n") || len(out) > 4<<20 {
				t.Fatalf("%q: %d bytes, %v", text, len(out), err)
			}
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("%q: it took %v", text, d)
			}
			// As root sshd sends no signals: then nothing less ends the script.
			if !c.Alive() {
				c = connect(t, s)
			}
			if after := script(t, c, "echo $PPID $$"); after == before {
				t.Errorf("%q: its shell lives on", text)
			} else {
				before = after
			}
		}
		stop := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(200*time.Millisecond, func() { cancel(stop) })
		if _, err := c.Script(ctx, "sleep 60"); !errors.Is(err, stop) {
			t.Errorf("cancelled: %v", err)
		}
		if _, err := c.Script(ctx, "echo"); !errors.Is(err, stop) {
			t.Errorf("with an ended context: %v", err)
		}
	})
}

// A shell that somebody ends takes the script with it and nothing else.
func TestShellThatIsKilled(t *testing.T) {
	servers(t, func(t *testing.T, s *sshtest.Server) {
		c := connect(t, s)
		script(t, c, "true")
		if _, err := c.Script(within(t, 10*time.Second), "kill -9 $$; sleep 0.2"); err == nil || errors.Is(err, sshclient.ErrTimeout) {
			t.Fatalf("got %v", err)
		}
		if got := script(t, c, "echo again"); got != "again\n" {
			t.Errorf("got %q", got)
		}
		script(t, c, "(sleep 0.1; kill -9 $$) >/dev/null 2>&1 &")
		time.Sleep(300 * time.Millisecond)
		if got := script(t, c, "echo again"); got != "again\n" {
			t.Errorf("got %q", got)
		}
	})
}

// Scripts side by side are not held up by one that takes its time.
func TestScriptsSideBySide(t *testing.T) {
	servers(t, func(t *testing.T, s *sshtest.Server) {
		c := connect(t, s)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = c.Script(ctx, "sleep 60") })
		time.Sleep(100 * time.Millisecond)
		for n := range 8 {
			wg.Go(func() {
				want := strings.Repeat("x", n) + "\n"
				if out, err := c.Script(within(t, 10*time.Second), "echo "+want); err != nil || string(out) != want {
					t.Errorf("got %q, %v", out, err)
				}
			})
		}
		time.AfterFunc(time.Second, cancel)
		wg.Wait()
	})
}

func TestScriptOverALostConnection(t *testing.T) {
	s := sshtest.Start(t, sshtest.Shell(t.TempDir()))
	tg, dials, cut := counted(s)
	p := sshclient.NewPool()
	defer func() { _ = p.Close() }()
	for n := range 3 {
		if out, err := p.Script(within(t, 10*time.Second), tg, "echo a"); err != nil || string(out) != "a\n" {
			t.Fatalf("got %q, %v", out, err)
		}
		if int(dials.Load()) != n+1 {
			t.Errorf("%d connections after %d cuts", dials.Load(), n)
		}
		cut()
	}
}

// TestShells keeps each POSIX shell of this machine, behind a login shell that
// greets and one that is no POSIX shell.
func TestShells(t *testing.T) {
	for _, argv := range [][]string{{"dash"}, {"busybox", "sh"}, {"bash", "--posix"}} {
		t.Run(argv[0], func(t *testing.T) {
			path, err := exec.LookPath(argv[0])
			if err != nil {
				t.Skipf("NOT RUN: %s is not installed here", argv[0])
			}
			argv = append([]string{path}, argv[1:]...)
			s := sshtest.Start(t, sshtest.Login("echo Welcome; echo to you >&2", argv))
			c := connect(t, s)
			for range 2 {
				if got := script(t, c, "printf 'a\\0b'; echo c >&2"); got != "a\x00b" {
					t.Errorf("got %q", got)
				}
			}
			_, err = c.Script(within(t, 10*time.Second), "echo no >&2; exit 9")
			var exit *sshclient.ExitError
			if !errors.As(err, &exit) || exit.Status != 9 || exit.Stderr != "no\n" {
				t.Errorf("got %#v", err)
			}
		})
	}
}

func TestNoShellThere(t *testing.T) {
	s := sshtest.Start(t, sshtest.Login("echo This account is not available >&2; exit 1", []string{"true"}))
	_, err := connect(t, s).Script(within(t, 10*time.Second), "true")
	var exit *sshclient.ExitError
	if !errors.As(err, &exit) || exit.Status != 1 || exit.Stderr != "This account is not available\n" || !strings.Contains(err.Error(), "not available") {
		t.Errorf("got %v", err)
	}
	s = sshtest.Start(t, sshtest.Login("exec cat", []string{"true"}))
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := connect(t, s).Script(ctx, "true"); !errors.Is(err, sshclient.ErrTimeout) {
		t.Errorf("got %v", err)
	}
}
