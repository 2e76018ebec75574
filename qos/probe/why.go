package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"
)

// TimedOut tells whether err is the end of the probe's time.
func TimedOut(ctx context.Context, err error) bool {
	var timeout net.Error
	return err != nil && (ctx.Err() != nil || (errors.As(err, &timeout) && timeout.Timeout()))
}

// Fault says in words how an open connection failed.
func (c *Conn) Fault(err error) string {
	what := ioFault(err)
	if what != closed || c == nil || c.tls == nil || !c.tls.asked.Load() {
		return what
	}
	// With TLS 1.3 the alert that refuses the client certificate may be lost:
	// the server closes with the request unread, and the reset overtakes it.
	if c.tls.o.CertFile == "" {
		return what + ": most likely the server wants a client certificate: set cert_file and key_file"
	}
	return what + ": most likely the server does not take the client certificate"
}

// closed is the end that gives no reason.
const closed = "the connection was closed without an answer"

// ioFault says in words how a connection failed.
func ioFault(err error) string {
	switch alert := alertOf(err); {
	case alert != "": // with TLS 1.3 a client certificate is refused after the handshake
		return alertFault(alert)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused: nothing listens on the port"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return closed
	case errors.Is(err, syscall.EHOSTUNREACH):
		return "no route to the host"
	}
	return err.Error()
}

// handshakeFault says in words why a TLS handshake failed.
func handshakeFault(err error, state *tls.ConnectionState) string {
	var expired x509.CertificateInvalidError
	var name x509.HostnameError
	var authority x509.UnknownAuthorityError
	var record tls.RecordHeaderError
	alert := alertOf(err)
	switch {
	case errors.As(err, &expired) && expired.Reason == x509.Expired:
		c := expired.Cert
		if now := time.Now(); now.Before(c.NotBefore) {
			return fmt.Sprintf("the certificate of %s is valid only from %s on: see the clock of this machine and the certificate", subject(c), c.NotBefore.UTC().Format(time.RFC3339))
		}
		return fmt.Sprintf("the certificate of %s expired at %s: renew it", subject(c), c.NotAfter.UTC().Format(time.RFC3339))
	case errors.As(err, &name):
		return fmt.Sprintf("the certificate is not for %s but for %s: set server_name to the name it has, or get one for this name", quoted(name.Host), names(name.Certificate))
	case errors.As(err, &authority):
		issuer := ""
		if state != nil && len(state.PeerCertificates) > 0 {
			issuer = " (issued by " + quoted(state.PeerCertificates[len(state.PeerCertificates)-1].Issuer.String()) + ")"
		}
		return "the certificate is signed by an authority that is not trusted here" + issuer + ": name its certificate in ca_file, or complete the chain that the server sends"
	case errors.As(err, &expired):
		return "the certificate is not valid: " + expired.Error()
	case errors.As(err, &record):
		if strings.HasPrefix(string(record.RecordHeader[:]), "HTTP/") {
			return "the port speaks plain HTTP, not TLS"
		}
		return "the port does not speak TLS: the answer begins with " + Excerpt(record.RecordHeader[:])
	case alert != "":
		return alertFault(alert)
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed in the TLS handshake"
	}
	return "the TLS handshake failed: " + err.Error()
}

// alertOf is what a server said when it ended TLS; empty when it did not.
// crypto/tls has no type for it but this.
func alertOf(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" {
		return strings.TrimPrefix(op.Err.Error(), "tls: ")
	}
	return ""
}

// alertFault says in words why the server ended TLS. The texts are those of
// crypto/tls (alert.go) for the alerts of RFC 8446, section 6.
func alertFault(alert string) string {
	switch alert {
	case "certificate required":
		return "the server wants a client certificate: set cert_file and key_file"
	case "bad certificate", "unsupported certificate", "revoked certificate", "expired certificate",
		"unknown certificate", "unknown certificate authority", "access denied":
		return "the server does not take the client certificate, or wants one: it says " + quoted(alert)
	case "handshake failure":
		return "the server refused the TLS handshake: it may want a client certificate, or have no cipher in common"
	case "protocol version not supported":
		return "the server does not speak the wanted version of TLS: see min_version"
	case "no application protocol":
		return "the server speaks none of the wanted protocols: see http_version"
	}
	return "the server refused TLS: it says " + quoted(alert)
}

func subject(c *x509.Certificate) string {
	if s := c.Subject.CommonName; s != "" {
		return quoted(s)
	}
	return names(c)
}

// names are what a certificate is for, at most three of them.
func names(c *x509.Certificate) string {
	var all []string
	for _, n := range c.DNSNames {
		all = append(all, quoted(n))
	}
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		return "no name at all"
	}
	if len(all) > 3 {
		all = append(all[:3], fmt.Sprintf("%d more", len(all)-3))
	}
	return strings.Join(all, ", ")
}

func quoted(s string) string { return Excerpt([]byte(s)) }

// maxExcerpt is how much of a target's bytes a message repeats.
const maxExcerpt = 60

// Excerpt shows the beginning of what a target said, in quotes and with
// escapes for what is not printable.
func Excerpt(b []byte) string {
	if len(b) <= maxExcerpt {
		return strconv.Quote(string(b))
	}
	b = b[:maxExcerpt]
	for len(b) > 0 && !utf8.RuneStart(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return strconv.Quote(string(b)) + "…"
}
