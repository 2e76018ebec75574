package vm_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	gossh "golang.org/x/crypto/ssh"

	"skysail/internal/journal"
	"skysail/internal/reexec"
	"skysail/internal/supervise/proc"
	"skysail/sandbox/vm"
)

// serviceHelper makes this test binary the service that instances run.
const serviceHelper = "vm-test-service"

func init() { reexec.Register(serviceHelper, service) }

func TestMain(m *testing.M) {
	reexec.Main()
	// The race detector makes each process sleep for a second at its end.
	_ = os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	goleak.VerifyTestMain(m)
}

// service is a small HTTP server on $LISTEN that logs to stdout.
func service([]string) int {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	l, err := net.Listen("tcp", os.Getenv("LISTEN"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "<3>", err)
		return 1
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("/env", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, os.Getenv(r.URL.RawQuery)) })
	mux.HandleFunc("/log", func(_ http.ResponseWriter, r *http.Request) { fmt.Println(r.URL.RawQuery) })
	mux.HandleFunc("/pid", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, os.Getpid()) })
	mux.HandleFunc("/crash", func(http.ResponseWriter, *http.Request) { os.Exit(3) })
	fmt.Println("listening on", os.Getenv("LISTEN"), os.Getenv("GREETING"))
	go func() { _ = (&http.Server{Handler: mux, ReadHeaderTimeout: time.Second}).Serve(l) }()
	select {
	case <-stop:
		fmt.Println("bye")
		return 0
	case <-time.After(2 * time.Minute): // never outlive a broken test for long
		return 9
	}
}

// instance is an instance under test.
type instance struct {
	t       *testing.T
	dir     string
	address string
	config  vm.Config
	client  gossh.Signer
	// clientPEM is the same key in a file's form.
	clientPEM []byte
	hostKey   gossh.PublicKey
	hostPEM   string
	openPorts []int
	userData  map[string]any
}

var instances atomic.Int32

func newKey(t *testing.T) (gossh.Signer, []byte) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	block, err := gossh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := gossh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer, pem.EncodeToMemory(block)
}

// newInstance prepares an instance that runs the test service as echo.service
// on port 8080, and sees to it that nothing of it is left after the test.
func newInstance(t *testing.T) *instance {
	t.Helper()
	n := instances.Add(1)
	client, clientPEM := newKey(t)
	host, hostPEM := newKey(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	i := &instance{
		t: t, dir: filepath.Join(t.TempDir(), "vm"), client: client, clientPEM: clientPEM,
		hostKey: host.PublicKey(), hostPEM: string(hostPEM), openPorts: []int{22, 8080},
		address: fmt.Sprintf("127.77.%d.%d", os.Getpid()%200, n),
	}
	i.config = vm.Config{Provider: "vultr", ID: fmt.Sprint("test-", n), Name: "skysail-test-0", Address: i.address, Region: "ewr", VCPU: 1, MemoryMB: 1024}
	i.userData = map[string]any{
		"ssh_keys":        map[string]any{"ed25519_private": string(hostPEM), "ed25519_public": string(gossh.MarshalAuthorizedKey(host.PublicKey()))},
		"ssh_deletekeys":  true,
		"ssh_genkeytypes": []string{},
		"ssh_pwauth":      false,
		"disable_root":    true,
		"users": []any{map[string]any{
			"name": "skysail", "shell": "/bin/dash", "lock_passwd": false, "passwd": "*", "groups": []string{"systemd-journal"},
			"ssh_authorized_keys": []string{strings.TrimSpace(string(gossh.MarshalAuthorizedKey(client.PublicKey()))) + " test"},
			"sudo":                `ALL=(root) NOPASSWD: /opt/skysail/secrets ""`,
		}},
		"write_files": []any{
			file("/etc/skysail/service.env", "0600", "GREETING=\"hello \\\"$USER\\\"\"\n"),
			file("/etc/systemd/system/echo.service", "0644", unit(self)),
		},
		"runcmd": []any{"systemctl enable --now echo.service"},
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 60*time.Second)
		defer cancel()
		if t.Failed() {
			i.dump()
		}
		if err := vm.Stop(ctx, i.dir); err != nil {
			t.Errorf("clean up: %v", err)
		}
		if left, err := proc.WithEnv("SKYSAIL_INSTANCE=" + i.dir); err != nil || len(left) > 0 {
			t.Errorf("after the test there runs %s, %v", proc.Names(left), err)
		}
	})
	return i
}

func unit(program string, more ...string) string {
	return strings.Join(append([]string{
		"[Unit]", "Description=echo service", "StartLimitIntervalSec=0",
		"[Service]", "Type=exec", "User=skysail", "ProtectSystem=strict", "NoNewPrivileges=yes",
		"Environment=LISTEN=:8080 " + reexec.HelperEnv(serviceHelper), "EnvironmentFile=/etc/skysail/service.env",
		"EnvironmentFile=-/etc/skysail/none.env",
		"StateDirectory=echo", "WorkingDirectory=/etc/skysail", `ExecStart="` + program + `"`,
		"Restart=always", "RestartSec=100ms", "TimeoutStopSec=5",
	}, append(more, "[Install]", "WantedBy=multi-user.target", "")...), "\n")
}

func file(path, permissions, content string) map[string]any {
	return map[string]any{"path": path, "permissions": permissions, "content": content}
}

