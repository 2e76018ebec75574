package httpprobe

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"skysail/qos/probe"
)

// exchange is one request and its answer, over one connection.
type exchange struct {
	o             *Options
	url           *url.URL
	host, address string

	conn              *probe.Conn
	resp              *http.Response
	sent, first, done time.Time
	body              []byte // its beginning, when it is judged
	length            int64  // bytes of it that were read
	reached           bool
	garbage           []byte // the beginning of an answer that is no HTTP
	reader            *bufio.Reader
	release           func()
}

// userAgent is how probes name themselves.
const userAgent = "skysail-probe"

// ask sends the request and reads the head of the answer.
func (e *exchange) ask(ctx context.Context) error {
	var t *probe.TLS
	protos := []string(nil)
	if e.url.Scheme == "https" {
		t = e.o.TLS
		protos = []string{"http/1.1"}
		if e.o.HTTP2 {
			protos = []string{"h2"}
		}
	}
	var err error
	e.conn, err = probe.Connect(ctx, e.o.Dial, e.address, t, e.serverName(), protos...)
	e.reached = !e.conn.Times.Connected.IsZero() || probe.Reached(err)
	if err != nil {
		return err
	}
	if e.o.HTTP2 {
		return e.http2(ctx)
	}
	return e.http1()
}

// serverName is the name that the certificate must have: that which the
// request asks for.
func (e *exchange) serverName() string {
	host := e.host
	if u := (&url.URL{Host: host}); u.Hostname() != "" {
		host = u.Hostname()
	}
	return host
}

func (e *exchange) request() *http.Request {
	method := e.o.Method
	if method == "" {
		method = http.MethodGet
	}
	h := make(http.Header, len(e.o.Header)+1)
	for k, v := range e.o.Header {
		if k != "Host" {
			h[k] = v
		}
	}
	if _, own := h["User-Agent"]; !own {
		h["User-Agent"] = []string{userAgent}
	}
	return &http.Request{
		Method: method, URL: e.url, Host: e.host, Header: h, Close: !e.o.HTTP2,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
}

var (
	buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}
	readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 4<<10) }}
)

// http1 speaks HTTP/1.1 without http.Transport, whose pools and goroutines a
// single request does not need.
func (e *exchange) http1() error {
	req := e.request()
	out := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(out)
	out.Reset()
	if err := req.Write(out); err != nil {
		return &probe.LocalError{Err: fmt.Errorf("health request: %w", err)}
	}
	e.sent = time.Now()
	if _, err := e.conn.Write(out.Bytes()); err != nil {
		return err
	}
	head := &io.LimitedReader{R: e.conn, N: maxHeaders}
	e.reader = readers.Get().(*bufio.Reader)
	e.reader.Reset(head)
	// Early hints and the like come before the answer: at most five, as with
	// http.Transport.
	for range 6 {
		begin, err := e.reader.Peek(1)
		if len(begin) > 0 && e.first.IsZero() {
			e.first = time.Now()
		}
		if err != nil {
			return err
		}
		if n := min(e.reader.Buffered(), 64); n > 0 {
			begin, _ = e.reader.Peek(n)
			e.garbage = append(e.garbage[:0], begin...)
		}
		resp, err := http.ReadResponse(e.reader, req) //nolint:bodyclose // closed with the exchange
		if err != nil {
			if head.N <= 0 {
				return errHeaders
			}
			return err
		}
		if resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			e.resp = resp
			// The limit was the head's; read has the body's.
			head.N = 1 << 62
			return nil
		}
	}
	return errors.New("more than 5 informational answers and no final one")
}

var errHeaders = fmt.Errorf("the head of the answer has more than %d bytes", maxHeaders)

// read reads the body, as far as it is wanted.
func (e *exchange) read() error {
	var err error
	if e.o.readsBody() {
		e.body, err = io.ReadAll(io.LimitReader(e.resp.Body, maxBody))
		e.length = int64(len(e.body))
	} else {
		e.length, err = io.Copy(io.Discard, io.LimitReader(e.resp.Body, maxBody))
	}
	e.done = time.Now()
	return err
}

// close ends the connection, and then the body: the other way round it would
// be read on for a next request, which there is not.
func (e *exchange) close() {
	if e.conn != nil && e.conn.Conn != nil {
		_ = e.conn.Close()
	}
	if e.resp != nil {
		_ = e.resp.Body.Close()
	}
	if e.reader != nil {
		e.reader.Reset(nil)
		readers.Put(e.reader)
		e.reader = nil
	}
	if e.release != nil {
		e.release()
		e.release = nil
	}
}

// phases are the times of this exchange.
func (e *exchange) phases(end time.Time) [5]time.Duration {
	t := e.conn.Times
	span := func(from, to time.Time) time.Duration {
		if from.IsZero() {
			return 0
		}
		if to.IsZero() {
			to = end
		}
		return max(to.Sub(from), 0)
	}
	return [5]time.Duration{t.Resolve(end), t.Connect(end), t.TLS(end), span(e.sent, e.first), span(e.first, e.done)}
}

// fault says in words what failed on the way.
func (e *exchange) fault(ctx context.Context, err error) string {
	switch {
	case errors.Is(err, errNoHTTP2):
		return err.Error()
	case e.sent.IsZero():
		return probe.ConnectFault(ctx, e.conn, err)
	case probe.TimedOut(ctx, err):
		if e.resp != nil {
			return fmt.Sprintf("status %d, but the body did not come in time", e.resp.StatusCode)
		}
		if !e.first.IsZero() {
			return "no answer in time: its head began and did not end"
		}
		return "no answer in time: the connection was accepted, but the request was not answered"
	case e.resp != nil:
		return fmt.Sprintf("status %d, but the body broke off: %v", e.resp.StatusCode, err)
	case errors.Is(err, errHeaders):
		return err.Error()
	case e.o.HTTP2 && strings.HasPrefix(err.Error(), "http2: "):
		return "the server does not speak HTTP/2 as it should: " + probe.Excerpt([]byte(strings.TrimPrefix(err.Error(), "http2: ")))
	case len(e.garbage) > 1 && e.garbage[0] == 0x15 && e.garbage[1] == 3: // a TLS alert: RFC 8446, section 5.1
		return "the port speaks TLS, not plain HTTP: set scheme to https"
	case len(e.garbage) > 0 && !strings.HasPrefix(string(e.garbage), "HTTP/1."):
		return "the answer is not HTTP: it begins with " + probe.Excerpt(e.garbage)
	case len(e.garbage) > 0:
		return "the answer is not HTTP as it should be: " + probe.Excerpt([]byte(err.Error()))
	}
	return e.conn.Fault(err)
}
