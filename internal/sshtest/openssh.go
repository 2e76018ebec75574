package sshtest

import (
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// OpenSSH starts the real sshd with a host key and an account of this test's
// own, or skips the test, saying so, where sshd is not installed. Each
// connection is served by one sshd process in inetd mode, so there is no port
// to guess and nothing left when the connections end. Lines of config go before
// the rest of its configuration.
func OpenSSH(t testing.TB, config ...string) *Server {
	t.Helper()
	sshd, err := exec.LookPath("/usr/sbin/sshd")
	if err != nil {
		t.Skip("NOT RUN: OpenSSH's sshd is not installed here (/usr/sbin/sshd); nothing was tried against it")
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if me.Uid == "0" {
		privsep(t)
	}
	c := configure(t, config...)
	addr, stop := inetd(t, filepath.Join(c.dir, "sshd.log"), c.mark, sshd, "-i", "-e", "-f", c.file)
	return c.server(t, me, addr, stop)
}

// configured is an sshd that is not started yet.
type configured struct {
	dir, file, mark string
	host, client    Key
}

func configure(t testing.TB, config ...string) configured {
	t.Helper()
	c := configured{dir: t.TempDir(), host: NewKey(t), client: NewKey(t), mark: "SKYSAIL_SSHTEST=" + rand.Text()}
	write(t, filepath.Join(c.dir, "host_key"), string(c.host.PEM))
	write(t, filepath.Join(c.dir, "authorized_keys"), c.client.Public+"\n")
	c.file = filepath.Join(c.dir, "sshd_config")
	write(t, c.file, strings.Join(append(config, ""), "\n")+fmt.Sprintf(`HostKey %[1]s/host_key
AuthorizedKeysFile %[1]s/authorized_keys
PidFile none
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PermitRootLogin prohibit-password
SetEnv %[2]s HOME=%[1]s
`, c.dir, c.mark)) // a home of its own: what this machine's user has in .bashrc is no part of a test
	return c
}

func (c configured) server(t testing.TB, me *user.User, addr string, stop func()) *Server {
	t.Helper()
	return &Server{Addr: addr, User: me.Username, HostKey: c.host.Public, KeyFile: c.client.WriteFile(t), Key: c.client, Close: stop}
}

// inetd starts a server for each connection, as inetd does, until the test ends
// or stop is called; then all goes that has mark in its environment.
func inetd(t testing.TB, log, mark string, argv ...string) (addr string, stop func()) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &daemons{argv: argv, log: log}
	s.running.Go(func() { s.accept(l) })
	stop = sync.OnceFunc(func() {
		_ = l.Close()
		s.kill()
		s.running.Wait()
		killMarked(mark)
		tellLog(t, argv[0], s.log)
	})
	t.Cleanup(stop)
	return l.Addr().String(), stop
}

// tellLog shows what a server said in a test that failed.
func tellLog(t testing.TB, program, log string) {
	if t.Failed() {
		said, _ := os.ReadFile(log) //nolint:gosec // of this test
		t.Logf("%s said:\n%s", filepath.Base(program), said)
	}
}

// privsep makes the folder that sshd insists on as root.
func privsep(t testing.TB) {
	t.Helper()
	const dir = "/run/sshd"
	if err := os.Mkdir(dir, 0o755); err != nil && !os.IsExist(err) { //nolint:gosec // the mode sshd wants
		t.Skipf("NOT RUN: sshd needs %s: %v", dir, err)
	}
}

// killMarked ends what the commands of a test left running: sshd gives them a
// session of their own and lets them live on. Only Linux shows environments;
// elsewhere they end by themselves.
func killMarked(mark string) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, f := range files {
		env, err := os.ReadFile(f) //nolint:gosec // a process's own environment
		if err != nil || !slices.Contains(strings.Split(string(env), "\x00"), mark) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f))); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

type daemons struct {
	argv    []string
	log     string
	running sync.WaitGroup

	mu    sync.Mutex
	procs []*exec.Cmd
	ended bool
}

func (d *daemons) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		if err := d.serve(conn.(*net.TCPConn)); err != nil {
			_ = conn.Close()
		}
	}
}

func (d *daemons) serve(conn *net.TCPConn) error {
	f, err := conn.File()
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	log, err := os.OpenFile(d.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(d.argv[0], d.argv[1:]...) //nolint:gosec,noctx // sshd of this machine; kill ends it
	cmd.Stdin, cmd.Stdout, cmd.Stderr = f, f, log
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended {
		return net.ErrClosed
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	_ = conn.Close()
	d.procs = append(d.procs, cmd)
	d.running.Go(func() { _ = cmd.Wait() })
	return nil
}

func (d *daemons) kill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = true
	for _, p := range d.procs {
		_ = p.Process.Kill()
	}
}
