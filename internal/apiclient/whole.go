package apiclient

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// WholeRequests wraps a transport for AWS's SDK, whose requests are small: each
// body is read first and sent from memory. The SDK closes a request's body as
// soon as an answer begins, and from then on its reader ends io.Copy with
// io.EOF (safeWriteToReadCloser.WriteTo in smithy-go 1.28.9, file
// transport/http/internal/io/safe.go), which net/http takes for a failed
// request: when an API answers before the sender has looked for the body's end,
// the connection is closed while the answer is read.
func WholeRequests(next http.RoundTripper) http.RoundTripper { return wholeRequests{next} }

type wholeRequests struct{ next http.RoundTripper }

func (w wholeRequests) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return w.next.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	if err = errors.Join(err, r.Body.Close()); err != nil {
		return nil, fmt.Errorf("the request's own body: %w", err)
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	return w.next.RoundTrip(r)
}

// CloseIdleConnections is for http.Client's.
func (w wholeRequests) CloseIdleConnections() {
	if c, ok := w.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
