package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
)

const (
	// callTimeout bounds one call that is answered at once; an API server
	// itself gives up after a minute.
	callTimeout = 30 * time.Second
	// silence is how long a server that does not answer is asked again.
	silence = 15 * time.Second
)

// api is the connection of a Cloud.
type api struct {
	rest  *rest.RESTClient
	http  *http.Client
	exec  bool // a credential helper is a program that knows no deadline
	name  string
	hasty bool // a call that failed is not repeated
	// heard is what a call last failed with before its time was over; nil after
	// an answer.
	heard *atomic.Pointer[error]
}

// connect makes the connection when it is first needed.
func (c *Cloud) connect() (*api, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.api != nil {
		return c.api, nil
	}
	cfg := rest.CopyConfig(c.config)
	cfg.RateLimiter = c.limit
	cfg.WarningHandler = rest.NoWarnings{}
	cfg.APIPath, cfg.GroupVersion = "/", &schema.GroupVersion{Version: "v1"}
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	cfg.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("%w: the certificates or credentials of context %q can not be read; `kubectl --context %s version` says more", ErrBroken, c.context, c.context)
	}
	r, err := rest.RESTClientForConfigAndClient(cfg, client)
	if err != nil {
		return nil, fmt.Errorf("%w: the server of context %q is no URL", ErrBroken, c.context)
	}
	c.api = &api{rest: r, http: client, exec: cfg.ExecProvider != nil, name: c.context, heard: new(atomic.Pointer[error])}
	return c.api, nil
}

// call is one request; what is empty is left out.
type call struct {
	verb   string
	path   string
	query  url.Values
	accept string
	kind   string // of the body
	body   []byte
}

// json makes a call and decodes the answer into out, where that is not nil. A
// server that is away or overloaded is asked again for a while, after what
// Retry-After asks for, so the call must be one that may be repeated. The error
// is what the server or the network last said, rather than that time was over.
func (a *api) json(ctx context.Context, c call, out any) error {
	tries := uint(0) // no bound but time
	if a.hasty {
		tries = 1
	}
	raw, err := backoff.Retry(ctx, func() ([]byte, error) {
		raw, err := a.once(ctx, c)
		if err == nil {
			a.heard.Store(nil)
			return raw, nil
		}
		if ctx.Err() == nil && !outOfTime(err) {
			a.heard.Store(&err)
		}
		if !passing(ctx, err) {
			return nil, backoff.Permanent(err)
		}
		if wait, ok := apierrors.SuggestsClientDelay(err); ok {
			if end, ok := ctx.Deadline(); ok && time.Until(end) < time.Duration(wait)*time.Second {
				return nil, backoff.Permanent(err)
			}
			return nil, backoff.RetryAfter(wait)
		}
		return nil, err
	}, backoff.WithMaxElapsedTime(silence), backoff.WithMaxTries(tries), backoff.WithBackOff(pauses()))
	// Another call on this connection may have heard what is wrong.
	if said := a.heard.Load(); err != nil && said != nil && (ctx.Err() != nil || outOfTime(err)) && !errors.Is(ctx.Err(), context.Canceled) {
		err = *said
	}
	if err != nil || out == nil {
		return err
	}
	if whole, ok := out.(*[]byte); ok {
		*whole = raw
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("%w: what it says of %s is no JSON of Kubernetes", ErrNoAnswer, c.path)
	}
	return nil
}

func pauses() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = 200*time.Millisecond, 3*time.Second
	return b
}

func (a *api) once(ctx context.Context, c call) ([]byte, error) {
	ctx, cancel := context.WithTimeout(quiet(ctx), callTimeout)
	defer cancel()
	if !a.exec {
		return a.do(ctx, c)
	}
	type answer struct {
		raw []byte
		err error
	}
	done := make(chan answer, 1)
	go func() {
		raw, err := a.do(ctx, c)
		done <- answer{raw, err}
	}()
	select {
	case got := <-done:
		return got.raw, got.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// quiet keeps client-go from writing to standard error.
func quiet(ctx context.Context) context.Context { return logr.NewContext(ctx, logr.Discard()) }

func (a *api) do(ctx context.Context, c call) ([]byte, error) {
	result := a.request(c).Do(ctx)
	if err := result.Error(); err != nil {
		return nil, err
	}
	return result.Raw()
}

func (a *api) request(c call) *rest.Request {
	r := a.rest.Verb(c.verb).AbsPath(c.path).SetHeader("Accept", "application/json").MaxRetries(0)
	if c.accept != "" {
		r = r.SetHeader("Accept", c.accept)
	}
	for k, vs := range c.query {
		for _, v := range vs {
			r = r.Param(k, v)
		}
	}
	if c.body != nil {
		kind := c.kind
		if kind == "" {
			kind = "application/json"
		}
		r = r.SetHeader("Content-Type", kind).Body(c.body)
	}
	return r
}

// outOfTime is a call that was not made since its turn would have come too late
// (k8s.io/client-go/rest/request.go, tryThrottle).
func outOfTime(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "client rate limiter Wait returned an error")
}

// passing says whether a failed call may do better in a moment.
func passing(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return apierrors.IsServiceUnavailable(err) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) ||
			apierrors.IsTooManyRequests(err) || apierrors.IsInternalError(err)
	}
	return transportFailed(err)
}