// write puts the files of the instance in place.
func (i *instance) write() {
	i.t.Helper()
	if i.config.UserData == "" {
		b, err := json.Marshal(i.userData)
		if err != nil {
			i.t.Fatal(err)
		}
		i.config.UserData = "#cloud-config\n" + string(b) + "\n"
	}
	if err := os.MkdirAll(i.dir, 0o700); err != nil {
		i.t.Fatal(err)
	}
	i.writeJSON("config.json", i.config)
	i.firewall(i.openPorts...)
}

func (i *instance) firewall(ports ...int) {
	i.t.Helper()
	inbound := []any{}
	for _, p := range ports {
		inbound = append(inbound, map[string]any{"protocol": "tcp", "from": p, "to": p, "sources": []string{"127.0.0.1/32"}})
	}
	i.writeJSON("firewall.json", map[string]any{"inbound": inbound})
}

func (i *instance) writeJSON(name string, v any) {
	i.t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		i.t.Fatal(err)
	}
	temp := filepath.Join(i.dir, name+".new")
	if err := os.WriteFile(temp, b, 0o600); err != nil {
		i.t.Fatal(err)
	}
	if err := os.Rename(temp, filepath.Join(i.dir, name)); err != nil {
		i.t.Fatal(err)
	}
}

// start boots the instance.
func (i *instance) start() {
	i.t.Helper()
	i.write()
	if err := vm.Start(i.t.Context(), i.dir); err != nil {
		i.t.Fatal(err)
	}
}

// up boots the instance and waits for its service.
func (i *instance) up() {
	i.t.Helper()
	i.start()
	i.eventually("the service answers", func() bool {
		body, err := i.get("/healthz")
		return err == nil && body == "ok\n"
	})
	// It can answer before its start is written down, and the last line of the
	// journal is not its own until then.
	i.eventually("its start is in the journal", func() bool {
		return i.logged("echo.service", "Started echo.service")() || i.logged("skysail-echo.service", "Started skysail-echo.service")()
	})
}

func (i *instance) eventually(what string, ok func() bool) {
	i.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	i.t.Fatalf("never: %s", what)
}

// get asks the service through the dial socket.
func (i *instance) get(path string) (string, error) {
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return vm.Dial(ctx, i.dir, 8080)
		},
	}
	return fetch(i.t.Context(), &http.Client{Transport: transport, Timeout: 5 * time.Second}, "http://instance"+path)
}

func fetch(ctx context.Context, c *http.Client, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func (i *instance) clientConfig() *gossh.ClientConfig {
	return &gossh.ClientConfig{
		User:              "skysail",
		Auth:              []gossh.AuthMethod{gossh.PublicKeys(i.client)},
		HostKeyCallback:   gossh.FixedHostKey(i.hostKey),
		HostKeyAlgorithms: []string{gossh.KeyAlgoED25519},
	}
}

func (i *instance) login(c *gossh.ClientConfig) (*gossh.Client, error) {
	conn, err := vm.Dial(i.t.Context(), i.dir, 22)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	sc, chans, reqs, err := gossh.NewClientConn(conn, conn.RemoteAddr().String(), c)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return gossh.NewClient(sc, chans, reqs), nil
}

// ssh runs a command over a new connection.
func (i *instance) ssh(command, stdin string) (stdout, stderr string, code int) {
	i.t.Helper()
	client, err := i.login(i.clientConfig())
	if err != nil {
		i.t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	return i.run(client, command, stdin)
}

func (i *instance) run(client *gossh.Client, command, stdin string) (stdout, stderr string, code int) {
	i.t.Helper()
	s, err := client.NewSession()
	if err != nil {
		i.t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	var out, errOut bytes.Buffer
	s.Stdin, s.Stdout, s.Stderr = strings.NewReader(stdin), &out, &errOut
	err = s.Run(command)
	var exit *gossh.ExitError
	switch {
	case errors.As(err, &exit):
		code = exit.ExitStatus()
	case err != nil:
		i.t.Fatalf("%s: %v", command, err)
	}
	return out.String(), errOut.String(), code
}

// sh runs a command that must succeed.
func (i *instance) sh(command string) string {
	i.t.Helper()
	out, errOut, code := i.ssh(command, "")
	if code != 0 {
		i.t.Fatalf("%s: exit code %d, %s%s", command, code, out, errOut)
	}
	return out
}

func (i *instance) messages(unit string) []string {
	i.t.Helper()
	entries, err := journal.Read(filepath.Join(i.dir, "journal"), journal.Query{Unit: unit})
	if err != nil {
		i.t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Message)
	}
	return out
}

func (i *instance) logged(unit, text string) func() bool {
	return func() bool { return strings.Contains(strings.Join(i.messages(unit), "\n"), text) }
}

// dump shows what is known of an instance whose test failed.
func (i *instance) dump() {
	for _, name := range []string{"vm.log", "cloud-init.log", "journal"} {
		if b, err := os.ReadFile(filepath.Join(i.dir, name)); err == nil {
			i.t.Logf("the end of %s of %s:\n%s", name, i.config.ID, b[max(0, len(b)-8000):])
		}
	}
}

// processes are all processes of the instance.
func (i *instance) processes() []proc.Info {
	i.t.Helper()
	list, err := proc.WithEnv("SKYSAIL_INSTANCE=" + i.dir)
	if err != nil {
		i.t.Fatal(err)
	}
	return list
}
