package generator_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"skysail/generator"
	"skysail/spec"
)

func TestFirstConnectionIsPinned(t *testing.T) {
	in := input(t, "vultr")
	for i, doc := range render(t, in, nil) {
		c := parse(t, doc)
		if got := strings.TrimSpace(c.SSHKeys["ed25519_public"]); got != in.HostKeys[i].Public {
			t.Errorf("instance %d has host key %s, want %s", i, got, in.HostKeys[i].Public)
		}
		if c.SSHKeys["ed25519_private"] != in.HostKeys[i].Private {
			t.Errorf("instance %d has another private host key", i)
		}
		if len(c.Users) != 1 || c.Users[0].Name != "skysail" || c.Users[0].LockPasswd || c.Users[0].Passwd != "*" ||
			!cmp.Equal(c.Users[0].Keys, []string{in.SSHPublicKey}) {
			t.Errorf("users: %+v", c.Users)
		}
		// bootcmd runs at every boot: the key that replaced the first stays.
		root := t.TempDir()
		put(t, root, "etc/ssh/ssh_host_rsa_key", "the image's")
		put(t, root, "etc/ssh/ssh_host_ed25519_key", "the image's")
		boot(t, root, c)
		wantFile(t, root, "etc/ssh/ssh_host_ed25519_key", in.HostKeys[i].Private)
		wantFile(t, root, "etc/ssh/ssh_host_ed25519_key.pub", in.HostKeys[i].Public+"\n")
		wantFile(t, root, "etc/ssh/sshd_config.d/10-skysail.conf", c.file(t, "/etc/ssh/sshd_config.d/10-skysail.conf"))
		if fi, err := os.Stat(filepath.Join(root, "etc/ssh/ssh_host_ed25519_key")); err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("the private host key is open to others: %v %v", fi, err)
		}
		if _, err := os.Stat(filepath.Join(root, "etc/ssh/ssh_host_rsa_key")); err == nil {
			t.Error("the image's RSA key is still there")
		}
		put(t, root, "etc/ssh/ssh_host_ed25519_key", "the second")
		boot(t, root, c)
		wantFile(t, root, "etc/ssh/ssh_host_ed25519_key", "the second")
	}
}

func boot(t *testing.T, root string, c *cloudConfig) {
	t.Helper()
	for _, b := range c.Bootcmd {
		mustRun(t, onInstance(t, root, "sh", "-c", b))
	}
}

