package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"net/http/httptrace"
	"net/netip"
	"sync"
	"time"

	"skysail/qos/metric"
)

// Times are the moments of one connection; zero for what was not reached.
type Times struct {
	Start, Resolved, Connected time.Time
	TLSStart, TLSDone          time.Time
}

// Resolve is the time the name took, Connect that of the connection, TLS that
// of the handshake. A phase that was cut off took until end.
func (t Times) Resolve(end time.Time) time.Duration {
	if t.Start.IsZero() {
		return 0
	}
	return until(t.Start, t.Resolved, end)
}

// Connect is the time the connection took, without the name's.
func (t Times) Connect(end time.Time) time.Duration { return until(t.Resolved, t.Connected, end) }

// TLS is the time the handshake took.
func (t Times) TLS(end time.Time) time.Duration { return until(t.TLSStart, t.TLSDone, end) }

func until(from, to, end time.Time) time.Duration {
	if from.IsZero() {
		return 0
	}
	if to.IsZero() {
		to = end
	}
	return max(to.Sub(from), 0)
}

// Conn is a connection with its times. Closing its context ends it.
type Conn struct {
	net.Conn
	Times Times
	// State is the TLS handshake's outcome, also of one that failed on the
	// certificate; nil without TLS.
	State *tls.ConnectionState
	tls   *TLS
	raw   net.Conn
	stop  func() bool
}

// Close ends the connection at once: with TLS no good-bye is said to a peer
// that may not be reading.
func (c *Conn) Close() error {
	c.stop()
	return c.raw.Close()
}

// Connect opens a connection to addr (host:port), and does the TLS handshake
// where t is not nil. The end of ctx closes it: not every connection, such as
// one through SSH, knows deadlines. On an error the Conn has times and TLS
// state as far as it came, and no connection.
func Connect(ctx context.Context, dial DialFunc, addr string, t *TLS, serverName string, protos ...string) (*Conn, error) {
	c := &Conn{tls: t}
	c.Times.Start = time.Now()
	raw, err := c.dial(ctx, dial, addr)
	if err != nil {
		return c, err
	}
	c.Times.Connected = time.Now()
	c.Conn, c.raw = raw, raw
	c.stop = context.AfterFunc(ctx, func() { _ = raw.Close() })
	if t == nil {
		return c, nil
	}
	config, err := t.config(serverName, protos)
	if err != nil {
		_ = c.Close()
		return c, &LocalError{err}
	}
	secure := tls.Client(raw, config)
	c.Times.TLSStart = time.Now()
	err = secure.HandshakeContext(context.WithoutCancel(ctx))
	if state := secure.ConnectionState(); len(state.PeerCertificates) > 0 {
		c.State = &state
	}
	if err != nil {
		_ = c.Close()
		return c, &HandshakeError{Err: err}
	}
	c.Times.TLSDone = time.Now()
	c.Conn = secure
	return c, nil
}

func (c *Conn) dial(ctx context.Context, dial DialFunc, addr string) (net.Conn, error) {
	if dial != nil {
		c.Times.Resolved = c.Times.Start
		return dial(ctx, "tcp", addr)
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, &LocalError{err}
	}
	if _, err := netip.ParseAddr(host); err == nil {
		c.Times.Resolved = c.Times.Start
		return direct.DialContext(ctx, "tcp", addr)
	}
	// The dialer looks the name up itself, since it knows what to do with
	// several addresses; the lookup may end on another goroutine.
	var mu sync.Mutex
	var resolved time.Time
	conn, err := direct.DialContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSDone: func(i httptrace.DNSDoneInfo) {
			mu.Lock()
			defer mu.Unlock()
			if i.Err == nil {
				resolved = time.Now()
			}
		},
	}), "tcp", addr)
	mu.Lock()
	defer mu.Unlock()
	c.Times.Resolved = resolved
	return conn, err
}

// direct has no keep-alive, as a probe is over before one would be sent.
var direct = &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: false}, KeepAlive: -1}

// HandshakeError is a TLS handshake that did not come about.
type HandshakeError struct{ Err error }

func (e *HandshakeError) Error() string { return "TLS handshake: " + e.Err.Error() }
func (e *HandshakeError) Unwrap() error { return e.Err }

// AddressMetrics tell of the address that was connected to: its protocol and
// its FNV-1a hash, by which a change of address shows. Nothing of a path that
// is no TCP/IP connection of this machine.
func AddressMetrics(c *Conn, lookup time.Duration) []metric.Metric {
	out := []metric.Metric{metric.One("probe_dns_lookup_time_seconds", lookup.Seconds())}
	if c == nil || c.Conn == nil {
		return out
	}
	tcp, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok || tcp.IP.IsUnspecified() {
		return out
	}
	protocol, ip := 6.0, tcp.IP
	if v4 := tcp.IP.To4(); v4 != nil {
		protocol, ip = 4, v4
	}
	h := fnv.New32a()
	_, _ = h.Write(ip)
	return append(out, metric.One("probe_ip_protocol", protocol), metric.One("probe_ip_addr_hash", float64(h.Sum32())))
}

// ConnectFault says in words why no connection came about.
func ConnectFault(ctx context.Context, c *Conn, err error) string {
	var dns *net.DNSError
	var hand *HandshakeError
	switch {
	case errors.As(err, &hand) && ctx.Err() == nil:
		return handshakeFault(hand.Err, c.State)
	case TimedOut(ctx, err):
		switch {
		case c.Times.Resolved.IsZero():
			return "no answer in time: the name was not resolved"
		case c.Times.Connected.IsZero():
			return "no answer in time: nothing accepted the connection (machine off, no route, or a firewall that drops it)"
		default:
			return "no answer in time: the connection was accepted, but the TLS handshake did not end"
		}
	case errors.As(err, &dns):
		return fmt.Sprintf("the name %q could not be resolved: %s", dns.Name, dns.Err)
	}
	return ioFault(err)
}
