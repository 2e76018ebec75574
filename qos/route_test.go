package qos_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"
	"time"

	"skysail/internal/sshtest"
	"skysail/qos"
	"skysail/qos/sshclient"
	"skysail/spec"
)

// TestThroughJumpHosts does everything that is done over SSH behind two jump
// hosts.
func TestThroughJumpHosts(t *testing.T) {
	first, second, last := sshtest.OpenSSH(t), sshtest.OpenSSH(t), sshtest.OpenSSH(t)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "well") }))
	defer web.Close()
	u, err := url.Parse(web.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	var via sshclient.Route
	for _, s := range []*sshtest.Server{first, second} {
		via.Jumps = append(via.Jumps, sshclient.Jump{Addr: s.Addr, User: s.User, HostKey: s.HostKey, KeyFile: s.KeyFile})
	}
	tg := remote(last)
	tg.SSH.Via = via
	tg.Address, tg.HealthPort = "192.0.2.1", qos.HealthPort{Number: port} // not public: asked through SSH
	tg.Health = &spec.Health{HTTP: &spec.HTTPHealth{Port: "http", Path: "/"}}
	ctx := within(t, 50*time.Second)
	reached(ctx, t, tg)
	pool := sshclient.NewPool()
	defer func() { _ = pool.Close() }()
	for _, connections := range []*sshclient.Pool{nil, pool} {
		res := qos.NewCollector(qos.Options{Connections: connections, Timeout: 30 * time.Second}).Collect(ctx, []qos.Target{tg})
		if up(t, res, "ssh") != 1 || one(t, res, "probe_success").Value != 1 {
			t.Errorf("collected: %+v", res.Reports)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- qos.ForwardSSH(served, tg, l, port, nil) }()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "well" {
		t.Errorf("forwarded: %q, %v", b, err)
	}
	_ = resp.Body.Close()
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	conn, err := qos.DialSSH(ctx, tg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	hello := make([]byte, 8)
	if _, err := io.ReadFull(conn, hello); err != nil || string(hello) != "SSH-2.0-" {
		t.Errorf("the way for OpenSSH: %q, %v", hello, err)
	}
}
