package spec

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// folder is where the parsed files of a property test would be.
const folder = "/etc/skysail"

func drawHealth(t *rapid.T) *Health {
	h := &Health{
		Timeout:          rapid.SampledFrom([]time.Duration{0, minTimeout, 900 * time.Millisecond, maxTimeout}).Draw(t, "timeout"),
		SuccessThreshold: rapid.IntRange(0, maxThreshold).Draw(t, "success"),
		FailureThreshold: rapid.IntRange(0, maxThreshold).Draw(t, "failure"),
		Vantage:          rapid.SliceOfNDistinct(rapid.SampledFrom([]string{VantageLocal, VantageSSH}), 0, 2, rapid.ID[string]).Draw(t, "vantage"),
	}
	pattern := rapid.StringMatching(`[a-z.*+?^${}]{0,6}[a-z]`).Filter(func(s string) bool { _, bad := patternMistake("", s); return !bad })
	var tls *HealthTLS
	if rapid.Bool().Draw(t, "tls") {
		tls = &HealthTLS{
			ServerName:  rapid.SampledFrom([]string{"", "www.example.com", "192.0.2.1"}).Draw(t, "server name"),
			MinVersion:  rapid.SampledFrom([]string{"", "1.2", "1.3"}).Draw(t, "version"),
			MinDaysLeft: rapid.IntRange(0, maxDaysLeft).Draw(t, "days"),
		}
		if rapid.Bool().Draw(t, "files") {
			tls.CAFile, tls.CertFile, tls.KeyFile = folder+"/ca.pem", folder+"/tls/cert.pem", folder+"/tls/key.pem"
		}
	}
	switch rapid.IntRange(0, 2).Draw(t, "kind") {
	case 0:
		h.HTTP = &HTTPHealth{
			Port: "pa", Path: rapid.StringMatching(`/([a-z0-9$=&?]([a-z0-9$=&?/]|%2[0-9F]){0,10})?`).Draw(t, "path"),
			Method:         rapid.SampledFrom([]string{"", "GET", "POST"}).Draw(t, "method"),
			Host:           rapid.SampledFrom([]string{"", "www.example.com", "a:8080", "[::1]:80"}).Draw(t, "host"),
			HTTPVersion:    rapid.SampledFrom([]string{"", "1.1", "2"}).Draw(t, "HTTP version"),
			Headers:        rapid.MapOfN(rapid.StringMatching(`X-[a-m]{1,5}`), rapid.StringMatching(`[ -~]{0,10}`), 0, 2).Draw(t, "headers"),
			SecretHeaders:  rapid.MapOfN(rapid.StringMatching(`Y-[a-m]{1,5}`), rapid.StringMatching(`[A-Z_]{1,5}`), 0, 2).Draw(t, "secret headers"),
			Redirects:      rapid.IntRange(0, maxRedirects).Draw(t, "redirects"),
			Status:         rapid.SliceOfN(rapid.SampledFrom([]string{"200", "200-299", "404", "500-599"}), 0, 3).Draw(t, "status"),
			HeaderMatches:  rapid.MapOfN(rapid.StringMatching(`[A-Z][a-m]{1,5}`), pattern, 0, 2).Draw(t, "header matches"),
			BodyMatches:    rapid.SliceOfN(pattern, 0, 2).Draw(t, "body"),
			BodyNotMatches: rapid.SliceOfN(pattern, 0, 2).Draw(t, "body not"),
			JSON:           rapid.SliceOfN(rapid.SampledFrom([]string{`$.status == "ok"`, "$.a[?@.b > 1] && !$.c", "$['${x}']"}), 0, 2).Draw(t, "json"),
			TLS:            tls,
		}
		if tls != nil {
			h.HTTP.Scheme = "https"
		}
	case 1:
		h.TCP = &TCPHealth{Port: "pa", Send: text.Draw(t, "send"), Expect: rapid.OneOf(rapid.Just(""), pattern).Draw(t, "expect"), TLS: tls}
	default:
		h.GRPC = &GRPCHealth{Port: "pa", Service: rapid.StringMatching(`([a-z]{1,5}\.[A-Z][a-z]{1,5})?`).Draw(t, "service"), TLS: tls}
	}
	return h
}

