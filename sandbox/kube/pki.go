package kube

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"
)

// validity of all certificates: a sandbox is kept that long at most.
const validity = 5 * 365 * 24 * time.Hour

// authority signs certificates and is kept in the cluster's folder, so that
// what was given out holds across restarts.
type authority struct {
	dir, name string
	cert      *x509.Certificate
	key       crypto.Signer
}

// certFile and keyFile are where a certificate of that name is.
func certFile(dir, name string) string { return filepath.Join(dir, name+".crt") }
func keyFile(dir, name string) string  { return filepath.Join(dir, name+".key") }

// loadAuthority reads an authority or makes it.
func loadAuthority(dir, name string) (*authority, error) {
	a := &authority{dir: dir, name: name}
	pair, err := tls.LoadX509KeyPair(certFile(dir, name), keyFile(dir, name))
	switch {
	case err == nil:
		a.cert, a.key = pair.Leaf, pair.PrivateKey.(crypto.Signer)
		return a, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("certificate authority %s: %w", name, err)
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "skysail sandbox " + name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	certPEM, keyPEM, err := sign(template, nil, nil)
	if err != nil {
		return nil, err
	}
	if err := writePair(dir, name, certPEM, keyPEM); err != nil {
		return nil, err
	}
	return loadAuthority(dir, name)
}

// identity is whom a certificate is for: a user with groups, a server with
// host names, or both.
type identity struct {
	user   string
	groups []string
	hosts  []string // names of a server; 127.0.0.1 is always among them
	server bool
}

// issue returns a certificate and its key as PEM.
func (a *authority) issue(id identity) (certPEM, keyPEM []byte, err error) {
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: id.user, Organization: id.groups},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if id.server {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
		template.DNSNames = append([]string{"localhost"}, id.hosts...)
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback, net.ParseIP(serviceIP)}
	}
	return sign(template, a.cert, a.key)
}

// file issues a certificate into the authority's folder.
func (a *authority) file(name string, id identity) error {
	certPEM, keyPEM, err := a.issue(id)
	if err != nil {
		return err
	}
	return writePair(a.dir, name, certPEM, keyPEM)
}

// sign makes a key and a certificate of it, self-signed without a parent.
func sign(template, parent *x509.Certificate, signer crypto.Signer) (certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("key: %w", err)
	}
	if parent == nil {
		parent, signer = template, key
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return nil, nil, fmt.Errorf("certificate: %w", err)
	}
	template.NotBefore = time.Now().Add(-time.Minute) // clocks differ
	template.NotAfter = time.Now().Add(validity)
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, nil, fmt.Errorf("certificate: %w", err)
	}
	keyPEM, err = encodeKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), keyPEM, err
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}

// serviceAccountKey makes the key that signs tokens of service accounts, when
// there is none yet.
func serviceAccountKey(dir string) error {
	if _, err := os.Stat(keyFile(dir, "service-accounts")); err == nil {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		return err
	}
	return writePrivate(keyFile(dir, "service-accounts"), keyPEM)
}

func writePair(dir, name string, certPEM, keyPEM []byte) error {
	if err := writePrivate(keyFile(dir, name), keyPEM); err != nil {
		return err
	}
	return writePrivate(certFile(dir, name), certPEM)
}

func writePrivate(path string, data []byte) error {
	if err := renameio.WriteFile(path, data, 0o600, renameio.WithStaticPermissions(0o600)); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
