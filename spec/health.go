package spec

import (
	"path/filepath"
	"time"

	"skysail/internal/hclfile"
)

// Health says how to ask the service whether it works; exactly one of HTTP,
// TCP and GRPC is set.
type Health struct {
	HTTP *HTTPHealth `json:"http,omitempty"`
	TCP  *TCPHealth  `json:"tcp,omitempty"`
	GRPC *GRPCHealth `json:"grpc,omitempty"`
	// Timeout is the time that one check may take; 0 is the collector's own.
	Timeout time.Duration `json:"timeout,omitempty"`
	// SuccessThreshold is how many checks in a row must pass until the service
	// counts as up (0 is 1), FailureThreshold how many must fail until it does
	// not any longer (0 is 3). The defaults are those of Kubernetes' probes.
	SuccessThreshold int `json:"success_threshold,omitempty"`
	FailureThreshold int `json:"failure_threshold,omitempty"`
	// Vantage says from where to ask: VantageLocal, VantageSSH or both. None is
	// from here, and through SSH where the port is not public.
	Vantage []string `json:"vantage,omitempty"`
}

// The vantages.
const (
	VantageLocal = "local" // this machine, as the service's users come
	VantageSSH   = "ssh"   // the instance itself, through its SSH connection
)

// HTTPHealth is a request that a healthy service answers with 2xx.
type HTTPHealth struct {
	Port string `json:"port"` // a port's name
	Path string `json:"path"`
	// Scheme is http (or empty) or https.
	Scheme string `json:"scheme,omitempty"`
	Method string `json:"method,omitempty"` // GET when empty
	// Host is the Host header, and the name that the certificate must have
	// unless TLS says another; empty is the instance's address.
	Host string `json:"host,omitempty"`
	// HTTPVersion is 1.1 (or empty) or 2.
	HTTPVersion string            `json:"http_version,omitempty"`
	Headers     map[string]string `json:"headers,omitempty"`
	// SecretHeaders are sent as well: their values are the names of variables
	// in the environment of the process that asks.
	SecretHeaders map[string]string `json:"secret_headers,omitempty"`
	// Redirects is how many are followed.
	Redirects int `json:"redirects,omitempty"`
	// Status are codes and ranges, such as 204 and 200-299; none is 200-299.
	Status []string `json:"status,omitempty"`
	// HeaderMatches are regular expressions (RE2) by header.
	HeaderMatches map[string]string `json:"header_matches,omitempty"`
	// BodyMatches are regular expressions that must each match the first MiB
	// of the body, BodyNotMatches such that must not.
	BodyMatches    []string `json:"body_matches,omitempty"`
	BodyNotMatches []string `json:"body_not_matches,omitempty"`
	// JSON are conditions on the body; see internal/jsonassert.
	JSON []string   `json:"json,omitempty"`
	TLS  *HealthTLS `json:"tls,omitempty"`
}

// TCPHealth is a connection that a healthy service accepts.
type TCPHealth struct {
	Port string `json:"port"`
	// Send is sent, and Expect, a regular expression, must match the first
	// 64 KiB of what comes.
	Send   string     `json:"send,omitempty"`
	Expect string     `json:"expect,omitempty"`
	TLS    *HealthTLS `json:"tls,omitempty"`
}

// GRPCHealth asks by grpc.health.v1.
type GRPCHealth struct {
	Port string `json:"port"`
	// Service is the name that is asked for; empty is the server as a whole.
	Service string     `json:"service,omitempty"`
	TLS     *HealthTLS `json:"tls,omitempty"`
}

// HealthTLS says what the TLS of a health check is held to. Paths are those of
// the machine that asks, and absolute.
type HealthTLS struct {
	CAFile     string `json:"ca_file,omitempty"`
	CertFile   string `json:"cert_file,omitempty"`
	KeyFile    string `json:"key_file,omitempty"`
	ServerName string `json:"server_name,omitempty"`
	// MinVersion is 1.2 (or empty) or 1.3.
	MinVersion string `json:"min_version,omitempty"`
	// MinDaysLeft is how many days the certificates must be valid at least.
	MinDaysLeft int `json:"min_days_left,omitempty"`
}

// Port is the name of the port that is asked.
func (h *Health) Port() string {
	switch {
	case h == nil:
		return ""
	case h.HTTP != nil:
		return h.HTTP.Port
	case h.TCP != nil:
		return h.TCP.Port
	case h.GRPC != nil:
		return h.GRPC.Port
	}
	return ""
}

