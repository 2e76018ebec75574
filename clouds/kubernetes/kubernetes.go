// Package kubernetes is all that skysail itself knows of Kubernetes: how to
// find the cluster behind a kubeconfig context, as kubectl does, what refusals
// mean, how to find and delete what a deployment left, why it does not become
// ready, and how to read its logs, metrics and events. What is installed is
// the part of Terraform and Helm.
package kubernetes

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/http/httpproxy"
	"k8s.io/client-go/rest"

	"skysail/clouds"
)

// patience is how long a cluster may take to answer. An API server answers in
// milliseconds; behind a VPN that is down it never does.
const patience = 3 * time.Second

// The outcomes of Version other than an answer. Their text is the reason
// itself; what wraps them says more.
var (
	ErrNoKubeconfig = errors.New("there is no kubeconfig file")
	ErrBroken       = errors.New("the kubeconfig can not be used")
	ErrNoContext    = errors.New("the kubeconfig has no such context")
	ErrNoAnswer     = errors.New("the cluster does not answer")
	ErrUnauthorized = errors.New("the cluster does not accept the credentials")
)

// Version asks the cluster behind a context of the kubeconfig for its version,
// such as v1.37.2, with GET /version. The error is one of those above, with
// the cause and what to do; no token or certificate is in it. It takes at most
// three seconds and may be retried.
func Version(ctx context.Context, env clouds.Env, name string) (string, error) {
	at, cfg, err := locate(env, name)
	if err != nil {
		return "", err
	}
	return askVersion(ctx, cfg, at.context)
}

// Version asks the cluster for its version, as the function Version does.
func (c *Cloud) Version(ctx context.Context) (string, error) {
	cfg := rest.CopyConfig(c.config)
	cfg.Timeout = patience
	return askVersion(ctx, cfg, c.context)
}

func askVersion(ctx context.Context, cfg *rest.Config, name string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	type answer struct {
		version string
		err     error
	}
	// A credential helper of the kubeconfig is a program that does not know
	// of ctx, so it is not waited for.
	done := make(chan answer, 1)
	go func() {
		v, err := ask(ctx, cfg, name)
		done <- answer{v, err}
	}()
	select {
	case a := <-done:
		return a.version, a.err
	case <-ctx.Done():
		return "", noAnswer(ctx, name, context.Cause(ctx))
	}
}

func ask(ctx context.Context, cfg *rest.Config, name string) (string, error) {
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return "", fmt.Errorf("%w: the certificates or credentials of context %q can not be read; `kubectl --context %s version` says more", ErrBroken, name, name)
	}
	defer client.CloseIdleConnections()
	host, _, err := rest.DefaultServerUrlFor(cfg)
	if err != nil {
		return "", fmt.Errorf("%w: the server of context %q is no URL", ErrBroken, name)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, host.JoinPath("version").String(), nil)
	if err != nil {
		return "", fmt.Errorf("%w: the server of context %q is no URL", ErrBroken, name)
	}
	resp, err := client.Do(req)
	for err == nil && resp.StatusCode == http.StatusTooManyRequests { // it is there, and busy
		_ = resp.Body.Close()
		select {
		case <-ctx.Done():
			return "", noAnswer(ctx, name, context.Cause(ctx))
		case <-time.After(300 * time.Millisecond):
		}
		resp, err = client.Do(req)
	}
	if err != nil {
		return "", noAnswer(ctx, name, err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	switch {
	case resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden:
		return "", fmt.Errorf("%w: context %q answers HTTP %d; log in to the cluster again, `kubectl --context %s version` tries it",
			ErrUnauthorized, name, resp.StatusCode, name)
	case resp.StatusCode != http.StatusOK:
		return "", fmt.Errorf("%w: context %q answers HTTP %d, as no Kubernetes API does", ErrNoAnswer, name, resp.StatusCode)
	}
	// See https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.34/#info-version-pkg
	var info struct {
		GitVersion string `json:"gitVersion"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&info); err != nil || info.GitVersion == "" {
		return "", fmt.Errorf("%w: what answers for context %q is no Kubernetes API", ErrNoAnswer, name)
	}
	return printable(info.GitVersion), nil
}

func noAnswer(ctx context.Context, name string, cause error) error {
	hint := fmt.Sprintf("`kubectl --context %s version` tries it", name)
	if errors.Is(cause, context.Canceled) {
		return fmt.Errorf("%w: interrupted while asking context %q: %w", ErrNoAnswer, name, context.Canceled)
	}
	if ctx.Err() != nil || errors.Is(cause, context.DeadlineExceeded) {
		return fmt.Errorf("%w: context %q said nothing within %s; %s", ErrNoAnswer, name, patience, hint)
	}
	return fmt.Errorf("%w: context %q: %s; %s", ErrNoAnswer, name, shortCause(cause), hint)
}

// shortCause says what went wrong on the way without repeating what may be
// confidential: an URL can hold a password, a credential helper's output a
// token. So only what the network layer itself says is let through.
func shortCause(err error) string {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var network net.Error
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	switch {
	case errors.As(err, &unknown):
		return "its certificate is of an authority that the kubeconfig does not name"
	case errors.As(err, &host):
		return "its certificate is for another host"
	case errors.As(err, &invalid):
		return "its certificate is not valid"
	case errors.As(err, &record):
		return "it does not speak TLS"
	case errors.Is(err, http.ErrSchemeMismatch):
		return "it does not speak TLS"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "it hangs up"
	case errors.As(err, &network):
		return printable(network.Error())
	default:
		return "its credentials could not be had"
	}
}

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}

// proxyFrom takes the proxy from env rather than from this process.
func proxyFrom(env clouds.Env) func(*http.Request) (*url.URL, error) {
	proxy := (&httpproxy.Config{
		HTTPSProxy: env.Get("HTTPS_PROXY", "https_proxy"),
		HTTPProxy:  env.Get("HTTP_PROXY", "http_proxy"),
		NoProxy:    env.Get("NO_PROXY", "no_proxy"),
	}).ProxyFunc()
	return func(r *http.Request) (*url.URL, error) { return proxy(r.URL) }
}
