package kube

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Front stands before the API, as a load balancer does, and can answer in its
// place. Users are the same as at the API: it tells the API by request headers
// whose certificate it has seen.
type Front struct {
	kubeconfig string
	ordinary   http.Handler
	upgrades   http.Handler // exec and port-forward need HTTP/1.1

	mu     sync.Mutex
	rate   float64
	after  time.Duration
	dice   *rand.Rand
	denied int
}

// AddFront starts a front and writes an administrator's kubeconfig that goes
// by it. It ends with the cluster.
func (c *Cluster) AddFront(ctx context.Context, name string) (*Front, error) {
	f, err := c.newFront(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("front %s: %w", name, err)
	}
	return f, nil
}

func (c *Cluster) newFront(ctx context.Context, name string) (*Front, error) {
	pair, err := tls.LoadX509KeyPair(c.pki("apiserver.crt"), c.pki("apiserver.key"))
	if err != nil {
		return nil, err
	}
	own, err := tls.LoadX509KeyPair(c.pki("front-proxy-client.crt"), c.pki("front-proxy-client.key"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(c.caPEM)
	target, err := url.Parse(c.server())
	if err != nil {
		return nil, err
	}
	to := &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}
	f := &Front{kubeconfig: filepath.Join(c.dir, "front-"+name+".kubeconfig")}
	f.ordinary = forward(target, &http.Transport{TLSClientConfig: to, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 100})
	f.upgrades = forward(target, &http.Transport{TLSClientConfig: to.Clone(), TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}})
	l, err := listen(ctx, 0)
	if err != nil {
		return nil, err
	}
	srv := &http.Server{Handler: f, ReadHeaderTimeout: 10 * time.Second, TLSConfig: &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: roots,
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
	}}
	go func() { _ = srv.ServeTLS(l, "", "") }() // ends with Close
	c.onStop(func() { _ = srv.Close() })
	return f, c.writeKubeconfig(f.kubeconfig, "https://"+l.Addr().String(), admin, Contexts())
}

// Kubeconfig is the path of a kubeconfig that goes by the front.
func (f *Front) Kubeconfig() string { return f.kubeconfig }

// Throttle answers a part of the requests, from 0 to 1, with 429 Too Many
// Requests and Retry-After, as API priority and fairness does. The same seed
// lets the same requests meet it, counted in the order in which they come.
func (f *Front) Throttle(rate float64, retryAfter time.Duration, seed uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rate, f.after, f.denied = rate, retryAfter, 0
	f.dice = rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // dice, no secret
}

// Denied is how many requests were answered so since Throttle.
func (f *Front) Denied() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.denied
}

func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if after, ok := f.denies(); ok {
		// See k8s.io/apiserver/pkg/server/filters/priority-and-fairness.go.
		w.Header().Set("Retry-After", strconv.Itoa(int(max(after.Seconds(), 1))))
		refuse(w, http.StatusTooManyRequests, "Too many requests, please try again later.")
		return
	}
	if r.Header.Get("Upgrade") != "" {
		f.upgrades.ServeHTTP(w, r)
		return
	}
	f.ordinary.ServeHTTP(w, r)
}

func (f *Front) denies() (time.Duration, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rate == 0 || f.dice.Float64() >= f.rate {
		return 0, false
	}
	f.denied++
	return f.after, true
}

// forward passes requests on. The caller is named by its certificate, never by
// headers that it sends itself; tokens pass as they are.
func forward(target *url.URL, transport http.RoundTripper) http.Handler {
	return &httputil.ReverseProxy{
		Transport: transport, FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			for name := range r.Out.Header {
				if strings.HasPrefix(http.CanonicalHeaderKey(name), "X-Remote-") {
					r.Out.Header.Del(name)
				}
			}
			if tls := r.In.TLS; tls != nil && len(tls.PeerCertificates) > 0 {
				who := tls.PeerCertificates[0].Subject
				r.Out.Header.Set("X-Remote-User", who.CommonName)
				for _, g := range append(who.Organization, "system:authenticated") {
					r.Out.Header.Add("X-Remote-Group", g)
				}
			}
		},
		// A client sees that the API is gone as it would without a front: the
		// connection breaks.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
}
