package deploy

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"skysail/internal/sshtest"
	"skysail/qos"
	"skysail/qos/sshclient"
	"skysail/store"
)

// TestShellThroughJumpHosts has OpenSSH's ssh speak with OpenSSH's sshd over two
// more of them.
func TestShellThroughJumpHosts(t *testing.T) {
	if _, err := exec.LookPath("ssh"); err != nil {
		t.Fatal("this test drives OpenSSH's ssh: install it (Debian: openssh-client)")
	}
	last := sshtest.OpenSSH(t)
	var jumps []sshclient.Jump
	for range 2 {
		s := sshtest.OpenSSH(t)
		jumps = append(jumps, sshclient.Jump{Addr: s.Addr, User: s.User, HostKey: s.HostKey, KeyFile: s.KeyFile})
	}
	d := &Deployer{home: t.TempDir()}
	row := &store.Deployment{ID: "d4k2m9x7qpb1", Attempt: 1}
	if err := os.MkdirAll(d.attemptDir(row.ID, row.Attempt)+"/private", 0o700); err != nil {
		t.Fatal(err)
	}
	tg := qos.Target{DeploymentID: row.ID, Instance: "echo-0", SSH: &qos.SSHTarget{
		Addr: last.Addr, User: last.User, HostKey: last.HostKey, KeyFile: last.KeyFile, Via: sshclient.Route{Jumps: jumps},
	}}
	var out, said bytes.Buffer
	q := ShellQuery{Command: []string{"sh", "-c", `cat; echo "$1"; exit 7`, "-", "a b"}, In: strings.NewReader("in\n"), Out: &out, Err: &said}
	status, err := d.openSSH(t.Context(), row, tg, q)
	if err != nil || status != 7 || out.String() != "in\na b\n" {
		t.Errorf("status %d, %v, %q, %q", status, err, out.String(), said.String())
	}
	jumps[0].HostKey = sshtest.NewKey(t).Public
	q.In = strings.NewReader("")
	if _, err := d.openSSH(t.Context(), row, tg, q); !errors.Is(err, sshclient.ErrPath) {
		t.Errorf("through another jump host: %v", err)
	}
}