// onInstance is a command in a simulated instance: its files are below root,
// and systemctl only writes down what it is asked.
func onInstance(t *testing.T, root string, args ...string) *exec.Cmd {
	t.Helper()
	put(t, root, "shims/systemctl", "#!/bin/sh\necho \"$@\" >>"+"\"$SKYSAIL_ROOT/systemctl.log\"\n[ \"$1\" != is-failed ]\n")
	if err := os.Chmod(filepath.Join(root, "shims/systemctl"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir = root
	cmd.Env = []string{"SKYSAIL_ROOT=" + root, "PATH=" + filepath.Join(root, "shims") + ":" + os.Getenv("PATH")}
	return cmd
}

func put(t *testing.T, root, name, content string) {
	t.Helper()
	file := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func wantFile(t *testing.T, root, name, want string) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Error(err)
		return
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// archive writes a service's archive and returns its address and digest.
func archive(t *testing.T, files map[string]string) (url, digest string) {
	t.Helper()
	var buf bytes.Buffer
	zip := gzip.NewWriter(&buf)
	w := tar.NewWriter(zip)
	for name, content := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "a.tar.gz")
	if err := os.WriteFile(file, buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(buf.Bytes())
	return "file://" + file, hex.EncodeToString(sum[:])
}

// instance lays out what cloud-init writes, below root.
func instance(t *testing.T, in generator.Input) (root string, c *cloudConfig) {
	t.Helper()
	root = t.TempDir()
	c = parse(t, render(t, in, nil)[0])
	for _, f := range c.WriteFiles {
		put(t, root, strings.TrimPrefix(f.Path, "/"), f.Content)
		if f.Permissions == "0755" {
			if err := os.Chmod(filepath.Join(root, f.Path), 0o700); err != nil {
				t.Fatal(err)
			}
		}
	}
	return root, c
}

func install(t *testing.T, root string, c *cloudConfig) *exec.Cmd {
	t.Helper()
	if len(c.Runcmd) != 1 || len(c.Runcmd[0]) != 1 {
		t.Fatalf("runcmd: %v", c.Runcmd)
	}
	return onInstance(t, root, filepath.Join(root, c.Runcmd[0][0]))
}

func systemctlLog(t *testing.T, root string) string {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(root, "systemctl.log"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(log)
}

func TestInstall(t *testing.T) {
	in := input(t, "digitalocean")
	in.Service.Secrets = nil
	in.Service.Source.Native.URL, in.Service.Source.Native.SHA256 = archive(t, map[string]string{"bin/echo": "#!/bin/sh\n", "data/x": "y"})
	root, c := instance(t, in)
	const started = "daemon-reload\nenable skysail-echo.service\nrestart skysail-echo.service\n"
	for run := 1; run <= 2; run++ {
		mustRun(t, install(t, root, c))
		wantFile(t, root, "opt/skysail/app/data/x", "y")
		if fi, err := os.Stat(filepath.Join(root, "opt/skysail/app/bin/echo")); err != nil || fi.Mode().Perm() != 0o755 {
			t.Errorf("the binary can not be run: %v %v", fi, err)
		}
		if got, want := systemctlLog(t, root), strings.Repeat(started, run); got != want {
			t.Errorf("systemctl was asked\n%swant\n%s", got, want)
		}
	}
	entries, err := os.ReadDir(filepath.Join(root, "opt/skysail"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if diff := cmp.Diff([]string{"app", "install.sh", "installed", "rotate-host-key", "secrets"}, names); diff != "" {
		t.Errorf("left in /opt/skysail (-want +got):\n%s", diff)
	}
}

func TestInstallRefuses(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(n *spec.Native)
		want   string
	}{
		{"another archive", func(n *spec.Native) { n.SHA256 = strings.Repeat("0", 64) }, "is not the one that was approved"},
		{"no such file", func(n *spec.Native) { n.Binary = "bin/other" }, "holds no file bin/other"},
		{"no archive", func(n *spec.Native) { n.URL += ".gone" }, "downloading the archive failed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := input(t, "digitalocean")
			in.Service.Secrets = nil
			n := in.Service.Source.Native
			n.URL, n.SHA256 = archive(t, map[string]string{"bin/echo": ""})
			tc.change(n)
			root, c := instance(t, in)
			out, err := install(t, root, c).CombinedOutput()
			if err == nil || !strings.Contains(string(out), tc.want) {
				t.Errorf("it ended with %v and said\n%swant %q", err, out, tc.want)
			}
			if log := systemctlLog(t, root); log != "" {
				t.Errorf("the service was started: %s", log)
			}
		})
	}
}

// Whichever comes last, the installation or the secrets, starts the service.
func TestSecrets(t *testing.T) {
	in := input(t, "digitalocean")
	in.Service.Source.Native.URL, in.Service.Source.Native.SHA256 = archive(t, map[string]string{"bin/echo": ""})
	const text = "API_KEY=\"hunter2\"\n"
	send := func(root string) string {
		cmd := onInstance(t, root, filepath.Join(root, "opt/skysail/secrets"))
		cmd.Stdin = strings.NewReader(text)
		return mustRun(t, cmd)
	}
	const restart = "restart skysail-echo.service\n"
	t.Run("after the installation", func(t *testing.T) {
		root, c := instance(t, in)
		mustRun(t, install(t, root, c))
		if log := systemctlLog(t, root); strings.Contains(log, "start") {
			t.Errorf("started without its secrets: %s", log)
		}
		if out := send(root); strings.Contains(out, "hunter2") {
			t.Errorf("a secret was printed: %s", out)
		}
		if log := systemctlLog(t, root); !strings.HasSuffix(log, restart) {
			t.Errorf("not started: %s", log)
		}
		wantFile(t, root, "etc/skysail/secrets.env", text)
		if fi, err := os.Stat(filepath.Join(root, "etc/skysail/secrets.env")); err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("the secrets are open to others: %v %v", fi, err)
		}
		unit := c.file(t, "/etc/systemd/system/skysail-echo.service")
		if directive(t, unit, "ConditionPathExists") != "/etc/skysail/secrets.env" || !strings.Contains(unit, "\nEnvironmentFile=/etc/skysail/secrets.env\n") {
			t.Errorf("the unit does not wait for the secrets:\n%s", unit)
		}
	})
	t.Run("before the installation", func(t *testing.T) {
		root, c := instance(t, in)
		send(root)
		if log := systemctlLog(t, root); log != "" {
			t.Errorf("started before it was installed: %s", log)
		}
		mustRun(t, install(t, root, c))
		if log := systemctlLog(t, root); !strings.HasSuffix(log, restart) {
			t.Errorf("not started: %s", log)
		}
	})
}

func TestShellSyntax(t *testing.T) {
	c := parse(t, render(t, input(t, "digitalocean"), nil)[0])
	for name, script := range map[string]string{
		"install.sh": c.file(t, "/opt/skysail/install.sh"),
		"secrets":    c.file(t, "/opt/skysail/secrets"),
		"bootcmd":    strings.Join(c.Bootcmd, "\n"),
	} {
		cmd := exec.CommandContext(t.Context(), "sh", "-n")
		cmd.Stdin = strings.NewReader(script)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
