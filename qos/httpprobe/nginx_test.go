package httpprobe_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"skysail/internal/jsonassert"
	"skysail/qos/httpprobe"
	"skysail/qos/internal/probetest"
	"skysail/qos/probe"
)

// TestNginx asks a real nginx: plain, TLS, HTTP/2, client certificates, names.
func TestNginx(t *testing.T) {
	ca := probetest.NewCA(t)
	later := time.Now().Add(90 * 24 * time.Hour)
	cert, key := ca.Files(ca.Leaf(later, "www.example.com"))
	client, clientKey := ca.Files(ca.Leaf(later, "client"))
	ports := probetest.Nginx(t, 3, fmt.Sprintf(`
ssl_certificate %s;
ssl_certificate_key %s;
ssl_protocols TLSv1.2 TLSv1.3;
server {
	listen 127.0.0.1:PORT0;
	server_name www.example.com;
	location = /healthz { default_type application/json; return 200 '{"status":"ok","host":"$host"}'; }
	location = /to { return 302 /healthz; }
	location = /secure { return 301 https://$host:PORT1/healthz; }
	location = /loop { return 302 /loop; }
	location / { return 503; }
}
server {
	listen 127.0.0.1:PORT1 ssl http2;
	server_name www.example.com;
	location = /healthz { default_type application/json; return 200 '{"status":"ok","proto":"$server_protocol"}'; }
	location = /plain { return 301 http://$host:PORT0/healthz; }
}
server {
	listen 127.0.0.1:PORT2 ssl;
	ssl_client_certificate %s;
	ssl_verify_client on;
	location / { return 200 "$ssl_client_s_dn"; }
}
`, cert, key, ca.File()))
	plain, secure, mutual := "http://127.0.0.1:"+ports[0], "https://127.0.0.1:"+ports[1], "https://127.0.0.1:"+ports[2]
	host := http.Header{"Host": {"www.example.com"}}
	trust := probe.NewTLS(probe.TLSOptions{CAFile: ca.File()})
	named := probe.NewTLS(probe.TLSOptions{CAFile: ca.File(), ServerName: "www.example.com", MinVersion: 0x0304})
	json := func(text string) []*jsonassert.Condition {
		c, err := jsonassert.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return []*jsonassert.Condition{c}
	}
	for _, c := range []struct {
		name, url string
		o         httpprobe.Options
		why       string
		status    float64
		version   float64
	}{
		{"plain", plain + "/healthz", httpprobe.Options{Header: host, JSON: json(`$.host == "www.example.com"`)}, "", 200, 1.1},
		{"status", plain + "/x", httpprobe.Options{}, "status 503", 503, 1.1},
		{"status wanted", plain + "/x", httpprobe.Options{Status: []httpprobe.StatusRange{{From: 500, To: 599}}}, "", 503, 1.1},
		{"redirect", plain + "/to", httpprobe.Options{Redirects: 1}, "", 200, 1.1},
		{"loop", plain + "/loop", httpprobe.Options{Redirects: 3}, "redirect loop", 302, 1.1},
		{"to https", plain + "/secure", httpprobe.Options{Redirects: 3, Header: host, TLS: trust}, "", 200, 1.1},
		{"to plain http", secure + "/plain", httpprobe.Options{Redirects: 3, Header: host, TLS: trust}, "is not followed", 301, 1.1},
		{"TLS by the Host header", secure + "/healthz", httpprobe.Options{Header: host, TLS: trust, JSON: json(`$.proto == "HTTP/1.1"`)}, "", 200, 1.1},
		{"TLS by server name", secure + "/healthz", httpprobe.Options{TLS: named}, "", 200, 1.1},
		{"TLS, wrong name", secure + "/healthz", httpprobe.Options{TLS: trust}, `is not for "127.0.0.1" but for "www.example.com"`, 0, 0},
		{"TLS, nobody's CA", secure + "/healthz", httpprobe.Options{Header: host}, "not trusted here", 0, 0},
		{"HTTP/2", secure + "/healthz", httpprobe.Options{HTTP2: true, Header: host, TLS: trust, JSON: json(`$.proto == "HTTP/2.0"`)}, "", 200, 2},
		{"no HTTP/2", mutual + "/", httpprobe.Options{HTTP2: true, TLS: named}, "speaks none of the wanted protocols", 0, 0},
		{"no HTTP/2 in plain text", plain + "/healthz", httpprobe.Options{HTTP2: true}, "does not speak HTTP/2", 0, 0},
		{"plain to a TLS port", "http://127.0.0.1:" + ports[1] + "/", httpprobe.Options{}, "status 400", 400, 1.1},
		{"TLS to a plain port", "https://127.0.0.1:" + ports[0] + "/", httpprobe.Options{TLS: trust}, "plain HTTP, not TLS", 0, 0},
		{"client certificate", mutual + "/", httpprobe.Options{
			TLS:         probe.NewTLS(probe.TLSOptions{CAFile: ca.File(), ServerName: "www.example.com", CertFile: client, KeyFile: clientKey}),
			BodyMatches: []*regexp.Regexp{regexp.MustCompile("CN=client")},
		}, "", 200, 1.1},
		{"no client certificate", mutual + "/", httpprobe.Options{TLS: named}, "status 400", 400, 1.1},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, v := ask(t, c.url, c.o)
			if r.Success != (c.why == "") || !strings.Contains(r.Why, c.why) || v["probe_http_status_code"] != c.status || v["probe_http_version"] != c.version {
				t.Errorf("success %v, why %q, status %v, version %v", r.Success, r.Why, v["probe_http_status_code"], v["probe_http_version"])
			}
		})
	}
}
