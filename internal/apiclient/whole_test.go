package apiclient_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"skysail/internal/apiclient"
)

// lateEnd is a request's body as AWS's SDK makes one: it has a WriteTo, with
// which net/http looks for the body's end, and that answers io.EOF once the body
// is closed. Here it only comes that far when the answer has begun.
type lateEnd struct {
	io.Reader
	closed, asked chan struct{}
	once          sync.Once
}

func (b *lateEnd) WriteTo(io.Writer) (int64, error) {
	<-b.closed
	defer close(b.asked)
	return 0, io.EOF
}

func (b *lateEnd) Close() error {
	b.once.Do(func() { close(b.closed) })
	return nil
}

// TestWholeRequests reads an answer while the end of the request's body is
// looked for: plainly it breaks off, which is why there is such a transport.
func TestWholeRequests(t *testing.T) {
	plain := &http.Transport{}
	t.Cleanup(plain.CloseIdleConnections)
	for name, c := range map[string]struct {
		transport http.RoundTripper
		whole     bool
	}{
		"plain": {plain, false},
		"whole": {apiclient.WholeRequests(plain), true},
	} {
		t.Run(name, func(t *testing.T) {
			goOn := make(chan struct{})
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got, _ := io.ReadAll(r.Body)
				_, _ = w.Write(got)
				_ = http.NewResponseController(w).Flush()
				select {
				case <-goOn:
				case <-r.Context().Done(): // the connection is closed
				}
				_, _ = io.WriteString(w, " and the rest")
			}))
			defer srv.Close()
			body := &lateEnd{Reader: strings.NewReader("begins"), closed: make(chan struct{}), asked: make(chan struct{})}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL, body)
			if err != nil {
				t.Fatal(err)
			}
			req.ContentLength = int64(len("begins"))
			resp, err := c.transport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			_ = body.Close() // as the SDK does
			if c.whole {
				close(goOn)
			} else { // net/http closes the connection, and else goes on in the end
				<-body.asked
				defer time.AfterFunc(10*time.Second, func() { close(goOn) }).Stop()
			}
			got, err := io.ReadAll(resp.Body)
			if whole := err == nil && string(got) == "begins and the rest"; whole != c.whole {
				t.Errorf("read %q, %v", got, err)
			}
		})
	}
}
