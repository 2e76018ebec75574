package sshtest

import (
	"crypto/rand"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
)

// Dropbear starts dropbear with a host key and a home folder of this test's
// own, or skips the test, saying so, where that can not be had. It takes
// authorized_keys out of the account's home folder alone: another folder is put
// there in a mount namespace, for which one has to be root.
func Dropbear(t testing.TB) *Server {
	t.Helper()
	programs := map[string]string{}
	for _, name := range []string{"/usr/sbin/dropbear", "dropbearkey", "unshare"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Skipf("NOT RUN: %s is not installed here (Debian: dropbear-bin, util-linux); nothing was tried against dropbear", filepath.Base(name))
		}
		programs[filepath.Base(name)] = path
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if me.Uid != "0" {
		t.Skip("NOT RUN: dropbear needs a mount namespace for a home folder of its own, and this test is not run by root")
	}
	if out, err := exec.CommandContext(t.Context(), programs["unshare"], "--mount", "true").CombinedOutput(); err != nil { //nolint:gosec // of this machine
		t.Skipf("NOT RUN: no mount namespace can be made here for dropbear: %v %s", err, out)
	}
	dir := t.TempDir()
	key := filepath.Join(dir, "host_key")
	out, err := exec.CommandContext(t.Context(), programs["dropbearkey"], "-t", "ed25519", "-f", key).Output() //nolint:gosec // of this machine
	if err != nil {
		t.Fatal(err)
	}
	_, host, found := strings.Cut(string(out), "\nssh-ed25519 ")
	if !found {
		t.Fatalf("dropbearkey printed %q", out)
	}
	client := NewKey(t)
	home := filepath.Join(dir, "home")
	if err := os.MkdirAll(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(home, ".ssh", "authorized_keys"), client.Public+"\n")
	mark := "SKYSAIL_SSHTEST=" + rand.Text()
	addr, stop := inetd(t, filepath.Join(dir, "dropbear.log"), mark, programs["unshare"], "--mount", "/bin/sh", "-c",
		`mount --bind "$1" "$2" && exec env "$3" "$4" -i -e -s -m -r "$5"`, "-", home, me.HomeDir, mark, programs["dropbear"], key)
	return &Server{
		Addr: addr, User: me.Username, HostKey: "ssh-ed25519 " + strings.Fields(host)[0],
		KeyFile: client.WriteFile(t), Key: client, Close: stop,
	}
}
