// Package health asks a service as its health block says: by HTTP, TCP or
// gRPC, from here, from the instance itself through its SSH connection, or
// from both, so that a service that is down and a path that is down are told
// apart; and it keeps, with thresholds, the state that follows.
package health

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"time"

	"skysail/internal/jsonassert"
	"skysail/qos/grpcprobe"
	"skysail/qos/httpprobe"
	"skysail/qos/probe"
	"skysail/qos/tcpprobe"
	"skysail/spec"
)

// Place is where a service is.
type Place struct {
	// Host is the instance's address as it is reached from here, and Port the
	// number of the port that is asked.
	Host string
	Port int
	// Public says that the port is open to the world.
	Public bool
	// RootCAs are trusted in place of the system's where they are set and the
	// health block names no ca_file; the first that is given counts.
	RootCAs *x509.CertPool
	// Dial reaches the instance from here; nil is net.Dialer.
	Dial probe.DialFunc
	// DialSSH connects from the instance itself, through SSH; nil where there
	// is no SSH login.
	DialSSH probe.DialFunc
}

// loopback is what the instance calls itself.
const loopback = "127.0.0.1"

// check is a health block that was made ready: what is costly to make is made
// once.
type check struct {
	health  *spec.Health
	http    httpprobe.Options
	tcp     tcpprobe.Options
	grpc    grpcprobe.Options
	secrets map[string]string // header: variable
	tlsName string
}

// newCheck makes a check. A health block that Validate takes is never refused.
func newCheck(h *spec.Health, roots *x509.CertPool) (*check, error) {
	c := &check{health: h}
	var errs []error
	pattern := func(text string) *regexp.Regexp {
		re, err := regexp.Compile(text)
		errs = append(errs, err)
		return re
	}
	switch {
	case h.HTTP != nil:
		s := h.HTTP
		c.secrets = s.SecretHeaders
		c.http = httpprobe.Options{Method: s.Method, Header: http.Header{}, HTTP2: s.HTTPVersion == "2", Redirects: s.Redirects}
		for name, value := range s.Headers {
			c.http.Header.Set(name, value)
		}
		if s.Host != "" {
			c.http.Header.Set("Host", s.Host)
		}
		for _, text := range s.Status {
			from, to, err := spec.ParseStatus(text)
			errs = append(errs, err)
			c.http.Status = append(c.http.Status, httpprobe.StatusRange{From: from, To: to})
		}
		if len(s.HeaderMatches) > 0 {
			c.http.HeaderMatches = map[string]*regexp.Regexp{}
		}
		for name, text := range s.HeaderMatches {
			c.http.HeaderMatches[name] = pattern(text)
		}
		for _, text := range s.BodyMatches {
			c.http.BodyMatches = append(c.http.BodyMatches, pattern(text))
		}
		for _, text := range s.BodyNotMatches {
			c.http.BodyNotMatches = append(c.http.BodyNotMatches, pattern(text))
		}
		for _, text := range s.JSON {
			condition, err := jsonassert.Parse(text)
			errs = append(errs, err)
			c.http.JSON = append(c.http.JSON, condition)
		}
		c.http.TLS, c.http.MinCertificate = newTLS(s.TLS, roots, len(s.SecretHeaders) > 0)
	case h.TCP != nil:
		c.tcp = tcpprobe.Options{Send: []byte(h.TCP.Send)}
		if h.TCP.Expect != "" {
			c.tcp.Expect = pattern(h.TCP.Expect)
		}
		if h.TCP.TLS != nil {
			c.tcp.TLS, c.tcp.MinCertificate = newTLS(h.TCP.TLS, roots, h.TCP.Send != "")
		}
	case h.GRPC != nil:
		c.grpc = grpcprobe.Options{Service: h.GRPC.Service}
		if h.GRPC.TLS != nil {
			c.grpc.TLS, c.grpc.MinCertificate = newTLS(h.GRPC.TLS, roots, false)
			c.tlsName = h.GRPC.TLS.ServerName
		}
	default:
		errs = append(errs, errors.New("it does not say how to ask"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("the health block cannot be used: %w", err)
	}
	return c, nil
}

func newTLS(s *spec.HealthTLS, roots *x509.CertPool, secret bool) (*probe.TLS, time.Duration) {
	if s == nil {
		s = &spec.HealthTLS{}
	}
	o := probe.TLSOptions{RootCAs: roots, Secret: secret, CAFile: s.CAFile, CertFile: s.CertFile, KeyFile: s.KeyFile, ServerName: s.ServerName}
	if s.MinVersion == "1.3" {
		o.MinVersion = tls.VersionTLS13
	}
	return probe.NewTLS(o), time.Duration(s.MinDaysLeft) * 24 * time.Hour
}

// header is what is sent, with the secrets of the environment.
func (c *check) header() (http.Header, error) {
	if len(c.secrets) == 0 {
		return c.http.Header, nil
	}
	h := c.http.Header.Clone()
	for name, variable := range c.secrets {
		value, ok := os.LookupEnv(variable)
		if !ok || value == "" {
			return nil, fmt.Errorf("the header %s needs the variable %s, which is not set in the environment of this process: set it and start anew", name, variable)
		}
		h.Set(name, value)
	}
	return h, nil
}

// url is what is asked at host.
func (c *check) url(host string, port int) string {
	scheme := c.health.HTTP.Scheme
	if scheme == "" {
		scheme = "http"
	}
	return scheme + "://" + net.JoinHostPort(host, strconv.Itoa(port)) + c.health.HTTP.Path
}
