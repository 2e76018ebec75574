package guest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"skysail/internal/reexec"
	"skysail/internal/supervise/proc"
	"skysail/sandbox/vm/guest"
)

func TestMain(m *testing.M) {
	reexec.Main()
	// The race detector makes each process sleep for a second at its end.
	_ = os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	os.Exit(m.Run())
}

// both runs a test in a network of its own, where there is one, and in this
// machine's. A guest is the parent of all orphans of its process, so these
// tests start no processes otherwise.
func both(t *testing.T, test func(t *testing.T, g *guest.Guest, mark string)) {
	for _, network := range []guest.Network{guest.Auto, guest.Host} {
		t.Run("network="+string(network), func(t *testing.T) {
			mark := "SKYSAIL_GUEST_TEST=" + t.TempDir()
			g, err := guest.Start(t.Context(), guest.Options{Socket: filepath.Join(t.TempDir(), "s"), Mark: mark, Network: network})
			if err != nil {
				t.Fatal(err)
			}
			if own, why := g.Isolated(); !own && network == guest.Auto {
				t.Log("no network of its own here, so this machine's is tested twice:", why)
			}
			test(t, g, mark)
			if err := g.Close(); err != nil {
				t.Error(err)
			}
			if left, err := proc.WithEnv(mark); err != nil || len(left) > 0 {
				t.Errorf("after Close there runs %s, %v", proc.Names(left), err)
			}
		})
	}
}

func shell(line string) guest.Command {
	return guest.Command{Argv: []string{"/bin/sh", "-c", line}, Env: []string{"PATH=/usr/bin:/bin"}}
}

func TestRun(t *testing.T) {
	both(t, func(t *testing.T, g *guest.Guest, mark string) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		c := shell("pwd; exit 3")
		c.Dir, c.Stdout = t.TempDir(), w
		exit, err := g.Run(t.Context(), c)
		_ = w.Close()
		out, readErr := io.ReadAll(r)
		_ = r.Close()
		if err != nil || readErr != nil || exit.Code != 3 || strings.TrimSpace(string(out)) != c.Dir {
			t.Errorf("%+v, %v, %q, %v", exit, err, out, readErr)
		}
		if exit, err := g.Run(t.Context(), shell("kill -TERM $$")); err != nil || exit.Signal != "TERM" || exit.Code != 143 {
			t.Errorf("%+v, %v", exit, err)
		}
		if _, err := g.Run(t.Context(), guest.Command{Argv: []string{"/nonexistent"}}); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a program that is not there: %v", err)
		}
	})
}

func TestRunEndsWithItsContext(t *testing.T) {
	both(t, func(t *testing.T, g *guest.Guest, mark string) {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		began := time.Now()
		_, err := g.Run(ctx, shell("trap '' TERM; sleep 60 & sleep 60; sleep 60"))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it took %s", took)
		}
		left, err := proc.WithEnv(mark)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range left {
			if p.Name == "sleep" {
				t.Errorf("%s still runs", p)
			}
		}
	})
}

func TestDial(t *testing.T) {
	both(t, func(t *testing.T, g *guest.Guest, _ string) {
		own, _ := g.Isolated()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		c, err := g.Dial(t.Context(), l.Addr().(*net.TCPAddr).Port)
		if own {
			if !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("a port of this machine from a network of its own: %v", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
	})
}

func TestLeftoversEndWithThePlace(t *testing.T) {
	if _, err := os.Stat("/proc/self/cmdline"); err != nil {
		t.Skip("this system does not tell of processes that hide their environment: ", err)
	}
	both(t, func(t *testing.T, g *guest.Guest, _ string) {
		// A daemon that left its parent and its environment, and one that
		// left only its parent.
		length := fmt.Sprintf("61.%d", os.Getpid())
		if exit, err := g.Run(t.Context(), shell("env -i /bin/sh -c 'sleep "+length+" & '; sleep "+length+" &")); err != nil || exit.Code != 0 {
			t.Fatalf("%+v, %v", exit, err)
		}
		for end := time.Now().Add(10 * time.Second); sleepers(t, length) != 2; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d of 2 daemons run", sleepers(t, length))
			}
		}
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
		if n := sleepers(t, length); n != 0 {
			t.Errorf("%d daemons still run", n)
		}
	})
}

func sleepers(t *testing.T, length string) int {
	t.Helper()
	all, err := proc.List()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, p := range all {
		if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.PID)); err == nil && string(b) == "sleep\x00"+length+"\x00" {
			n++
		}
	}
	return n
}
