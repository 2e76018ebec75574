package sshclient_test

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"skysail/internal/sshtest"
	"skysail/qos/sshclient"
)

func TestWaitReady(t *testing.T) {
	servers(t, func(t *testing.T, s *sshtest.Server) {
		if err := sshclient.WaitReady(within(t, 10*time.Second), target(s)); err != nil {
			t.Fatal(err)
		}
	})
}

// TestWaitReadyWaits starts the server late: first nobody listens, then
// something that hangs up.
func TestWaitReadyWaits(t *testing.T) {
	s := sshtest.Start(t, sshtest.Shell(t.TempDir()))
	nobody := sshtest.Start(t, nil)
	nobody.Close()
	hangsUp := listen(t, func(c net.Conn) { _ = c.Close() })
	tries := 0
	tg := target(s)
	tg.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		tries++
		var d net.Dialer
		switch {
		case tries < 3:
			return d.DialContext(ctx, network, nobody.Addr)
		case tries < 4:
			return d.DialContext(ctx, network, hangsUp)
		default:
			return d.DialContext(ctx, network, s.Addr)
		}
	}
	if err := sshclient.WaitReady(within(t, 10*time.Second), tg); err != nil {
		t.Fatal(err)
	}
	if tries != 4 {
		t.Errorf("%d tries", tries)
	}
}

func TestWaitReadySaysTheLastCause(t *testing.T) {
	s := sshtest.Start(t, nil)
	s.Close()
	err := sshclient.WaitReady(within(t, 300*time.Millisecond), target(s))
	if !errors.Is(err, sshclient.ErrRefused) || !strings.Contains(err.Error(), "not ready for SSH in time") {
		t.Fatalf("got %v", err)
	}
	wellSaid(t, err, "connection refused")

	// Dialling may notice the end before the context does.
	tg := target(s)
	tries := 0
	tg.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if tries++; tries > 1 {
			<-ctx.Done()
			return nil, os.ErrDeadlineExceeded
		}
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	if err := sshclient.WaitReady(within(t, 300*time.Millisecond), tg); !errors.Is(err, sshclient.ErrRefused) {
		t.Fatalf("got %v", err)
	}

	// A server that says nothing uses up the whole time: that is the cause.
	tg = target(s)
	tg.Addr = listen(t, func(net.Conn) {})
	if err = sshclient.WaitReady(within(t, 300*time.Millisecond), tg); !errors.Is(err, sshclient.ErrTimeout) {
		t.Fatalf("got %v", err)
	}
}

func TestWaitReadyWrongHostKeyIsFinal(t *testing.T) {
	servers(t, func(t *testing.T, s *sshtest.Server) {
		tg := target(s)
		tg.HostKey = sshtest.NewKey(t).Public
		start := time.Now()
		err := sshclient.WaitReady(within(t, 10*time.Second), tg)
		if !errors.Is(err, sshclient.ErrHostKey) || time.Since(start) > 3*time.Second {
			t.Fatalf("after %v: %v", time.Since(start), err)
		}
	})
}

// TestWaitReadyHostKeyGrace is an image whose own key shows until cloud-init
// wrote the pinned one.
func TestWaitReadyHostKeyGrace(t *testing.T) {
	before, after := sshtest.Start(t, nil), sshtest.Start(t, nil)
	tries := 0
	tg := target(after)
	tg.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		addr := before.Addr
		if tries++; tries > 2 {
			addr = after.Addr
		}
		var d net.Dialer
		return d.DialContext(ctx, network, addr)
	}
	if err := sshclient.WaitReady(within(t, 10*time.Second), tg, sshclient.WithHostKeyGrace(5*time.Second)); err != nil {
		t.Fatal(err)
	}
	tries = -1000
	err := sshclient.WaitReady(within(t, 10*time.Second), tg, sshclient.WithHostKeyGrace(300*time.Millisecond))
	if !errors.Is(err, sshclient.ErrHostKey) {
		t.Fatalf("got %v", err)
	}
}

func TestWaitReadyCancelled(t *testing.T) {
	s := sshtest.Start(t, nil)
	s.Close()
	stop := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(150*time.Millisecond, func() { cancel(stop) })
	if err := sshclient.WaitReady(ctx, target(s)); !errors.Is(err, stop) {
		t.Fatalf("got %v", err)
	}
}
