package sshclient_test

import (
	"bufio"
	"errors"
	"net"
	"testing"
	"time"

	"skysail/internal/sshtest"
	"skysail/qos/internal/probetest"
	"skysail/qos/sshclient"
)

func TestDialThroughSSH(t *testing.T) {
	echo := probetest.Wire(t, probetest.Say("hello\n"))
	closed := probetest.Closed(t)
	for name, start := range map[string]func(testing.TB) *sshtest.Server{
		"in process": func(t testing.TB) *sshtest.Server { return sshtest.Start(t, nil) },
		"OpenSSH":    func(t testing.TB) *sshtest.Server { return sshtest.OpenSSH(t) },
		"dropbear":   sshtest.Dropbear,
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			tg, dials, cut := counted(s)
			p := sshclient.NewPool()
			defer func() { _ = p.Close() }()
			say := func() {
				t.Helper()
				c, err := p.Dial(within(t, 10*time.Second), tg, echo)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = c.Close() }()
				if line, err := bufio.NewReader(c).ReadString('\n'); line != "hello\n" {
					t.Errorf("%q, %v", line, err)
				}
			}
			say()
			say()
			if n := dials.Load(); n != 1 {
				t.Errorf("%d SSH connections for two", n)
			}
			if _, err := p.Dial(within(t, 10*time.Second), tg, closed); !errors.Is(err, sshclient.ErrForward) {
				t.Errorf("a closed port: %v", err)
			}
			say() // the refusal cost the connection nothing
			cut()
			say()
			if n := dials.Load(); n != 2 {
				t.Errorf("%d SSH connections after a cut", n)
			}
			one, err := sshclient.Dial(within(t, 10*time.Second), tg, echo)
			if err != nil {
				t.Fatal(err)
			}
			_ = one.Close()
			if n := dials.Load(); n != 3 {
				t.Errorf("%d SSH connections with one of its own", n)
			}
		})
	}
	s := sshtest.Start(t, nil)
	p := sshclient.NewPool()
	defer func() { _ = p.Close() }()
	if _, err := p.Dial(within(t, 10*time.Second), target(s), "127.0.0.2:1"); !errors.Is(err, sshclient.ErrForbidden) {
		t.Errorf("what the server does not allow: %v", err)
	}
	if _, err := p.Dial(within(t, 400*time.Millisecond), target(s), probetest.Blackhole(t)); !errors.Is(err, sshclient.ErrPortSilent) {
		t.Errorf("a port that swallows connections: %v", err)
	}
	s.Close()
	var refused net.Error
	if _, err := p.Dial(within(t, 10*time.Second), target(s), echo); err == nil || errors.As(err, &refused) && refused.Timeout() {
		t.Errorf("no SSH server: %v", err)
	}
}
