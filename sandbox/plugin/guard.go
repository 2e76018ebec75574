package plugin

import (
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"

	"skysail/internal/tfplugin"
)

// onlySandbox refuses an API that is not on this machine. The stand-ins are
// written for the simulated clouds; with somebody's real token in the
// environment they must not become a second, lesser client of a real account.
func onlySandbox(endpoint *url.URL) error {
	if loopback(endpoint.Hostname()) {
		return nil
	}
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: endpoint})
	if err == nil && proxy != nil && loopback(proxy.Hostname()) {
		return nil
	}
	return &tfplugin.Problem{
		Summary: fmt.Sprintf("skysail's stand-in for this provider does not call %s", endpoint.Host),
		Detail: "It serves the simulated clouds only, and neither the API's address nor HTTPS_PROXY leads to one on this machine. " +
			"`skysail sandbox env` prints what to set; for the real cloud use the provider from the registry.",
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// trustedRoots adds the file that SSL_CERT_FILE names to the system's roots.
// Go does that by itself on Linux, and not on macOS.
func trustedRoots() (*x509.CertPool, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, err
	}
	file := os.Getenv("SSL_CERT_FILE")
	if file == "" {
		return roots, nil
	}
	pem, err := os.ReadFile(file) //nolint:gosec // the user's own setting
	if err != nil {
		return nil, fmt.Errorf("SSL_CERT_FILE: %w", err)
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("SSL_CERT_FILE: %s holds no certificate", file)
	}
	return roots, nil
}