var (
	healthTLSSchema = &hclfile.Schema{
		What:       "a tls block",
		Attributes: []string{"ca_file", "cert_file", "key_file", "server_name", "min_version", "min_days_left"},
	}
	httpSchema = &hclfile.Schema{
		What: "an http block",
		Attributes: []string{
			"port", "path", "scheme", "method", "host", "http_version", "headers", "secret_headers", "redirects",
			"status", "header_matches", "body_matches", "body_not_matches", "json",
		},
		Blocks: []hclfile.Block{{Type: "tls", Schema: healthTLSSchema}},
	}
	tcpSchema = &hclfile.Schema{
		What: "a tcp block", Attributes: []string{"port", "send", "expect"},
		Blocks: []hclfile.Block{{Type: "tls", Schema: healthTLSSchema}},
	}
	grpcSchema = &hclfile.Schema{
		What: "a grpc block", Attributes: []string{"port", "service"},
		Blocks: []hclfile.Block{{Type: "tls", Schema: healthTLSSchema}},
	}
	healthSchema = &hclfile.Schema{
		What:       "a health block",
		Attributes: []string{"timeout", "success_threshold", "failure_threshold", "vantage"},
		Blocks: []hclfile.Block{
			{Type: "http", Schema: httpSchema}, {Type: "tcp", Schema: tcpSchema}, {Type: "grpc", Schema: grpcSchema},
		},
	}
)

func decodeHealth(f *hclfile.File, service *hclfile.Body) *Health {
	block := service.Child("health")
	if block == nil {
		return nil
	}
	h := &Health{}
	decodeTimeout(block, &h.Timeout)
	threshold(block, "success_threshold", &h.SuccessThreshold)
	threshold(block, "failure_threshold", &h.FailureThreshold)
	block.Strings("vantage", &h.Vantage)
	if b := block.Child("http"); b != nil {
		h.HTTP = &HTTPHealth{Path: "/"}
		decodeHTTPHealth(b, h.HTTP)
		h.HTTP.TLS = decodeHealthTLS(f, b)
	}
	if b := block.Child("tcp"); b != nil {
		h.TCP = &TCPHealth{}
		requirePort(b, &h.TCP.Port)
		b.String("send", &h.TCP.Send)
		b.String("expect", &h.TCP.Expect)
		h.TCP.TLS = decodeHealthTLS(f, b)
	}
	if b := block.Child("grpc"); b != nil {
		h.GRPC = &GRPCHealth{}
		requirePort(b, &h.GRPC.Port)
		b.String("service", &h.GRPC.Service)
		h.GRPC.TLS = decodeHealthTLS(f, b)
	}
	return h
}

func decodeHTTPHealth(b *hclfile.Body, h *HTTPHealth) {
	requirePort(b, &h.Port)
	b.String("path", &h.Path)
	b.String("scheme", &h.Scheme)
	b.String("method", &h.Method)
	b.String("host", &h.Host)
	b.String("http_version", &h.HTTPVersion)
	b.Map("headers", &h.Headers)
	b.Map("secret_headers", &h.SecretHeaders)
	b.Int("redirects", &h.Redirects)
	b.Strings("status", &h.Status)
	b.Map("header_matches", &h.HeaderMatches)
	b.Strings("body_matches", &h.BodyMatches)
	b.Strings("body_not_matches", &h.BodyNotMatches)
	b.Strings("json", &h.JSON)
}

func requirePort(b *hclfile.Body, into *string) {
	b.String("port", into)
	b.Require("port", "the name of a port block")
}

func decodeHealthTLS(f *hclfile.File, block *hclfile.Body) *HealthTLS {
	b := block.Child("tls")
	if b == nil {
		return nil
	}
	t := &HealthTLS{}
	for name, into := range map[string]*string{"ca_file": &t.CAFile, "cert_file": &t.CertFile, "key_file": &t.KeyFile} {
		b.String(name, into)
		if *into != "" && !filepath.IsAbs(*into) {
			*into = filepath.Join(f.Dir(), *into)
		}
	}
	b.String("server_name", &t.ServerName)
	b.String("min_version", &t.MinVersion)
	b.Int("min_days_left", &t.MinDaysLeft)
	return t
}

// threshold decodes a threshold. In a service that a program built 0 is the
// default; a file leaves it out.
func threshold(b *hclfile.Body, name string, into *int) {
	b.Int(name, into)
	if b.Has(name) && *into == 0 {
		b.Report(thresholdMistake(name, 0))
	}
}

func decodeTimeout(b *hclfile.Body, into *time.Duration) {
	text := ""
	b.String("timeout", &text)
	if !b.Has("timeout") {
		return
	}
	d, err := time.ParseDuration(text)
	if err == nil && d != 0 {
		*into = d
		return
	}
	b.Report(hclfile.Mistake{
		Path: "timeout", Summary: "Invalid timeout", Detail: "{value} is no duration.", Value: text,
		Hint: `write a number and its unit, for example timeout = "5s"`,
	})
	b.Broken("timeout")
}
