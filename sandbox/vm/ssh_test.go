package vm_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"skysail/internal/supervise/proc"
	"skysail/sandbox/vm"
)

func TestSSHCommands(t *testing.T) {
	i := newInstance(t)
	i.start()
	client, err := i.login(i.clientConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	for _, tc := range []struct {
		command, stdin   string
		out, errOut      string
		code             int
		outContains, why string
	}{
		{command: "echo out; echo err >&2; exit 7", out: "out\n", errOut: "err\n", code: 7},
		{command: "wc -c", stdin: strings.Repeat("x", 1<<20), outContains: "1048576"},
		{command: "cat", stdin: "through\n", out: "through\n"},
		{command: "exit 0", stdin: "nobody reads this"},
		{command: "no-such-command", code: 127, why: "not found"},
		{command: "pwd", out: filepath.Join(i.dir, "root/home/skysail") + "\n"},
		{command: "echo $HOME $USER $LOGNAME", out: filepath.Join(i.dir, "root/home/skysail") + " skysail skysail\n"},
		{command: "cat /etc/systemd/system/echo.service", outContains: "Description=echo service"},
		{command: "cat '/etc/skysail/service.env'", outContains: "GREETING"},
		{command: "cat /proc/loadavg", outContains: "/"},
		{command: "head -c 300000 /dev/zero | tr '\\0' x", outContains: strings.Repeat("x", 300000)},
	} {
		out, errOut, code := i.run(client, tc.command, tc.stdin)
		if code != tc.code || (tc.outContains == "" && out != tc.out) || !strings.Contains(out, tc.outContains) || (tc.why == "" && errOut != tc.errOut) || !strings.Contains(errOut, tc.why) {
			t.Errorf("%s: code %d, stdout %.80q, stderr %.80q", tc.command, code, out, errOut)
		}
	}
}

func TestSSHSignalIsTold(t *testing.T) {
	i := newInstance(t)
	i.start()
	client, err := i.login(i.clientConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	s, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	var exit *gossh.ExitError
	if err := s.Run("kill -9 $$"); !errors.As(err, &exit) || exit.Signal() != "KILL" {
		t.Errorf("%v", err)
	}
	if s, err = client.NewSession(); err != nil {
		t.Fatal(err)
	}
	if err := s.Start("exec sleep 60"); err != nil {
		t.Fatal(err)
	}
	if err := s.Signal(gossh.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(); !errors.As(err, &exit) || exit.Signal() != "TERM" {
		t.Errorf("a signal from the client: %v", err)
	}
}

func TestSSHShellWithoutPty(t *testing.T) {
	i := newInstance(t)
	i.start()
	client, err := i.login(i.clientConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	s, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RequestPty("xterm", 24, 80, nil); err == nil {
		t.Error("a pty was given")
	}
	var out bytes.Buffer
	s.Stdin, s.Stdout = strings.NewReader("echo from the shell\nexit 4\n"), &out
	if err := s.Shell(); err != nil {
		t.Fatal(err)
	}
	var exit *gossh.ExitError
	if err := s.Wait(); !errors.As(err, &exit) || exit.ExitStatus() != 4 || out.String() != "from the shell\n" {
		t.Errorf("%v, %q", err, out.String())
	}
}

func TestSSHLogins(t *testing.T) {
	i := newInstance(t)
	second, _ := newKey(t)
	i.userData["users"] = append(i.userData["users"].([]any),
		map[string]any{"name": "locked", "ssh_authorized_keys": []string{string(gossh.MarshalAuthorizedKey(i.client.PublicKey()))}},
		map[string]any{"name": "root", "lock_passwd": false, "ssh_authorized_keys": []string{string(gossh.MarshalAuthorizedKey(i.client.PublicKey()))}},
		map[string]any{"name": "forced", "lock_passwd": false, "ssh_authorized_keys": []string{`command="true" ` + string(gossh.MarshalAuthorizedKey(i.client.PublicKey()))}},
		map[string]any{"name": "other", "lock_passwd": false, "ssh_authorized_keys": []string{string(gossh.MarshalAuthorizedKey(second.PublicKey()))}},
	)
	i.start()
	try := func(change func(*gossh.ClientConfig)) error {
		c := i.clientConfig()
		change(c)
		client, err := i.login(c)
		if err == nil {
			_ = client.Close()
		}
		return err
	}
	if err := try(func(*gossh.ClientConfig) {}); err != nil {
		t.Fatalf("the right key: %v", err)
	}
	stranger, _ := newKey(t)
	for name, change := range map[string]func(*gossh.ClientConfig){
		"another key":            func(c *gossh.ClientConfig) { c.Auth = []gossh.AuthMethod{gossh.PublicKeys(stranger)} },
		"another user's key":     func(c *gossh.ClientConfig) { c.Auth = []gossh.AuthMethod{gossh.PublicKeys(second)} },
		"a password":             func(c *gossh.ClientConfig) { c.Auth = []gossh.AuthMethod{gossh.Password("x")} },
		"no authentication":      func(c *gossh.ClientConfig) { c.Auth = nil },
		"an unknown user":        func(c *gossh.ClientConfig) { c.User = "nobody" },
		"a locked account":       func(c *gossh.ClientConfig) { c.User = "locked" },
		"root":                   func(c *gossh.ClientConfig) { c.User = "root" },
		"a restricted key":       func(c *gossh.ClientConfig) { c.User = "forced" },
		"a host key of our wish": func(c *gossh.ClientConfig) { c.HostKeyCallback = gossh.FixedHostKey(stranger.PublicKey()) },
		"a host key of RSA":      func(c *gossh.ClientConfig) { c.HostKeyAlgorithms = []string{gossh.KeyAlgoRSASHA256} },
	} {
		if err := try(change); err == nil {
			t.Errorf("%s: logged in", name)
		}
	}
}

func TestSSHLimitsAndKeepalive(t *testing.T) {
	i := newInstance(t)
	i.start()
	client, err := i.login(i.clientConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	if _, _, err := client.SendRequest("keepalive@openssh.com", true, nil); err != nil {
		t.Errorf("a keepalive was not answered: %v", err)
	}
	var open []*gossh.Session
	for len(open) < 50 {
		s, err := client.NewSession()
		if err != nil {
			break
		}
		open = append(open, s)
	}
	if len(open) != 10 {
		t.Errorf("%d sessions could be opened on one connection, want 10", len(open))
	}
	_ = open[0].Close()
	i.eventually("a place for another session", func() bool {
		s, err := client.NewSession()
		if err == nil {
			_ = s.Close()
		}
		return err == nil
	})
}

func TestSSHCommandEndsWithItsSession(t *testing.T) {
	i := newInstance(t)
	i.start()
	sleeping := func() bool {
		return slices.ContainsFunc(i.processes(), func(p proc.Info) bool { return p.Name == "sleep" })
	}
	for name, end := range map[string]func(*gossh.Client, *gossh.Session){
		"the channel closes":    func(_ *gossh.Client, s *gossh.Session) { _ = s.Close() },
		"the connection closes": func(c *gossh.Client, _ *gossh.Session) { _ = c.Close() },
	} {
		client, err := i.login(i.clientConfig())
		if err != nil {
			t.Fatal(err)
		}
		s, err := client.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		// A shell that ignores SIGTERM, and a child.
		if err := s.Start("trap '' TERM; sleep 60; sleep 60"); err != nil {
			t.Fatal(err)
		}
		i.eventually("the command runs", sleeping)
		end(client, s)
		i.eventually(name+" and so ends the command", func() bool { return !sleeping() })
		_ = client.Close()
	}
}

func TestSSHForwarding(t *testing.T) {
	i := newInstance(t)
	i.up()
	i.firewall(22) // what is forwarded does not pass the firewall
	client, err := i.login(i.clientConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	c, err := client.Dial("tcp", "127.0.0.1:8080")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := io.WriteString(c, "GET /healthz HTTP/1.0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(c)
	if err != nil || !strings.HasSuffix(string(body), "\r\n\r\nok\n") {
		t.Errorf("%q, %v", body, err)
	}
	for _, to := range []string{"127.0.0.1:9", "example.com:80", "10.0.0.1:80"} {
		if c, err := client.Dial("tcp", to); err == nil {
			_ = c.Close()
			t.Errorf("%s was reached", to)
		}
	}
}

// The real client, where there is one, with a strict check of the host key:
// over TCP when the instance's port 22 can be bound, else not at all.
func TestOpenSSHClient(t *testing.T) {
	program, err := exec.LookPath("ssh")
	if err != nil {
		t.Skip("there is no ssh on this machine; the tests with x/crypto/ssh cover the server")
	}
	i := newInstance(t)
	i.up()
	if c, err := net.DialTimeout("tcp", net.JoinHostPort(i.address, "22"), time.Second); err != nil {
		t.Skip("port 22 of a loopback address cannot be bound here, which ssh needs: ", err)
	} else {
		_ = c.Close()
	}
	dir := t.TempDir()
	key, known, wrong := filepath.Join(dir, "key"), filepath.Join(dir, "known_hosts"), filepath.Join(dir, "wrong_hosts")
	stranger, _ := newKey(t)
	for path, text := range map[string]string{
		key:   string(i.clientPEM),
		known: i.address + " " + string(gossh.MarshalAuthorizedKey(i.hostKey)),
		wrong: i.address + " " + string(gossh.MarshalAuthorizedKey(stranger.PublicKey())),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(hosts string, stdin string, args ...string) (string, int) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		args = append([]string{
			"-F", "/dev/null", "-i", key, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes",
			"-o", "UserKnownHostsFile=" + hosts, "-o", "GlobalKnownHostsFile=/dev/null", "-o", "ServerAliveInterval=1",
		}, args...)
		cmd := exec.CommandContext(ctx, program, args...)
		cmd.Stdin = strings.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	to := "skysail@" + i.address
	if out, code := run(known, "over stdin\n", to, "cat; echo $USER; exit 3"); code != 3 || out != "over stdin\nskysail\n" {
		t.Errorf("a command: code %d, %q", code, out)
	}
	if out, code := run(known, "", "-tt", to, "echo ran"); code != 255 || strings.Contains(out, "ran") || !strings.Contains(out, "PTY allocation request failed") {
		t.Errorf("with -tt: code %d, %q", code, out)
	}
	if out, code := run(known, "", to, "systemctl is-active echo"); code != 0 || out != "active\n" {
		t.Errorf("systemctl: code %d, %q", code, out)
	}
	if out, code := run(wrong, "", to, "true"); code != 255 || !strings.Contains(out, "Host key verification failed") {
		t.Errorf("with another host key known: code %d, %q", code, out)
	}
	if out, code := run(known, "", "-o", "Ciphers=chacha20-poly1305@openssh.com", "nobody@"+i.address, "true"); code != 255 || !strings.Contains(out, "Permission denied (publickey)") {
		t.Errorf("an unknown user: code %d, %q", code, out)
	}
}

func TestDialEndsWithItsContext(t *testing.T) {
	i := newInstance(t)
	i.start()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := vm.Dial(ctx, i.dir, 22); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
