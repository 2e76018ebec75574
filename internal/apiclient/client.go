// Package apiclient is what calls to the providers' APIs have in common,
// whatever SDK makes them: the token goes to one host only, rate limits and
// broken answers are waited out, and a delete is done when the API says that
// the thing is gone.
package apiclient

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

const (
	retries      = 4
	longestPause = 30 * time.Second
)

// New wraps a client so that requests to the host of api carry the token,
// where there is one, and so that a request is repeated when the API is overloaded or answers
// nonsense: after what Retry-After asks for, otherwise after pause and twice
// that each time. It is for requests that may be repeated.
func New(base *http.Client, api *url.URL, token string, pause time.Duration) *http.Client {
	direct := *base
	// An API does not redirect; following one could hand out the token.
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &http.Client{
		CheckRedirect: direct.CheckRedirect,
		Transport: &transport{
			host:  api.Host,
			token: token,
			base:  &direct,
			next: &retryablehttp.RoundTripper{Client: &retryablehttp.Client{
				HTTPClient:   &direct,
				RetryMax:     retries,
				RetryWaitMin: pause,
				RetryWaitMax: longestPause,
				CheckRetry:   checkRetry,
				Backoff:      retryablehttp.DefaultBackoff,
				ErrorHandler: retryablehttp.PassthroughErrorHandler,
			}},
		},
	}
}

// checkRetry is the SDKs' own policy, but does not begin a wait that the
// caller's deadline would cut off: the refusal tells more than the deadline.
func checkRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	again, err := retryablehttp.DefaultRetryPolicy(ctx, resp, err)
	if !again || err != nil || resp == nil {
		return again, err
	}
	deadline, ok := ctx.Deadline()
	return !ok || retryablehttp.DefaultBackoff(0, 0, 0, resp) < time.Until(deadline), nil
}

type transport struct {
	host  string
	token string
	base  *http.Client
	next  http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == t.host && t.token != "" {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+t.token)
	}
	resp, err := t.next.RoundTrip(r)
	if last, ok := r.Context().Value(statusKey{}).(*atomic.Int32); ok {
		last.Store(0)
		if err == nil {
			last.Store(int32(resp.StatusCode)) //nolint:gosec // three digits
		}
	}
	return resp, err
}

// CloseIdleConnections lets http.Client.CloseIdleConnections through.
func (t *transport) CloseIdleConnections() { t.base.CloseIdleConnections() }

type statusKey struct{}

// Error is a failed call with the status of the API's answer, 0 when there
// was none.
type Error struct {
	Status int
	Err    error
}

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// Status is the status of the answer to a failed call, 0 when there was none.
func Status(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// Do makes one call through an SDK. Its error is an *Error, because not every
// SDK keeps the status.
func Do(ctx context.Context, call func(context.Context) error) error {
	last := &atomic.Int32{}
	err := call(context.WithValue(ctx, statusKey{}, last))
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return &Error{Status: int(last.Load()), Err: err}
}
