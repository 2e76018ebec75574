package probe

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"skysail/qos/metric"
)

func newVerified(certs []*x509.Certificate, chains [][]*x509.Certificate, now time.Time) *verified {
	leaf := certs[0]
	sum := sha256.Sum256(leaf.Raw)
	v := &verified{
		certs: certs, at: now,
		fingerprint: hex.EncodeToString(sum[:]),
		subject:     leaf.Subject.String(), issuer: leaf.Issuer.String(),
		alternativeDNS: strings.Join(leaf.DNSNames, ","), serial: fmt.Sprintf("%x", leaf.SerialNumber.Bytes()),
	}
	// Of the chains that were found the one that is valid longest counts.
	for _, chain := range chains {
		from, to := chain[0].NotBefore, chain[0].NotAfter
		for _, c := range chain {
			if c.NotBefore.After(from) {
				from = c.NotBefore
			}
			if c.NotAfter.Before(to) {
				to = c.NotAfter
			}
		}
		if to.After(v.to) {
			v.from, v.to = from, to
		}
	}
	return v
}

// Expiry is when the first of the certificates that the server showed ends.
func Expiry(cs *tls.ConnectionState) time.Time {
	var first time.Time
	for _, c := range cs.PeerCertificates {
		if first.IsZero() || c.NotAfter.Before(first) {
			first = c.NotAfter
		}
	}
	return first
}

// Metrics tell of a connection's certificates, version and cipher; nothing
// without TLS. Of a certificate that is not trusted its expiry is told, and
// no more.
func (t *TLS) Metrics(c *Conn, serverName string) []metric.Metric {
	if c == nil || c.State == nil {
		return nil
	}
	cs := c.State
	out := []metric.Metric{metric.One("probe_ssl_earliest_cert_expiry", float64(Expiry(cs).Unix()))}
	v := t.known(cs, serverName)
	if v == nil || c.Times.TLSDone.IsZero() {
		return out
	}
	return append(out,
		metric.One("probe_ssl_last_chain_expiry_timestamp_seconds", float64(v.to.Unix())),
		metric.With("probe_ssl_last_chain_info", 1, "fingerprint_sha256", v.fingerprint, "subject", v.subject,
			"issuer", v.issuer, "subjectalternative", v.alternativeDNS, "serialnumber", v.serial),
		metric.With("probe_tls_version_info", 1, "version", tls.VersionName(cs.Version)),
		metric.With("probe_tls_cipher_info", 1, "cipher", tls.CipherSuiteName(cs.CipherSuite)))
}

// ExpiresWithin says in words that a certificate ends before d has passed;
// empty when none does.
func ExpiresWithin(c *Conn, d time.Duration) string {
	if c == nil || c.State == nil || d <= 0 {
		return ""
	}
	end := Expiry(c.State)
	left := time.Until(end)
	if left >= d {
		return ""
	}
	return fmt.Sprintf("a certificate ends at %s, in %s, and it is to be valid for %s more: renew it",
		end.UTC().Format(time.RFC3339), left.Round(time.Minute), d)
}
