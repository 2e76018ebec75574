package plugin

import (
	"context"
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
	"sync"
	"testing"
	"time"
)

// intercept serves a handler as https://host behind an HTTPS proxy, and
// returns the proxy's URL and the file with the certificate to trust.
func intercept(t *testing.T, host string, h http.Handler) (proxyURL, roots string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: host},
		DNSNames:     []string{host},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IsCA:         true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	roots = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	api := httptest.NewUnstartedServer(h)
	api.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	api.StartTLS()
	t.Cleanup(func() { api.CloseClientConnections(); api.Close() })

	var tunnels sync.WaitGroup
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != host+":443" {
			http.Error(w, "this proxy leads to "+host+" only", http.StatusBadGateway)
			return
		}
		tunnels.Add(1)
		defer tunnels.Done()
		tunnel(t, w, api.Listener.Addr().String())
	}))
	t.Cleanup(func() { api.CloseClientConnections(); proxy.Close(); tunnels.Wait() })
	return proxy.URL, roots
}

func tunnel(t *testing.T, w http.ResponseWriter, addr string) {
	t.Helper()
	var d net.Dialer
	up, err := d.DialContext(context.Background(), "tcp", addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = up.Close() }()
	down, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = down.Close() }()
	if _, err := io.WriteString(down, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	var both sync.WaitGroup
	for _, c := range [][2]net.Conn{{up, down}, {down, up}} {
		both.Add(1)
		go func() {
			defer both.Done()
			_, _ = io.Copy(c[0], c[1]) // ends when either side closes
			_ = c[0].Close()
		}()
	}
	both.Wait()
}
