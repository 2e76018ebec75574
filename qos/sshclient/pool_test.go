package sshclient_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"skysail/internal/sshtest"
	"skysail/qos/sshclient"
)

// counted is a target that counts connections and can cut the last one.
func counted(s *sshtest.Server) (tg sshclient.Target, dials *atomic.Int32, cut func()) {
	dials = new(atomic.Int32)
	var mu sync.Mutex
	var last net.Conn
	tg = target(s)
	tg.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		dials.Add(1)
		var d net.Dialer
		c, err := d.DialContext(ctx, network, addr)
		mu.Lock()
		defer mu.Unlock()
		last = c
		return c, err
	}
	return tg, dials, func() {
		mu.Lock()
		defer mu.Unlock()
		_ = last.Close()
	}
}

func TestPoolKeepsConnections(t *testing.T) {
	s := sshtest.Start(t, sshtest.Shell(t.TempDir()))
	tg, dials, cut := counted(s)
	p := sshclient.NewPool()
	defer func() { _ = p.Close() }()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if out, err := p.Run(within(t, 10*time.Second), tg, "echo a", nil); err != nil || string(out) != "a\n" {
				t.Errorf("got %q, %v", out, err)
			}
		})
	}
	wg.Wait()
	if n := dials.Load(); n != 1 {
		t.Errorf("%d connections for one target", n)
	}
	cut()
	if out, err := p.Run(within(t, 10*time.Second), tg, "echo b", nil); err != nil || string(out) != "b\n" {
		t.Errorf("after a cut: %q, %v", out, err)
	}
	if n := dials.Load(); n != 2 {
		t.Errorf("%d connections after one cut", n)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if _, err := p.Run(t.Context(), tg, "true", nil); !errors.Is(err, sshclient.ErrPoolClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestPoolDoesNotRepeatInput(t *testing.T) {
	s := sshtest.Start(t, sshtest.Shell(t.TempDir()))
	tg, dials, cut := counted(s)
	p := sshclient.NewPool()
	defer func() { _ = p.Close() }()
	time.AfterFunc(200*time.Millisecond, cut)
	_, err := p.Run(within(t, 10*time.Second), tg, "cat; sleep 60", strings.NewReader("once"))
	if !errors.Is(err, sshclient.ErrLost) || dials.Load() != 1 {
		t.Errorf("got %v after %d connections", err, dials.Load())
	}
}

func TestPoolCloseEndsCommands(t *testing.T) {
	s := sshtest.Start(t, sshtest.Shell(t.TempDir()))
	p := sshclient.NewPool()
	time.AfterFunc(200*time.Millisecond, func() { _ = p.Close() })
	_, err := p.Run(within(t, 10*time.Second), target(s), "sleep 60", nil)
	if !errors.Is(err, sshclient.ErrLost) && !errors.Is(err, sshclient.ErrPoolClosed) {
		t.Errorf("got %v", err)
	}
}
