package clouds

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	"golang.org/x/net/http/httpproxy"
)

// Env looks a variable up where a provider's own tools would: in the process
// environment, or in what the sandbox says in its place.
type Env func(name string) (string, bool)

// MapEnv is an Env that holds nothing but the map.
func MapEnv(m map[string]string) Env {
	return func(name string) (string, bool) {
		v, ok := m[name]
		return v, ok
	}
}

// Get returns the first of the named variables that is set and not empty.
func (e Env) Get(names ...string) string {
	for _, n := range names {
		if v, ok := e(n); ok && v != "" {
			return v
		}
	}
	return ""
}

// HTTPClient makes a client that takes proxy and root certificates from env
// (HTTPS_PROXY, HTTP_PROXY, NO_PROXY, SSL_CERT_FILE) rather than from this
// process, so that one process can speak to the sandbox and to a real cloud.
func HTTPClient(env Env) (*http.Client, error) {
	proxy := (&httpproxy.Config{
		HTTPSProxy: env.Get("HTTPS_PROXY", "https_proxy"),
		HTTPProxy:  env.Get("HTTP_PROXY", "http_proxy"),
		NoProxy:    env.Get("NO_PROXY", "no_proxy"),
	}).ProxyFunc()
	tr := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // it is one by its documentation
	tr.Proxy = func(r *http.Request) (*url.URL, error) { return proxy(r.URL) }
	tr.ResponseHeaderTimeout = 30 * time.Second
	if file := env.Get("SSL_CERT_FILE"); file != "" {
		pem, err := os.ReadFile(file) //nolint:gosec // the user's own variable, read as every Go program reads it
		if err != nil {
			return nil, fmt.Errorf("SSL_CERT_FILE: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("SSL_CERT_FILE: %s holds no certificate", file)
		}
		tr.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return &http.Client{Transport: tr, Timeout: time.Minute}, nil
}
