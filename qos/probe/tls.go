package probe

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// TLSOptions say what a TLS connection is held to and what it shows.
type TLSOptions struct {
	// RootCAs are trusted in place of the system's where they are set.
	RootCAs *x509.CertPool
	// CAFile holds authorities in PEM, trusted in place of all others.
	CAFile string
	// CertFile and KeyFile are a client certificate in PEM.
	CertFile, KeyFile string
	// ServerName is the name that the certificate must have and that is sent
	// (SNI); empty is the host that is asked.
	ServerName string
	// MinVersion is the oldest version that is spoken, such as
	// tls.VersionTLS13; 0 is TLS 1.2.
	MinVersion uint16
	// Secret says that what is sent must stay secret: the key exchange then is
	// also offered with ML-KEM, which no later quantum computer undoes. A probe
	// that sends no secret saves its cost, a seventh of a probe over HTTPS.
	Secret bool
}

// curves are the key exchanges that are offered; nil is Go's own choice.
func curves(secret bool) []tls.CurveID {
	if secret {
		return nil
	}
	return []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384}
}

// TLS makes and judges TLS connections. It is made once for a target and used
// for all its probes: files are read again when they changed, and a chain of
// certificates that was verified is not verified again before an hour has
// passed, it ends, or the server shows another. The handshake itself, with
// the server's proof that the key is its own, is done in full each time.
type TLS struct {
	o TLSOptions
	// asked is set when the server asked for a client certificate.
	asked atomic.Bool

	mu       sync.Mutex
	files    files
	roots    *x509.CertPool
	client   []tls.Certificate
	last     *tls.Config
	lastKey  string
	verified map[verifiedKey]*verified
}

// NewTLS makes a TLS. Its files are read when they are needed.
func NewTLS(o TLSOptions) *TLS {
	return &TLS{o: o, roots: o.RootCAs, verified: map[verifiedKey]*verified{}}
}

// config is what a handshake with serverName is done with.
func (t *TLS) config(serverName string, protos []string) (*tls.Config, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.reload(); err != nil {
		return nil, err
	}
	serverName = cmp.Or(t.o.ServerName, serverName)
	if serverName == "" {
		return nil, errors.New("there is no name to hold the certificate to: set server_name")
	}
	key := serverName + "\x00" + strings.Join(protos, ",")
	if t.last == nil || t.lastKey != key {
		t.last = &tls.Config{
			MinVersion: cmp.Or(t.o.MinVersion, tls.VersionTLS12),
			ServerName: serverName,
			NextProtos: protos,
			// It gives what crypto/tls would, and notes that it was asked.
			GetClientCertificate: t.clientCertificate(t.client),
			CurvePreferences:     curves(t.o.Secret),
			// verify does what crypto/tls would do, and remembers it.
			InsecureSkipVerify: true, //nolint:gosec // see VerifyConnection
			VerifyConnection: func(cs tls.ConnectionState) error {
				_, err := t.verify(cs, serverName)
				return err
			},
		}
		t.lastKey = key
	}
	return t.last, nil
}

func (t *TLS) clientCertificate(all []tls.Certificate) func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		t.asked.Store(true)
		for i := range all {
			if info.SupportsCertificate(&all[i]) == nil {
				return &all[i], nil
			}
		}
		return &tls.Certificate{}, nil
	}
}

// files are the states in which the files were read.
type files struct{ ca, cert, key stamp }

type stamp struct {
	modified time.Time
	size     int64
}

// reload reads the files that changed since they were read.
func (t *TLS) reload() error {
	if t.o.CAFile == "" && t.o.CertFile == "" {
		return nil
	}
	var now files
	for _, f := range []struct {
		path string
		into *stamp
	}{{t.o.CAFile, &now.ca}, {t.o.CertFile, &now.cert}, {t.o.KeyFile, &now.key}} {
		if f.path == "" {
			continue
		}
		info, err := os.Stat(f.path)
		if err != nil {
			return fmt.Errorf("file for TLS: %w", err)
		}
		*f.into = stamp{info.ModTime(), info.Size()}
	}
	if now == t.files {
		return nil
	}
	if t.o.CAFile != "" {
		pem, err := readFile(t.o.CAFile, now.ca)
		if err != nil {
			return fmt.Errorf("ca_file: %w", err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return fmt.Errorf("ca_file %s has no certificate in PEM", t.o.CAFile)
		}
		t.roots = roots
	}
	if t.o.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(t.o.CertFile, t.o.KeyFile)
		if err != nil {
			return fmt.Errorf("client certificate cert_file, key_file: %w", err)
		}
		t.client = []tls.Certificate{pair}
	}
	t.files, t.last = now, nil
	clear(t.verified)
	return nil
}

// maxFile bounds what is read of a file of certificates.
const maxFile = 4 << 20

func readFile(path string, s stamp) ([]byte, error) {
	if s.size > maxFile {
		return nil, fmt.Errorf("%s has more than %d bytes", path, maxFile)
	}
	return os.ReadFile(path) //nolint:gosec // a path of the service file
}

const (
	// verifiedFor is how long a verification stands: the authorities of the
	// system may change.
	verifiedFor = time.Hour
	maxVerified = 256
)

type verifiedKey struct {
	leaf *x509.Certificate
	name string
}

// verified is a chain that was found to be good.
type verified struct {
	certs          []*x509.Certificate
	at             time.Time
	from, to       time.Time // when the whole chain is valid
	fingerprint    string
	subject        string
	issuer         string
	alternativeDNS string
	serial         string
}

// verify checks the server's chain and name as crypto/tls does
// (handshake_client.go, verifyServerCertificate). crypto/tls keeps parsed
// certificates: the same bytes are the same pointer while somebody has it.
func (t *TLS) verify(cs tls.ConnectionState, name string) (*verified, error) {
	if len(cs.PeerCertificates) == 0 {
		return nil, errors.New("the server showed no certificate")
	}
	key := verifiedKey{cs.PeerCertificates[0], name}
	now := time.Now()
	t.mu.Lock()
	v, roots := t.verified[key], t.roots
	t.mu.Unlock()
	if v != nil && slices.Equal(v.certs, cs.PeerCertificates) && now.Sub(v.at) < verifiedFor && !now.Before(v.from) && !now.After(v.to) {
		return v, nil
	}
	intermediates := x509.NewCertPool()
	for _, c := range cs.PeerCertificates[1:] {
		intermediates.AddCert(c)
	}
	chains, err := cs.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates, DNSName: name, CurrentTime: now})
	if err != nil {
		return nil, &tls.CertificateVerificationError{UnverifiedCertificates: cs.PeerCertificates, Err: err}
	}
	v = newVerified(cs.PeerCertificates, chains, now)
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.verified) >= maxVerified {
		clear(t.verified)
	}
	t.verified[key] = v
	return v, nil
}

// known is what verify found of a connection, nil for one that is not
// verified.
func (t *TLS) known(cs *tls.ConnectionState, name string) *verified {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := t.verified[verifiedKey{cs.PeerCertificates[0], cmp.Or(t.o.ServerName, name)}]
	if v != nil && slices.Equal(v.certs, cs.PeerCertificates) {
		return v
	}
	return nil
}
