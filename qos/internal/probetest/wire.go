package probetest

import (
	"context"
	"crypto/tls"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Wire serves each connection with handle until the test ends, and returns
// the address. A connection is closed when handle returns.
func Wire(t testing.TB, handle func(net.Conn)) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[c] = true
			mu.Unlock()
			running.Go(func() {
				handle(c)
				_ = c.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		running.Wait()
	})
	return l.Addr().String()
}

// Say sends b at once and ends the connection when the other side does.
func Say(b string) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = c.Write([]byte(b))
		Hold(c)
	}
}

// Drip sends b a byte at a time.
func Drip(b string, pause time.Duration) func(net.Conn) {
	return func(c net.Conn) {
		for i := range len(b) {
			if _, err := c.Write([]byte{b[i]}); err != nil {
				return
			}
			time.Sleep(pause)
		}
		Hold(c)
	}
}

// Endless sends head and then filler for as long as it is taken.
func Endless(head, filler string) func(net.Conn) {
	return func(c net.Conn) {
		if _, err := c.Write([]byte(head)); err != nil {
			return
		}
		for {
			if _, err := c.Write([]byte(filler)); err != nil {
				return
			}
		}
	}
}

// Hold reads what comes until the other side ends, and says nothing.
func Hold(c net.Conn) {
	b := make([]byte, 4<<10)
	for {
		if _, err := c.Read(b); err != nil {
			return
		}
	}
}

// Secure serves the connection by TLS.
func Secure(config *tls.Config, handle func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) {
		s := tls.Server(c, config)
		if s.HandshakeContext(context.Background()) == nil {
			handle(s)
		}
	}
}

// Closed returns an address on which nothing listens.
func Closed(t testing.TB) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	return addr
}

// Blackhole returns an address that takes no connection and refuses none: its
// queue of connections that nobody accepts is full.
func Blackhole(t testing.TB) string {
	t.Helper()
	return blackhole(t)
}

// Port is the port of an address.
func Port(t testing.TB, addr string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
