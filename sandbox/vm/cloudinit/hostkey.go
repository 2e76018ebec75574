package cloudinit

import (
	"crypto/ed25519"
	"encoding/pem"
	"fmt"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"

	"skysail/sandbox/vm/rootdir"
)

const (
	hostKeyPath = "/etc/ssh/ssh_host_ed25519_key"
	hostKeyDone = "/var/lib/cloud/instance/sem/config_ssh"
)

// writeHostKey puts the pinned host key in place, or makes one when the
// user-data has none and no boot command has made one.
func (b *Boot) writeHostKey() error {
	// Once, as cloud-init does: a boot that is done again must not bring back
	// a key that was replaced.
	if _, err := os.Stat(b.Root.Join(hostKeyDone)); err == nil {
		return nil
	}
	keys := b.Config.HostKeys
	if keys.Ed25519Private == "" {
		if _, err := os.Stat(b.Root.Join(hostKeyPath)); err == nil {
			return nil
		}
		private, public, err := NewHostKey()
		if err != nil {
			return err
		}
		keys = HostKeys{Ed25519Private: private, Ed25519Public: public}
	}
	err := b.write(hostKeyPath, []byte(strings.TrimSpace(keys.Ed25519Private)+"\n"), 0o600, false)
	if err == nil && keys.Ed25519Public != "" {
		err = b.write(hostKeyPath+".pub", []byte(strings.TrimSpace(keys.Ed25519Public)+"\n"), 0o644, false)
	}
	if err == nil {
		err = b.write(hostKeyDone, nil, 0o600, false)
	}
	return err
}

// NewHostKey makes an Ed25519 key pair: the private half in PEM, the public one
// as a line of authorized_keys.
func NewHostKey() (private, public string, err error) {
	pub, priv, err := ed25519.GenerateKey(nil)
	if err != nil {
		return "", "", err
	}
	block, err := ssh.MarshalPrivateKey(priv, "")
	if err != nil {
		return "", "", err
	}
	key, err := ssh.NewPublicKey(pub)
	if err != nil {
		return "", "", err
	}
	return string(pem.EncodeToMemory(block)), string(ssh.MarshalAuthorizedKey(key)), nil
}

// HostKey reads the instance's host key.
func HostKey(root rootdir.Root) (ssh.Signer, error) {
	text, err := os.ReadFile(root.Join(hostKeyPath))
	if err != nil {
		return nil, fmt.Errorf("the instance has no SSH host key: %w", err)
	}
	key, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return nil, fmt.Errorf("the instance's SSH host key: %w", err)
	}
	return key, nil
}
