// Package proxy is the HTTP proxy of the sandbox: connections to the hosts of
// simulated clouds end at the simulated APIs, and to every other host it
// refuses to connect. So a program that is pointed at it reaches no cloud.
package proxy

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Proxy serves CONNECT requests. It implements http.Handler.
type Proxy struct {
	certs   map[string]*tls.Certificate
	hosts   []string
	log     *slog.Logger
	inner   *http.Server
	tunnels *tunnels
	done    chan struct{} // closed when nothing is served any more
}

// New makes a proxy that answers for the hosts with their handlers. Close
// must be called when it is no longer used.
func New(a *Authority, hosts map[string]http.Handler, log *slog.Logger) (*Proxy, error) {
	p := &Proxy{
		certs:   make(map[string]*tls.Certificate, len(hosts)),
		log:     log,
		tunnels: &tunnels{conns: make(chan net.Conn), closed: make(chan struct{})},
		done:    make(chan struct{}),
	}
	for h := range hosts {
		cert, err := a.leaf(h, time.Now())
		if err != nil {
			return nil, fmt.Errorf("certificate for %s: %w", h, err)
		}
		p.certs[h] = cert
		p.hosts = append(p.hosts, h)
	}
	slices.Sort(p.hosts)
	p.inner = &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			host, _ := r.Context().Value(hostKey{}).(string)
			hosts[host].ServeHTTP(w, r)
		}),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, hostKey{}, tunnelHost(c))
		},
		ReadHeaderTimeout: 30 * time.Second,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	go func() {
		defer close(p.done)
		_ = p.inner.Serve(p.tunnels) // ends at Close
	}()
	return p, nil
}

// Close ends all tunnels: idle ones at once, the others when their request is
// answered or ctx ends.
func (p *Proxy) Close(ctx context.Context) {
	_ = p.tunnels.Close() // cannot fail
	if p.inner.Shutdown(ctx) != nil {
		_ = p.inner.Close() // closes connections only
	}
	<-p.done
}

// ServeHTTP opens a tunnel, or refuses to.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		// http:// URLs reach a proxy in this form.
		p.refuse(w, r.Host)
		return
	}
	host, port, err := net.SplitHostPort(r.Host)
	host = strings.ToLower(host)
	if err != nil || port != "443" || p.certs[host] == nil {
		p.refuse(w, r.Host)
		return
	}
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if buf.Reader.Buffered() > 0 {
		// Nothing may come before the answer to CONNECT.
		_ = conn.Close()
		return
	}
	_ = conn.SetDeadline(time.Time{})
	if _, err := conn.Write([]byte("HTTP/1.1 200 Connection Established\r\n\r\n")); err != nil {
		_ = conn.Close()
		return
	}
	p.tunnels.add(tls.Server(&tunnel{Conn: conn, host: host}, &tls.Config{
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"http/1.1"},
		Certificates: []tls.Certificate{*p.certs[host]},
	}))
}

// tunnel is a connection that was opened for a host. That host answers it,
// whatever the requests in it say.
type tunnel struct {
	net.Conn
	host string
}

type hostKey struct{}

func tunnelHost(c net.Conn) string {
	if t, ok := c.(*tls.Conn); ok {
		if t, ok := t.NetConn().(*tunnel); ok {
			return t.host
		}
	}
	return ""
}

func (p *Proxy) refuse(w http.ResponseWriter, host string) {
	p.log.Warn("refused to connect", "host", host)
	http.Error(w, p.refusal(host), http.StatusBadGateway)
}

func (p *Proxy) refusal(host string) string {
	return fmt.Sprintf("the skysail sandbox does not reach the internet: it answers for %s, not for %s", strings.Join(p.hosts, " and "), host)
}

// tunnels is a listener that hands opened tunnels to an HTTP server.
type tunnels struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (t *tunnels) add(c net.Conn) {
	select {
	case t.conns <- c:
	case <-t.closed:
		_ = c.Close()
	}
}

func (t *tunnels) Accept() (net.Conn, error) {
	select {
	case c := <-t.conns:
		return c, nil
	case <-t.closed:
		return nil, net.ErrClosed
	}
}

func (t *tunnels) Close() error {
	t.once.Do(func() { close(t.closed) })
	return nil
}

func (t *tunnels) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
