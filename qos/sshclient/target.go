// Package sshclient speaks SSH with instances whose host key was pinned when
// they were made: it trusts that key and no other, logs in with the deployment's
// own key file (an agent serves jump hosts only), and puts a deadline over everything, since
// x/crypto/ssh puts one over the dial only.
package sshclient

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"

	"golang.org/x/crypto/ssh"

	"skysail/internal/failure"
)

// DialFunc opens the connection that SSH is spoken over.
type DialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// Target is one instance as SSH sees it.
type Target struct {
	Addr string // host:port
	User string
	// HostKey is the pinned public key in the format of authorized_keys.
	HostKey string
	// NextHostKey is a second key in that format which is accepted as well,
	// while the host key is being replaced; empty otherwise.
	NextHostKey string
	// KeyFile holds the client's private key. It is read at each connection,
	// so a key that was replaced is used from then on.
	KeyFile string
	// Via is the way there.
	Via Route
	// Dial is used in place of net.Dialer where it is set: for the first
	// connection of the way.
	Dial DialFunc
	// agent takes the place of KeyFile, for jump hosts.
	agent bool
}

// config is for one handshake; done is to be called after it.
func (t Target) config(ctx context.Context) (config *ssh.ClientConfig, done func(), err error) {
	pinned, algorithms, err := t.pinned()
	if err != nil {
		return nil, nil, err
	}
	auth, done, err := t.auth(ctx)
	if err != nil {
		return nil, nil, err
	}
	return &ssh.ClientConfig{
		User:              t.User,
		Auth:              []ssh.AuthMethod{auth},
		ClientVersion:     "SSH-2.0-skysail",
		HostKeyAlgorithms: algorithms,
		HostKeyCallback: func(_ string, _ net.Addr, got ssh.PublicKey) error {
			for _, want := range pinned {
				if string(got.Marshal()) == string(want.Marshal()) {
					return nil
				}
			}
			return &mismatchError{got: got, want: pinned[0]}
		},
	}, done, nil
}

func (t Target) auth(ctx context.Context) (auth ssh.AuthMethod, done func(), err error) {
	if t.agent {
		return t.agentAuth(ctx)
	}
	signer, err := t.signer()
	if err != nil {
		return nil, nil, err
	}
	return ssh.PublicKeys(signer), func() {}, nil
}

// pinned are the host keys that are accepted, and the signatures to ask for.
func (t Target) pinned() (keys []ssh.PublicKey, algorithms []string, err error) {
	lines := []string{t.HostKey}
	if t.NextHostKey != "" {
		lines = append(lines, t.NextHostKey)
	}
	for _, line := range lines {
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			return nil, nil, failure.Wrap(join(ErrConfig, err), failure.Failed, "read the pinned host key of "+t.Addr,
				"No connection is made without one: there would be no way to know the instance.",
				"Give the instance's public host key as one line, like `ssh-ed25519 AAAA…`.")
		}
		of, err := hostKeyAlgorithms(key.Type())
		if err != nil {
			return nil, nil, failure.Wrap(join(ErrConfig, err), failure.Failed, "read the pinned host key of "+t.Addr,
				"Keys of this type cannot be pinned.", "Pin an Ed25519, ECDSA or RSA key.")
		}
		keys = append(keys, key)
		for _, a := range of {
			if !slices.Contains(algorithms, a) {
				algorithms = append(algorithms, a)
			}
		}
	}
	return keys, algorithms, nil
}

func (t Target) signer() (ssh.Signer, error) {
	pem, err := os.ReadFile(t.KeyFile)
	if err == nil {
		var signer ssh.Signer
		if signer, err = ssh.ParsePrivateKey(pem); err == nil {
			return signer, nil
		}
	}
	next := "Look whether the file is the deployment's private key, readable for you."
	var locked *ssh.PassphraseMissingError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		next = "Bring the file back from a backup of SKYSAIL_HOME, or deploy anew: a lost key cannot be made again."
	case errors.As(err, &locked):
		next = "Take the passphrase off with `ssh-keygen -p`: there is nobody to ask for it."
	}
	return nil, failure.Wrap(join(ErrKeyFile, err), failure.Failed, "read the SSH key "+t.KeyFile,
		"Without it nobody can log in to "+t.Addr+".", next)
}

// hostKeyAlgorithms names the signatures to ask the server for. Asking for
// more would let it show a key of another type than the pinned one, which then
// looks like an attack. RSA with SHA-1 is not asked for.
func hostKeyAlgorithms(keyType string) ([]string, error) {
	switch keyType {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521:
		return []string{keyType}, nil
	case ssh.KeyAlgoRSA:
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}, nil
	default:
		return nil, fmt.Errorf("key type %s", keyType)
	}
}
