//nolint:bodyclose // govultr has read and closed the bodies of the responses it returns
package sandbox

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vultr/govultr/v3"
	"golang.org/x/crypto/ssh"

	"skysail/internal/supervise/proc"
	"skysail/sandbox/vm/shim"
)

// userData is a cloud-config that pins a host key and lets a key in.
func userData(t *testing.T, host ed25519.PrivateKey, user ssh.PublicKey) string {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(host, "")
	check(t, err)
	pub, err := ssh.NewPublicKey(host.Public())
	check(t, err)
	raw, err := json.Marshal(map[string]any{
		"ssh_deletekeys": false,
		"ssh_keys": map[string]string{
			"ed25519_private": string(pem.EncodeToMemory(block)),
			"ed25519_public":  string(ssh.MarshalAuthorizedKey(pub)),
		},
		"users": []map[string]any{{
			"name": "skysail", "shell": "/bin/sh", "lock_passwd": false, "passwd": "*",
			"ssh_authorized_keys": []string{string(ssh.MarshalAuthorizedKey(user))},
		}},
	})
	check(t, err)
	return "#cloud-config\n" + string(raw) + "\n"
}

func newKey(t *testing.T) (ed25519.PrivateKey, ssh.Signer) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	check(t, err)
	signer, err := ssh.NewSignerFromKey(private)
	check(t, err)
	return private, signer
}

// run runs a command on an instance, over SSH with the pinned host key.
func run(ctx context.Context, c *Client, addr string, config *ssh.ClientConfig, command string) (string, error) {
	conn, err := c.Dial(ctx, "tcp", addr)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	sc, chans, reqs, err := ssh.NewClientConn(conn, addr, config)
	if err != nil {
		return "", err
	}
	client := ssh.NewClient(sc, chans, reqs)
	defer func() { _ = client.Close() }()
	session, err := client.NewSession()
	if err != nil {
		return "", err
	}
	out, err := session.Output(command)
	return strings.TrimSpace(string(out)), err
}

// TestARealMachine goes the whole way: API, machine, SSH, firewall, crash of
// the daemon, delete. Nothing of it may run afterwards.
func TestARealMachine(t *testing.T) {
	t.Parallel()
	home := filepath.Join(t.TempDir(), "sandbox")
	t.Cleanup(func() { check(t, Down(context.Background(), home, true)) })
	c, err := Start(t.Context(), home)
	check(t, err)
	ctx := t.Context()

	hostKey, host := newKey(t)
	_, user := newKey(t)
	config := &ssh.ClientConfig{
		User: "skysail", Auth: []ssh.AuthMethod{ssh.PublicKeys(user)},
		HostKeyCallback: ssh.FixedHostKey(host.PublicKey()), Timeout: 10 * time.Second,
	}
	v := vultrClient(t, c)
	group, _, err := v.FirewallGroup.Create(ctx, &govultr.FirewallGroupReq{Description: "ssh"})
	check(t, err)
	rule := &govultr.FirewallRuleReq{IPType: "v4", Protocol: "tcp", Subnet: "0.0.0.0", SubnetSize: 0, Port: "22"}
	made, _, err := v.FirewallRule.Create(ctx, group.ID, rule)
	check(t, err)
	i, _, err := v.Instance.Create(ctx, &govultr.InstanceCreateReq{
		Region: "ewr", Plan: "vc2-1c-1gb", OsID: 2284, Label: "host", FirewallGroupID: group.ID,
		UserData: base64.StdEncoding.EncodeToString([]byte(userData(t, hostKey, user.PublicKey()))),
	})
	check(t, err)
	for end := time.Now().Add(time.Minute); i.Status != "active"; time.Sleep(20 * time.Millisecond) {
		if i.Status == "suspended" || time.Now().After(end) {
			t.Fatalf("instance is %s: %+v", i.Status, list(t, c))
		}
		i, _, err = v.Instance.Get(ctx, i.ID)
		check(t, err)
	}
	addr := net.JoinHostPort(i.MainIP, "22")
	if out, err := run(ctx, c, addr, config, "echo $SKYSAIL_ROOT"); err != nil || !strings.HasPrefix(out, home) {
		t.Fatalf("over SSH: %q, %v", out, err)
	}

	// The firewall is in force when the API has answered.
	check(t, v.FirewallRule.Delete(ctx, group.ID, made.ID))
	if _, err := c.Dial(ctx, "tcp", addr); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a closed port: %v", err)
	}
	_, _, err = v.FirewallRule.Create(ctx, group.ID, rule)
	check(t, err)

	if _, err := run(ctx, c, addr, config, "echo written > kept"); err != nil {
		t.Fatal(err)
	}
	check(t, syscall.Kill(c.status.PID, syscall.SIGKILL))
	awaitDead(t, home)
	c, err = Start(ctx, home)
	check(t, err)
	if out, err := run(ctx, c, addr, config, "cat kept"); err != nil || out != "written" {
		t.Errorf("after the daemon's crash: %q, %v", out, err)
	}
	v = vultrClient(t, c)
	check(t, v.Instance.Halt(ctx, i.ID))
	if _, err := run(ctx, c, addr, config, "true"); err == nil {
		t.Error("an instance that is off answers")
	}
	check(t, v.Instance.Start(ctx, i.ID))
	if out, err := run(ctx, c, addr, config, "cat kept"); err != nil || out != "written" {
		t.Errorf("after power off and on: %q, %v", out, err)
	}

	check(t, v.Instance.Delete(ctx, i.ID))
	check(t, c.Down(ctx, true))
	left, err := proc.WithEnv(shim.EnvInstance + "=" + filepath.Join(home, instancesDir, "vultr-"+i.ID))
	check(t, err)
	if len(left) > 0 {
		t.Errorf("still runs: %+v", left)
	}
}
