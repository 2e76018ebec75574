package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var hosts = []string{"api.digitalocean.com", "api.vultr.com"}

// serve runs a proxy that answers for both hosts with the host's name.
func serve(t *testing.T, dir string) *url.URL {
	t.Helper()
	a, err := LoadAuthority(dir, hosts, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	handlers := map[string]http.Handler{}
	for _, h := range hosts {
		handlers[h] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			_, _ = fmt.Fprintf(w, "%s %s %s %s", h, r.Method, r.URL.Path, body)
		})
	}
	p, err := New(a, handlers, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(p)
	t.Cleanup(func() {
		srv.Close()
		p.Close(context.Background())
	})
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// client is what a program makes of HTTPS_PROXY and SSL_CERT_FILE.
func client(t *testing.T, proxy *url.URL, caFile string) *http.Client {
	t.Helper()
	pem, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatal("no certificate")
	}
	tr := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func TestHostsOfTheCloudsAreAnswered(t *testing.T) {
	dir := t.TempDir()
	c := client(t, serve(t, dir), filepath.Join(dir, CertFile))
	for range 2 { // the second time over the same tunnel
		for _, h := range hosts {
			res, err := c.Post("https://"+h+"/v2/thing", "text/plain", strings.NewReader("hello"))
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			if want := h + " POST /v2/thing hello"; string(body) != want {
				t.Errorf("%q, want %q", body, want)
			}
		}
	}
}

func TestEveryOtherHostIsRefused(t *testing.T) {
	dir := t.TempDir()
	proxy := serve(t, dir)
	c := client(t, proxy, filepath.Join(dir, CertFile))
	for _, u := range []string{"https://example.com/", "https://api.digitalocean.com:8443/", "https://xapi.vultr.com/"} {
		res, err := c.Get(u)
		if err == nil {
			_ = res.Body.Close()
			t.Errorf("%s was reached", u)
		} else if !strings.Contains(err.Error(), "Bad Gateway") {
			t.Errorf("%s: %v", u, err)
		}
	}
	// The text reaches whoever can show it.
	res, err := c.Get("http://example.com/")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	want := "the skysail sandbox does not reach the internet: it answers for api.digitalocean.com and api.vultr.com, not for example.com\n"
	if res.StatusCode != http.StatusBadGateway || string(body) != want {
		t.Errorf("%d %q, want 502 %q", res.StatusCode, body, want)
	}
}

// TestATunnelIsForItsHost sends the name of one host through the tunnel of
// another: the tunnel decides.
func TestATunnelIsForItsHost(t *testing.T) {
	dir := t.TempDir()
	c := client(t, serve(t, dir), filepath.Join(dir, CertFile))
	req, err := http.NewRequest(http.MethodGet, "https://api.vultr.com/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "api.digitalocean.com"
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, _ := io.ReadAll(res.Body)
	if !strings.HasPrefix(string(body), "api.vultr.com ") {
		t.Errorf("answered by %q", body)
	}
}

func TestAuthority(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	load := func(hosts []string, at time.Time) *Authority {
		t.Helper()
		a, err := LoadAuthority(dir, hosts, at)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	a := load(hosts, now)
	for _, f := range []string{CertFile, keyFile} {
		info, err := os.Stat(filepath.Join(dir, f))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", f, info.Mode().Perm())
		}
	}
	if again := load(hosts, now); !again.cert.Equal(a.cert) {
		t.Error("a new authority was made though there is one")
	}
	if later := load(hosts, now.Add(caLife-caSpare+time.Hour)); later.cert.Equal(a.cert) {
		t.Error("an authority that is about to expire is kept")
	}
	if other := load([]string{"api.example.com"}, now); other.cert.PermittedDNSDomains[0] != "api.example.com" {
		t.Error("an authority for other hosts is kept")
	}
	if err := os.WriteFile(filepath.Join(dir, keyFile), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadAuthority(dir, hosts, now); err == nil {
		t.Error("a damaged key was replaced without a word")
	}
}

// TestTheAuthorityIsGoodForItsHostsOnly makes what a thief of the key could.
func TestTheAuthorityIsGoodForItsHostsOnly(t *testing.T) {
	a, err := LoadAuthority(t.TempDir(), hosts, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	for host, good := range map[string]bool{"api.vultr.com": true, "example.com": false} {
		leaf, err := a.leaf(host, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(leaf.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		_, err = cert.Verify(x509.VerifyOptions{DNSName: host, Roots: roots})
		if (err == nil) != good {
			t.Errorf("%s: %v", host, err)
		}
	}
}