func writeHealth(b writer, h *Health) {
	set := func(b writer, name string, v any) {
		switch v := v.(type) {
		case string:
			if v == "" {
				return
			}
		case int:
			if v == 0 {
				return
			}
		case []string:
			if len(v) == 0 {
				return
			}
		case map[string]string:
			if len(v) == 0 {
				return
			}
		}
		b.set(name, v)
	}
	if h.Timeout > 0 {
		b.set("timeout", h.Timeout.String())
	}
	set(b, "success_threshold", h.SuccessThreshold)
	set(b, "failure_threshold", h.FailureThreshold)
	set(b, "vantage", h.Vantage)
	secure := func(b writer, t *HealthTLS) {
		if t == nil {
			return
		}
		b = b.block("tls")
		set(b, "ca_file", t.CAFile)
		set(b, "cert_file", t.CertFile)
		set(b, "key_file", t.KeyFile)
		set(b, "server_name", t.ServerName)
		set(b, "min_version", t.MinVersion)
		set(b, "min_days_left", t.MinDaysLeft)
	}
	switch {
	case h.HTTP != nil:
		s := h.HTTP
		b = b.block("http")
		b.set("port", s.Port)
		b.set("path", s.Path)
		set(b, "scheme", s.Scheme)
		set(b, "method", s.Method)
		set(b, "host", s.Host)
		set(b, "http_version", s.HTTPVersion)
		set(b, "headers", s.Headers)
		set(b, "secret_headers", s.SecretHeaders)
		set(b, "redirects", s.Redirects)
		set(b, "status", s.Status)
		set(b, "header_matches", s.HeaderMatches)
		set(b, "body_matches", s.BodyMatches)
		set(b, "body_not_matches", s.BodyNotMatches)
		set(b, "json", s.JSON)
		secure(b, s.TLS)
	case h.TCP != nil:
		b = b.block("tcp")
		b.set("port", h.TCP.Port)
		set(b, "send", h.TCP.Send)
		set(b, "expect", h.TCP.Expect)
		secure(b, h.TCP.TLS)
	default:
		b = b.block("grpc")
		b.set("port", h.GRPC.Port)
		set(b, "service", h.GRPC.Service)
		secure(b, h.GRPC.TLS)
	}
}

func TestHealthFile(t *testing.T) {
	dir, err := filepath.Abs(filepath.Join("testdata", "valid"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := load(filepath.Join("testdata", "valid", "health.hcl"), testOptions)
	if err != nil {
		t.Fatal(err)
	}
	want := &Health{
		Timeout: 5 * time.Second, SuccessThreshold: 2, FailureThreshold: 5, Vantage: []string{"local", "ssh"},
		HTTP: &HTTPHealth{
			Port: "https", Path: "/healthz", Scheme: "https", Method: "POST", Host: "www.example.com", HTTPVersion: "2",
			Headers: map[string]string{"Accept": "application/json"}, SecretHeaders: map[string]string{"Authorization": "HEALTH_TOKEN"},
			Redirects: 3, Status: []string{"200-299", "404"}, HeaderMatches: map[string]string{"Content-Type": "^application/json"},
			BodyMatches: []string{`"ready"`}, BodyNotMatches: []string{"(?i)degraded"}, JSON: []string{`$.status == "ok" && $.queue.depth < 100`},
			TLS: &HealthTLS{
				CAFile: filepath.Join(dir, "ca.pem"), CertFile: filepath.Join(dir, "client.pem"), KeyFile: "/etc/ssl/private/client.key",
				ServerName: "www.example.com", MinVersion: "1.3", MinDaysLeft: 14,
			},
		},
	}
	if diff := cmp.Diff(want, got.Health); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.Health.Port() != "https" || (&Health{TCP: &TCPHealth{Port: "a"}}).Port() != "a" || (&Health{GRPC: &GRPCHealth{Port: "b"}}).Port() != "b" || (*Health)(nil).Port() != "" {
		t.Error("the port of a health check is not that which it has")
	}
}
