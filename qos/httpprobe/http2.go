package httpprobe

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"
)

var errNoHTTP2 = errors.New("the server does not speak HTTP/2 over TLS")

// http2 speaks HTTP/2 over the connection that is there, with net/http's
// transport.
func (e *exchange) http2(ctx context.Context) error {
	once := make(chan net.Conn, 1)
	once <- e.conn.Conn
	dial := func(context.Context, string, string) (net.Conn, error) {
		select {
		case c := <-once:
			return c, nil
		default:
			return nil, errors.New("the connection was closed by HTTP/2")
		}
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP2(e.url.Scheme == "https")
	protocols.SetUnencryptedHTTP2(e.url.Scheme == "http")
	t := &http.Transport{
		Protocols: protocols, DialContext: dial, DialTLSContext: dial,
		DisableCompression: true, MaxResponseHeaderBytes: maxHeaders,
	}
	if c, ok := e.conn.Conn.(*tls.Conn); ok && c.ConnectionState().NegotiatedProtocol != "h2" {
		return errNoHTTP2
	}
	var mu sync.Mutex
	var first time.Time
	req := e.request().WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotFirstResponseByte: func() {
			mu.Lock()
			defer mu.Unlock()
			first = time.Now()
		},
	}))
	e.release = t.CloseIdleConnections
	e.sent = time.Now()
	resp, err := t.RoundTrip(req) //nolint:bodyclose // closed with the exchange
	mu.Lock()
	e.first = first
	mu.Unlock()
	if err != nil {
		return err
	}
	if e.first.IsZero() {
		e.first = time.Now()
	}
	e.resp = resp
	return nil
}
