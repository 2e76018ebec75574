package sshclient_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"skysail/internal/sshtest"
	"skysail/qos/sshclient"
)

func jump(s *sshtest.Server) sshclient.Jump {
	return sshclient.Jump{Addr: s.Addr, User: s.User, HostKey: s.HostKey, KeyFile: s.KeyFile}
}

// socks is a SOCKS5 proxy (RFC 1928) that counts what it connected.
func socks(t *testing.T) (addr string, passed *atomic.Int32) {
	t.Helper()
	passed = new(atomic.Int32)
	return listen(t, func(c net.Conn) {
		defer func() { _ = c.Close() }()
		b := make([]byte, 262)
		if _, err := io.ReadFull(c, b[:2]); err != nil {
			return
		}
		_, _ = io.ReadFull(c, b[:b[1]])
		_, _ = c.Write([]byte{5, 0})
		if _, err := io.ReadFull(c, b[:4]); err != nil || b[3] != 1 {
			return
		}
		_, _ = io.ReadFull(c, b[:6])
		to := net.JoinHostPort(net.IP(b[:4]).String(), strconv.Itoa(int(binary.BigEndian.Uint16(b[4:6]))))
		up, err := net.Dial("tcp", to)
		if err != nil {
			_, _ = c.Write([]byte{5, 5, 0, 1, 0, 0, 0, 0, 0, 0})
			return
		}
		defer func() { _ = up.Close() }()
		passed.Add(1)
		_, _ = c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		go func() { _, _ = io.Copy(up, c); _ = up.Close() }()
		_, _ = io.Copy(c, up)
	}), passed
}

func TestRoute(t *testing.T) {
	first, second, last := sshtest.OpenSSH(t), sshtest.OpenSSH(t), sshtest.OpenSSH(t)
	proxy, passed := socks(t)
	tg := target(last)
	for name, via := range map[string]sshclient.Route{
		"one":             {Jumps: []sshclient.Jump{jump(first)}},
		"chain":           {Jumps: []sshclient.Jump{jump(first), jump(second)}},
		"SOCKS5":          {SOCKS5: proxy},
		"SOCKS5 and jump": {SOCKS5: proxy, Jumps: []sshclient.Jump{jump(second)}},
	} {
		t.Run(name, func(t *testing.T) {
			tg.Via = via
			before := passed.Load()
			out, err := sshclient.Run(within(t, 20*time.Second), tg, "echo $SSH_CONNECTION", nil)
			if err != nil {
				t.Fatal(err)
			}
			if port := portOf(t, last.Addr); !strings.HasSuffix(strings.TrimSpace(string(out)), " "+port) {
				t.Errorf("it ran at %q, and not at port %s", out, port)
			}
			if (via.SOCKS5 != "") != (passed.Load() > before) {
				t.Error("it did not go through the proxy, or did without being told")
			}
			if err := via.Check(within(t, 20*time.Second)); err != nil {
				t.Error(err)
			}
			if err := sshclient.WaitReady(within(t, 20*time.Second), tg); err != nil {
				t.Error(err)
			}
			conn, err := sshclient.Dial(within(t, 20*time.Second), tg, last.Addr)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if hello := make([]byte, 4); !readFull(conn, hello) || string(hello) != "SSH-" {
				t.Errorf("a forwarded port said %q", hello)
			}
		})
	}
}

func readFull(r io.Reader, b []byte) bool { _, err := io.ReadFull(r, b); return err == nil }

