package spec

import (
	"fmt"
	"net/http"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"skysail/internal/hclfile"
	"skysail/internal/jsonassert"
	"skysail/internal/lazyregexp"
)

const (
	maxThreshold   = 100
	minTimeout     = 100 * time.Millisecond
	maxTimeout     = time.Minute
	maxRedirects   = 20
	maxDaysLeft    = 3650
	maxRegexp      = 1024
	maxHeaderValue = 4096
	maxSend        = 4096
	maxConditions  = 20
)

func (s *Service) healthMistakes() []mistake {
	h := s.Health
	if h == nil {
		return nil
	}
	var kinds []string
	for kind, there := range map[string]bool{"http": h.HTTP != nil, "tcp": h.TCP != nil, "grpc": h.GRPC != nil} {
		if there {
			kinds = append(kinds, kind)
		}
	}
	slices.Sort(kinds)
	switch len(kinds) {
	case 0:
		return []mistake{{
			Path:    "health",
			Summary: "No health check",
			Detail:  "The health block does not say how to ask the service.",
			Hint:    `write http { … }, tcp { … } or grpc { … } in it, with port = "NAME"`,
		}}
	case 1:
	default:
		return []mistake{{
			Path:    "health." + kinds[1],
			Summary: "More than one kind of health check",
			Detail:  fmt.Sprintf("A service is asked in one way, and this has %s.", strings.Join(kinds, " and ")),
			Hint:    "keep the one that says most of the service",
		}}
	}
	out := h.generalMistakes()
	switch {
	case h.HTTP != nil:
		out = append(out, s.healthPort("health.http.port", h.HTTP.Port)...)
		out = append(out, h.HTTP.mistakes()...)
	case h.TCP != nil:
		out = append(out, s.healthPort("health.tcp.port", h.TCP.Port)...)
		out = append(out, h.TCP.mistakes()...)
	default:
		out = append(out, s.healthPort("health.grpc.port", h.GRPC.Port)...)
		if len(h.GRPC.Service) > 255 || strings.ContainsFunc(h.GRPC.Service, lineBreaking) {
			out = append(out, mistake{
				Path: "health.grpc.service", Summary: "Invalid gRPC service", Value: h.GRPC.Service,
				Detail: "{value} is no name of a gRPC service: it has at most 255 characters and no control characters.",
				Hint:   `for example "acme.echo.v1.Echo"; leave it out for the server as a whole`,
			})
		}
		out = append(out, h.GRPC.TLS.mistakes("health.grpc.tls")...)
	}
	return out
}

func (h *Health) generalMistakes() []mistake {
	var out []mistake
	if h.Timeout != 0 && (h.Timeout < minTimeout || h.Timeout > maxTimeout) {
		out = append(out, mistake{
			Path: "health.timeout", Summary: "Invalid timeout", Value: h.Timeout.String(),
			Detail: fmt.Sprintf("A check takes between %s and %s, not {value}.", minTimeout, maxTimeout),
			Hint:   `for example timeout = "5s"`,
		})
	}
	for _, t := range []struct {
		name string
		n    int
	}{{"success_threshold", h.SuccessThreshold}, {"failure_threshold", h.FailureThreshold}} {
		if t.n < 0 || t.n > maxThreshold {
			out = append(out, thresholdMistake("health."+t.name, t.n))
		}
	}
	vantages := []string{VantageLocal, VantageSSH}
	for i, v := range h.Vantage {
		switch {
		case !slices.Contains(vantages, v):
			out = append(out, mistake{
				Path: fmt.Sprintf("health.vantage[%d]", i), Summary: "Unknown vantage", Value: v,
				Detail: "{value} is no place to ask from: there are local (this machine) and ssh (the instance itself, through SSH).",
				Hint:   hclfile.DidYouMean(v, vantages),
			})
		case slices.Contains(h.Vantage[:i], v):
			out = append(out, mistake{
				Path: fmt.Sprintf("health.vantage[%d]", i), Summary: "Duplicate vantage", Value: v,
				Detail: "{value} is in the list already.", Hint: "keep one of the two",
			})
		}
	}
	return out
}

func thresholdMistake(path string, n int) mistake {
	return mistake{
		Path: path, Summary: "Invalid threshold", Value: n,
		Detail: fmt.Sprintf("A threshold is a number of checks in a row between 1 and %d, not {value}.", maxThreshold),
		Hint:   "leave it out for the default (1 for success, 3 for failure)",
	}
}

