package vm_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	gossh "golang.org/x/crypto/ssh"

	"skysail/sandbox/vm"
)

const rotate = "sudo -n /opt/skysail/rotate-host-key"

// TestRotateHostKey takes the module's helper through every step, and through
// each again, as after a crash.
func TestRotateHostKey(t *testing.T) {
	i := newInstance(t)
	url, digest := archive(t)
	vars := moduleVars(i, map[string]any{
		"source":  map[string]any{"native": map[string]any{"url": url, "sha256": digest, "binary": "bin/echo", "args": []string{"--listen", ":8080", "--data=/data/db"}}},
		"ports":   []any{map[string]any{"name": "http", "number": 8080, "public": true}},
		"env":     map[string]any{},
		"secrets": []string{},
	})
	vars["data_disk"], vars["data_devices"] = map[string]any{"path": "/data"}, []string{"/dev/vdb"}
	vars["ttl_seconds"] = 3600
	i.config.UserData = render(t, vars)
	i.up()
	first := i.hostKey

	next := i.sh(rotate)
	if again := i.sh(rotate); again != next {
		t.Errorf("asked twice it offers two keys: %q, %q", next, again)
	}
	key, _, _, _, err := gossh.ParseAuthorizedKey([]byte(next))
	if err != nil || key.Type() != gossh.KeyAlgoED25519 || string(key.Marshal()) == string(first.Marshal()) {
		t.Fatalf("the next key is %q, %v", next, err)
	}
	_, stranger := newKey(t)
	signer, err := gossh.ParsePrivateKey(stranger)
	if err != nil {
		t.Fatal(err)
	}
	if _, errOut, code := i.ssh(rotate, string(gossh.MarshalAuthorizedKey(signer.PublicKey()))); code == 0 || !strings.Contains(errOut, "not the next one") {
		t.Errorf("a stranger's key: code %d, %s", code, errOut)
	}
	if _, errOut, code := i.ssh("sudo -n /opt/skysail/rotate-host-key x", ""); code == 0 || !strings.Contains(errOut, "password is required") {
		t.Errorf("with an argument: code %d, %s", code, errOut)
	}

	if _, errOut, code := i.ssh(rotate, next); code != 0 {
		t.Fatalf("the change: code %d, %s", code, errOut)
	}
	i.hostKey = key
	i.eventually("the new host key", func() bool {
		c, err := i.login(i.clientConfig())
		if err != nil {
			return false
		}
		_ = c.Close()
		return true
	})
	old := i.clientConfig()
	old.HostKeyCallback = gossh.FixedHostKey(first)
	if c, err := i.login(old); err == nil {
		_ = c.Close()
		t.Error("it still shows its first key")
	}
	// The last step again, when its answer was lost, and the first.
	if _, errOut, code := i.ssh(rotate, next); code != 0 {
		t.Errorf("the change again: code %d, %s", code, errOut)
	}
	if again := i.sh(rotate); again != next {
		t.Errorf("after the change it offers %q, not the key it has", again)
	}
	if left, err := filepath.Glob(filepath.Join(i.dir, "root/etc/ssh/skysail*")); err != nil || len(left) != 0 {
		t.Errorf("left in /etc/ssh: %v, %v", left, err)
	}

	if err := os.WriteFile(filepath.Join(i.dir, "root/var/lib/skysail/disk/data/db"), []byte("kept"), 0o600); err != nil {
		t.Errorf("the data disk: %v", err)
	}
	if err := vm.Stop(t.Context(), i.dir); err != nil {
		t.Fatal(err)
	}
	// A boot that is done again must not bring the first key back either.
	if err := os.Remove(filepath.Join(i.dir, "root/var/lib/cloud/instance/boot-finished")); err != nil {
		t.Fatal(err)
	}
	i.up()
	i.sh("true")
	if !i.logged("skysail-echo.service", "simulated instance: /data is ")() {
		t.Error("the journal does not say what stands for the data disk")
	}
	if b, err := os.ReadFile(filepath.Join(i.dir, "root/data/db")); err != nil || string(b) != "kept" {
		t.Errorf("the service's disk after a reboot: %q, %v", b, err)
	}
}