func portOf(t *testing.T, addr string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// All targets behind a jump host share one connection to it; when that breaks
// they all come back over one other.
func TestPoolSharesJumpHosts(t *testing.T) {
	bastion, inner := sshtest.OpenSSH(t), sshtest.OpenSSH(t)
	p := sshclient.NewPool()
	defer func() { _ = p.Close() }()
	behind, dials, cut := counted(bastion)
	var targets []sshclient.Target
	for range 4 {
		tg := target(sshtest.Start(t, sshtest.Shell(t.TempDir())))
		tg.Via = sshclient.Route{Jumps: []sshclient.Jump{jump(bastion), jump(inner)}}
		tg.Dial = behind.Dial
		targets = append(targets, tg)
	}
	for n := range 2 {
		var wg sync.WaitGroup
		for i, tg := range targets {
			wg.Go(func() {
				want := strconv.Itoa(i) + "\n"
				if out, err := p.Script(within(t, 20*time.Second), tg, "echo "+want); err != nil || string(out) != want {
					t.Errorf("got %q, %v", out, err)
				}
			})
		}
		wg.Wait()
		if int(dials.Load()) != n+1 {
			t.Errorf("%d connections to the first jump host after %d cuts", dials.Load(), n)
		}
		if n == 0 {
			cut()
			time.Sleep(200 * time.Millisecond) // until it is known
		}
	}
}

func TestJumpHostThatIsAnother(t *testing.T) {
	first, second, last := sshtest.OpenSSH(t), sshtest.OpenSSH(t), sshtest.OpenSSH(t)
	for n := range 2 {
		jumps := []sshclient.Jump{jump(first), jump(second)}
		jumps[n].HostKey = sshtest.NewKey(t).Public
		tg := target(last)
		tg.Via.Jumps = jumps
		start := time.Now()
		err := sshclient.WaitReady(within(t, 20*time.Second), tg, sshclient.WithHostKeyGrace(20*time.Second))
		if !errors.Is(err, sshclient.ErrPath) || !errors.Is(err, sshclient.ErrHostKey) || !sshclient.Final(err) || time.Since(start) > 10*time.Second {
			t.Fatalf("jump host %d: %v", n, err)
		}
		wellSaid(t, err, "the jump host "+jumps[n].Addr+" does not let through: the host key of")
		if err := tg.Via.Check(within(t, 20*time.Second)); !errors.Is(err, sshclient.ErrHostKey) {
			t.Errorf("jump host %d: it is not found before: %v", n, err)
		}
	}
}

func TestWhatIsWrongOnTheWay(t *testing.T) {
	bastion, last := sshtest.OpenSSH(t), sshtest.OpenSSH(t)
	gone := sshtest.Start(t, nil)
	gone.Close()
	proxy, _ := socks(t)
	noSOCKS := listen(t, func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n"); _ = c.Close() })
	wrongKey, noKey := jump(bastion), jump(bastion)
	wrongKey.KeyFile = sshtest.NewKey(t).WriteFile(t)
	noKey.KeyFile = ""
	t.Setenv("SSH_AUTH_SOCK", "")
	forbidden := sshtest.OpenSSH(t, "AllowTcpForwarding no")
	for name, c := range map[string]struct {
		via    sshclient.Route
		addr   string
		kind   error
		blames string
	}{
		"the jump host is down":        {sshclient.Route{Jumps: []sshclient.Jump{jump(gone)}}, last.Addr, sshclient.ErrPath, "the jump host " + gone.Addr + " does not let through: connect to " + gone.Addr + ": connection refused"},
		"the second jump host is down": {sshclient.Route{Jumps: []sshclient.Jump{jump(bastion), jump(gone)}}, last.Addr, sshclient.ErrPath, "the jump host " + gone.Addr + " does not let through: connect to " + gone.Addr + " from the jump host " + bastion.Addr},
		"the target is down":           {sshclient.Route{Jumps: []sshclient.Jump{jump(bastion)}}, gone.Addr, sshclient.ErrRefused, "connect to " + gone.Addr + " from the jump host " + bastion.Addr + ": connection refused"},
		"the key is refused":           {sshclient.Route{Jumps: []sshclient.Jump{wrongKey}}, last.Addr, sshclient.ErrPath, "refused the key for user"},
		"no key":                       {sshclient.Route{Jumps: []sshclient.Jump{noKey}}, last.Addr, sshclient.ErrPath, "SSH_AUTH_SOCK"},
		"no forwarding":                {sshclient.Route{Jumps: []sshclient.Jump{jump(forbidden)}}, last.Addr, sshclient.ErrPath, "the jump host forwards no connections"},
		"the proxy is down":            {sshclient.Route{SOCKS5: gone.Addr}, last.Addr, sshclient.ErrPath, "the SOCKS5 proxy " + gone.Addr + " cannot be reached"},
		"it is no proxy":               {sshclient.Route{SOCKS5: noSOCKS}, last.Addr, sshclient.ErrPath, "through the SOCKS5 proxy " + noSOCKS},
		"down behind the proxy":        {sshclient.Route{SOCKS5: proxy}, gone.Addr, sshclient.ErrRefused, "through the SOCKS5 proxy " + proxy + ": connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			tg := target(last)
			tg.Addr, tg.Via = c.addr, c.via
			_, err := sshclient.Connect(within(t, 10*time.Second), tg)
			if !errors.Is(err, c.kind) || errors.Is(err, sshclient.ErrPath) != errors.Is(c.kind, sshclient.ErrPath) {
				t.Fatalf("got %v", err)
			}
			wellSaid(t, err, c.blames)
		})
	}
}

// A jump host that dies without a word holds nobody up for longer than a second.
func TestJumpHostThatFallsSilent(t *testing.T) {
	bastion := sshtest.OpenSSH(t)
	var cut atomic.Bool
	j := jump(bastion)
	j.Addr = line(t, bastion.Addr, &cut)
	tg := target(sshtest.Start(t, sshtest.Shell(t.TempDir())))
	tg.Via.Jumps = []sshclient.Jump{j}
	p := sshclient.NewPool(sshclient.WithConnectTimeout(2*time.Second), sshclient.WithKeepalive(500*time.Millisecond))
	defer func() { _ = p.Close() }()
	if _, err := p.Script(within(t, 10*time.Second), tg, "true"); err != nil {
		t.Fatal(err)
	}
	cut.Store(true)
	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	if _, err := p.Script(ctx, tg, "true"); err == nil {
		t.Error("it ran")
	}
	if d := time.Since(start); d > 7*time.Second {
		t.Errorf("it took %v", d)
	}
}

func TestJumpByAgent(t *testing.T) {
	bastion, last := sshtest.OpenSSH(t), sshtest.OpenSSH(t)
	private, err := ssh.ParseRawPrivateKey(bastion.Key.PEM)
	if err != nil {
		t.Fatal(err)
	}
	keys := agent.NewKeyring()
	if err := keys.Add(agent.AddedKey{PrivateKey: private}); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", t.TempDir()+"/agent")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSH_AUTH_SOCK", l.Addr().String())
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { _ = agent.ServeAgent(keys, c); _ = c.Close() })
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	j := jump(bastion)
	j.KeyFile = ""
	tg := target(last)
	tg.Via.Jumps = []sshclient.Jump{j}
	if _, err := sshclient.Run(within(t, 20*time.Second), tg, "true", nil); err != nil {
		t.Fatal(err)
	}
}