func (s *Service) healthPort(path, port string) []mistake {
	if _, ok := s.Port(port); ok {
		return nil
	}
	names := make([]string, 0, len(s.Ports))
	for _, p := range s.Ports {
		names = append(names, p.Name)
	}
	hint := `add a block: port "http" { … }`
	if len(names) > 0 {
		hint = hclfile.DidYouMean(port, names)
	}
	return []mistake{{
		Path:    path,
		Summary: "Unknown port",
		Detail:  "There is no port named {value} in this service.",
		Value:   port,
		Hint:    hint,
	}}
}

func (h *HTTPHealth) mistakes() []mistake {
	var out []mistake
	if !httpPath.MatchString(h.Path) || len(h.Path) > maxPath {
		m := mistake{
			Path:    "health.http.path",
			Summary: "Invalid health path",
			Detail:  "{value} is no path of a URL: it begins with one / and has no spaces, quotes or #, at most 1024 characters.",
			Value:   h.Path,
			Hint:    `for example "/healthz"`,
		}
		if httpPath.MatchString("/" + h.Path) {
			m.Guess = fmt.Sprintf("did you mean %s?", hclfile.Quote("/"+h.Path))
		}
		out = append(out, m)
	}
	out = append(out, oneOf("health.http.scheme", "scheme", h.Scheme, "http", "https")...)
	out = append(out, oneOf("health.http.method", "method", h.Method, "GET", "HEAD", "POST", "OPTIONS")...)
	out = append(out, oneOf("health.http.http_version", "HTTP version", h.HTTPVersion, "1.1", "2")...)
	if h.Host != "" && !hostText(h.Host) {
		out = append(out, mistake{
			Path: "health.http.host", Summary: "Invalid host", Value: h.Host,
			Detail: "{value} is no host name, nor one with a port.", Hint: `for example "www.example.com"`,
		})
	}
	if h.Redirects < 0 || h.Redirects > maxRedirects {
		out = append(out, mistake{
			Path: "health.http.redirects", Summary: "Invalid number of redirects", Value: h.Redirects,
			Detail: fmt.Sprintf("Between 0 and %d redirects can be followed, not {value}.", maxRedirects),
		})
	}
	for i, code := range h.Status {
		if !statusText(code) {
			out = append(out, mistake{
				Path: fmt.Sprintf("health.http.status[%d]", i), Summary: "Invalid status", Value: code,
				Detail: "{value} is no status code of HTTP, which is between 100 and 599, and no range of them.",
				Hint:   `for example status = ["200-299", "404"]`,
			})
		}
	}
	out = append(out, h.headerMistakes()...)
	out = append(out, patterns("health.http.body_matches", h.BodyMatches)...)
	out = append(out, patterns("health.http.body_not_matches", h.BodyNotMatches)...)
	out = append(out, h.jsonMistakes()...)
	if h.Method == http.MethodHead && len(h.BodyMatches)+len(h.JSON) > 0 {
		out = append(out, mistake{
			Path: "health.http.method", Summary: "HEAD has no body", Value: h.Method,
			Detail: "The answer to {value} has no body that could be judged.", Hint: `use method = "GET"`,
		})
	}
	if h.TLS != nil && h.Scheme != "https" {
		out = append(out, mistake{
			Path: "health.http.tls", Summary: "TLS of plain HTTP",
			Detail: "The tls block says something of https, and the scheme is http.", Hint: `add scheme = "https", or remove the tls block`,
		})
	}
	return append(out, h.TLS.mistakes("health.http.tls")...)
}

func (h *HTTPHealth) jsonMistakes() []mistake {
	if len(h.JSON) > maxConditions {
		return []mistake{tooMany("health.http.json", len(h.JSON))}
	}
	var out []mistake
	for i, text := range h.JSON {
		if _, err := jsonassert.Parse(text); err != nil {
			out = append(out, mistake{
				Path: fmt.Sprintf("health.http.json[%d]", i), Summary: "Invalid condition on JSON", Value: text,
				Detail: "{value} is no condition in JSONPath (RFC 9535): " + err.Error() + ".",
				Hint:   `for example "$.status == 'ok' && $.queue.depth < 100"`,
			})
		}
	}
	return out
}

func (h *TCPHealth) mistakes() []mistake {
	var out []mistake
	if len(h.Send) > maxSend {
		out = append(out, mistake{
			Path: "health.tcp.send", Summary: "Text to send is too long", Value: len(h.Send),
			Detail: fmt.Sprintf("At most %d bytes are sent, and these are {value}.", maxSend),
		})
	}
	if h.Expect != "" {
		if m, ok := patternMistake("health.tcp.expect", h.Expect); ok {
			out = append(out, m)
		}
	}
	return append(out, h.TLS.mistakes("health.tcp.tls")...)
}

