package sshclient_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"skysail/internal/sshtest"
	"skysail/qos/sshclient"
)

// A machine of which nothing comes any more fails within its deadline, and no
// other is held up; when it is back it is read again.
func TestMachineThatFallsSilent(t *testing.T) {
	silent, well := sshtest.Namespace(t), sshtest.Namespace(t)
	p := sshclient.NewPool(sshclient.WithKeepalive(300*time.Millisecond), sshclient.WithConnectTimeout(2*time.Second))
	defer func() { _ = p.Close() }()
	poll := func(m *sshtest.Machine, d time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		tg := sshclient.Target{Addr: m.Addr, User: m.User, HostKey: m.HostKey, KeyFile: m.KeyFile}
		out, err := p.Text(ctx, tg, "echo hello")
		if err == nil && string(out) != "hello\n" {
			t.Errorf("%s: %q", m.Addr, out)
		}
		return err
	}
	for _, m := range []*sshtest.Machine{silent, well} {
		if err := poll(m, 20*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	silent.Cut()
	ended := make(chan error, 1)
	begun := time.Now()
	go func() { ended <- poll(silent, 5*time.Second) }()
	polls := 0
	for err := error(nil); err == nil; polls++ {
		if err := poll(well, 5*time.Second); err != nil {
			t.Fatalf("the other machine: %v", err)
		}
		select {
		case err = <-ended:
			if !errors.Is(err, sshclient.ErrLost) && !errors.Is(err, sshclient.ErrTimeout) {
				t.Errorf("got %v", err)
			}
			if err == nil {
				t.Fatal("it answered")
			}
		default:
		}
	}
	if d := time.Since(begun); polls < 3 || d > 15*time.Second {
		t.Errorf("%d polls of the other one in %v", polls, d)
	}
	if err := poll(silent, 5*time.Second); !errors.Is(err, sshclient.ErrTimeout) {
		t.Errorf("a new connection: %v", err)
	}
	silent.Mend()
	if err := poll(silent, 20*time.Second); err != nil {
		t.Errorf("it is back: %v", err)
	}
}
