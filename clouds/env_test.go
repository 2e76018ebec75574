package clouds

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestGet(t *testing.T) {
	env := MapEnv(map[string]string{"EMPTY": "", "SET": "yes", "OTHER": "no"})
	for _, c := range []struct {
		names []string
		want  string
	}{
		{[]string{"SET"}, "yes"},
		{[]string{"EMPTY", "MISSING", "SET", "OTHER"}, "yes"},
		{[]string{"EMPTY", "MISSING"}, ""},
		{nil, ""},
	} {
		if got := env.Get(c.names...); got != c.want {
			t.Errorf("Get(%q) is %q, want %q", c.names, got, c.want)
		}
	}
	// A map is all there is: nothing of this process shows through.
	t.Setenv("SKYSAIL_TEST_LEAK", "leaked")
	if got := env.Get("SKYSAIL_TEST_LEAK"); got != "" {
		t.Errorf("the process's own %q shows", got)
	}
}

func TestNetworkEnv(t *testing.T) {
	env := MapEnv(map[string]string{"HTTPS_PROXY": "http://p", "no_proxy": "x", "HTTP_PROXY": "", "SSL_CERT_FILE": "f", "VULTR_API_KEY": "k"})
	want := map[string]string{"HTTPS_PROXY": "http://p", "no_proxy": "x", "SSL_CERT_FILE": "f"}
	if diff := cmp.Diff(want, NetworkEnv(env)); diff != "" {
		t.Error(diff)
	}
}

// certificate makes one for a host, signed by itself, and the file that holds
// it.
func certificate(t *testing.T, host string) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// proxy answers CONNECT by being the host itself, as the sandbox does.
func proxy(t *testing.T, cert tls.Certificate, asked *atomic.Value) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		req, err := http.ReadRequest(bufio.NewReader(conn))
		if err != nil {
			return
		}
		asked.Store(req.Method + " " + req.Host)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n")
		secure := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
		if _, err := http.ReadRequest(bufio.NewReader(secure)); err != nil {
			return
		}
		_, _ = io.WriteString(secure, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return "http://" + l.Addr().String()
}

func fetch(t *testing.T, env Env, url string) (string, error) {
	t.Helper()
	client, err := HTTPClient(env)
	if err != nil {
		return "", err
	}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func TestHTTPClientProxyAndCertificate(t *testing.T) {
	cert, file := certificate(t, "api.cloud.invalid")
	for name, variable := range map[string]string{"upper case": "HTTPS_PROXY", "lower case": "https_proxy"} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Value
			env := MapEnv(map[string]string{variable: proxy(t, cert, &asked), "SSL_CERT_FILE": file, "NO_PROXY": "127.0.0.1,localhost"})
			body, err := fetch(t, env, "https://api.cloud.invalid/v2/x")
			if err != nil || body != "hello" {
				t.Errorf("%q, %v", body, err)
			}
			if asked.Load() != "CONNECT api.cloud.invalid:443" {
				t.Errorf("the proxy was asked %v", asked.Load())
			}
		})
	}
}

// Without its certificate the same proxy is a stranger.
func TestHTTPClientDoesNotTrustAnyProxy(t *testing.T) {
	cert, _ := certificate(t, "api.cloud.invalid")
	_, other := certificate(t, "api.cloud.invalid")
	var asked atomic.Value
	env := MapEnv(map[string]string{"HTTPS_PROXY": proxy(t, cert, &asked), "SSL_CERT_FILE": other})
	if body, err := fetch(t, env, "https://api.cloud.invalid/"); err == nil {
		t.Errorf("got %q", body)
	}
}

// The process's own proxy must not catch calls to the sandbox, nor the
// sandbox's proxy calls to a real cloud.
func TestHTTPClientIgnoresTheProcess(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "direct") }))
	defer s.Close()
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(name, "http://127.0.0.1:1")
	}
	t.Setenv("SSL_CERT_FILE", "/nowhere")
	body, err := fetch(t, MapEnv(nil), s.URL)
	if err != nil || body != "direct" {
		t.Errorf("%q, %v", body, err)
	}
}

func TestHTTPClientBadCertificateFile(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("not a certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{empty, filepath.Join(t.TempDir(), "missing.pem")} {
		_, err := HTTPClient(MapEnv(map[string]string{"SSL_CERT_FILE": file}))
		if err == nil || !strings.Contains(err.Error(), "SSL_CERT_FILE") {
			t.Errorf("%s: %v", filepath.Base(file), err)
		}
	}
}