func oneOf(path, what, value string, known ...string) []mistake {
	if value == "" || slices.Contains(known, value) {
		return nil
	}
	return []mistake{{
		Path: path, Summary: "Unknown " + what, Value: value,
		Detail: fmt.Sprintf("{value} is no %s of a health check: there are %s.", what, strings.Join(known, ", ")),
		Hint:   hclfile.DidYouMean(value, known),
	}}
}

func tooMany(path string, n int) mistake {
	return mistake{
		Path: path, Summary: "Too many conditions", Value: n,
		Detail: fmt.Sprintf("There are {value}, and at most %d are allowed.", maxConditions), Hint: "join some into one",
	}
}

func patterns(path string, all []string) []mistake {
	if len(all) > maxConditions {
		return []mistake{tooMany(path, len(all))}
	}
	var out []mistake
	for i, text := range all {
		if m, ok := patternMistake(fmt.Sprintf("%s[%d]", path, i), text); ok {
			out = append(out, m)
		}
	}
	return out
}

func patternMistake(path, text string) (mistake, bool) {
	m := mistake{Path: path, Summary: "Invalid regular expression", Value: text, Hint: "the syntax is that of RE2: https://golang.org/s/re2syntax"}
	switch _, err := regexp.Compile(text); {
	case text == "":
		m.Detail = "The regular expression is empty, so it would match everything."
	case len(text) > maxRegexp:
		m.Detail = fmt.Sprintf("The regular expression has %d bytes, and at most %d are allowed.", len(text), maxRegexp)
	case err != nil:
		m.Detail = "{value} is no regular expression: " + strings.TrimPrefix(err.Error(), "error parsing regexp: ") + "."
	default:
		return m, false
	}
	return m, true
}

func statusText(s string) bool {
	_, _, err := ParseStatus(s)
	return err == nil
}

// ParseStatus reads a status code, or a range of them such as 200-299, with
// both ends.
func ParseStatus(s string) (from, to int, err error) {
	first, last, ranged := strings.Cut(s, "-")
	if !ranged {
		last = first
	}
	from, err = strconv.Atoi(strings.TrimSpace(first))
	if err == nil {
		to, err = strconv.Atoi(strings.TrimSpace(last))
	}
	if err != nil || from < 100 || to > 599 || from > to {
		return 0, 0, fmt.Errorf("%q is no status code and no range of them", s)
	}
	return from, to, nil
}

var hostName = lazyregexp.New(`^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)

// hostText tells whether s is a host name or address, with or without a port.
func hostText(s string) bool {
	if !httpguts.ValidHostHeader(s) || len(s) > 255 {
		return false
	}
	if _, err := netip.ParseAddrPort(s); err == nil {
		return true
	}
	if _, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return true
	}
	name, port, has := strings.Cut(s, ":")
	if n, err := strconv.Atoi(port); has && (err != nil || n < 1 || n > 65535) {
		return false
	}
	return hostName.MatchString(name)
}

func (t *HealthTLS) mistakes(path string) []mistake {
	if t == nil {
		return nil
	}
	out := oneOf(path+".min_version", "TLS version", t.MinVersion, "1.2", "1.3")
	if (t.CertFile == "") != (t.KeyFile == "") {
		out = append(out, mistake{
			Path: path, Summary: "Half a client certificate",
			Detail: "cert_file and key_file belong together, and one of them is missing.", Hint: "give both, or none",
		})
	}
	for _, f := range []struct{ name, path string }{{"ca_file", t.CAFile}, {"cert_file", t.CertFile}, {"key_file", t.KeyFile}} {
		if f.path != "" && !filepath.IsAbs(f.path) {
			out = append(out, mistake{
				Path: path + "." + f.name, Summary: "Invalid path", Value: f.path,
				Detail: "{value} is not absolute, so where it is depends on who asks.",
			})
		}
	}
	if t.ServerName != "" && (!hostText(t.ServerName) || strings.Contains(t.ServerName, ":")) {
		out = append(out, mistake{
			Path: path + ".server_name", Summary: "Invalid server name", Value: t.ServerName,
			Detail: "{value} is no name that a certificate has.", Hint: `for example "www.example.com"`,
		})
	}
	if t.MinDaysLeft < 0 || t.MinDaysLeft > maxDaysLeft {
		out = append(out, mistake{
			Path: path + ".min_days_left", Summary: "Invalid number of days", Value: t.MinDaysLeft,
			Detail: fmt.Sprintf("Between 0 and %d days can be asked for, not {value}.", maxDaysLeft),
		})
	}
	return out
}
