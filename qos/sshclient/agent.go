package sshclient

import (
	"context"
	"net"
	"os"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// agentAuth offers the keys of the user's agent until done is called.
func (t Target) agentAuth(ctx context.Context) (auth ssh.AuthMethod, done func(), err error) {
	socket := os.Getenv("SSH_AUTH_SOCK")
	next := "Name a key_file in access.jump of the policy, or start an agent (ssh-agent) that holds the key."
	if socket == "" {
		return nil, nil, fault(ErrKeyFile, "there is no key for "+t.Addr+": no key file is named and no agent runs (SSH_AUTH_SOCK)", "Nobody can log in there.", next, nil)
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, nil, fault(ErrKeyFile, "the agent at SSH_AUTH_SOCK does not answer: "+err.Error(), "Nobody can log in at "+t.Addr+".", next, err)
	}
	// An agent that asks its user waits as long as the login may take.
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	return ssh.PublicKeysCallback(agent.NewClient(conn).Signers), func() { stop(); _ = conn.Close() }, nil
}
