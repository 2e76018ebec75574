package sshtest

import (
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// cables counts the networks of this process.
var cables atomic.Uint32

// Machine is OpenSSH at the other end of a cable.
type Machine struct {
	*Server
	// Cut lets nothing more come from the machine, not even a refusal; Mend ends
	// that.
	Cut, Mend func()
}

// Namespace starts the real sshd in a network namespace of its own, or skips the
// test, saying so, where that cannot be had: for it one has to be root.
func Namespace(t testing.TB) *Machine {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if me.Uid != "0" {
		t.Skip("NOT RUN: only root makes network namespaces; nothing was tried over a network that can be cut")
	}
	for _, name := range []string{"/usr/sbin/sshd", "ip", "unshare", "nsenter"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("NOT RUN: %s is not installed here (Debian: openssh-server, iproute2, util-linux); nothing was tried over a network that can be cut", filepath.Base(name))
		}
	}
	privsep(t)
	pid := namespace(t)
	inside := func(argv ...string) []string { return append([]string{"nsenter", "--net", "--target", pid}, argv...) }
	word, n := rand.Text(), cables.Add(1)%64*4
	near, far := "ss"+word[:8], "sf"+word[:8]
	// A network for benchmarks (RFC 2544), of which this takes two addresses.
	here, there := fmt.Sprintf("198.18.%d.%d", os.Getpid()%256, n+1), fmt.Sprintf("198.18.%d.%d", os.Getpid()%256, n+2)
	if out, err := output(t, []string{"ip", "link", "add", near, "type", "veth", "peer", "name", far, "netns", pid}); err != nil {
		t.Skipf("NOT RUN: no cable to another network namespace can be made here: %v %s", err, out)
	}
	for _, argv := range [][]string{
		{"ip", "address", "add", here + "/30", "dev", near},
		{"ip", "link", "set", near, "up"},
		inside("ip", "address", "add", there+"/30", "dev", far),
		inside("ip", "link", "set", "lo", "up"),
		inside("ip", "link", "set", far, "up"),
	} {
		must(t, argv)
	}
	c := configure(t, "ListenAddress "+there, "Port 22")
	argv := inside("/usr/sbin/sshd", "-D", "-e", "-f", c.file)
	sshd := exec.Command(argv[0], argv[1:]...) //nolint:gosec,noctx // of this machine; stop ends it
	log, err := os.Create(filepath.Join(c.dir, "sshd.log"))
	if err != nil {
		t.Fatal(err)
	}
	sshd.Stderr = log
	if err := sshd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := sync.OnceFunc(func() {
		_ = sshd.Process.Kill()
		_ = sshd.Wait()
		killMarked(c.mark)
		_ = log.Close()
		tellLog(t, "sshd", log.Name())
	})
	t.Cleanup(stop)
	addr := net.JoinHostPort(there, "22")
	awaitSSH(t, addr)
	return &Machine{
		Server: c.server(t, me, addr, stop),
		Cut:    func() { must(t, inside("ip", "route", "add", "blackhole", here+"/32")) },
		Mend:   func() { must(t, inside("ip", "route", "del", "blackhole", here+"/32")) },
	}
}

// namespace makes a network namespace and returns the number of a process in it,
// with which it ends.
func namespace(t testing.TB) (pid string) {
	t.Helper()
	holder := exec.Command("unshare", "--net", "sh", "-c", "echo; exec sleep 3600") //nolint:noctx // the cleanup ends it
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = holder.Process.Kill()
		_ = holder.Wait()
	})
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
		t.Skipf("NOT RUN: no network namespace can be made here: %v", holder.Wait())
	}
	return strconv.Itoa(holder.Process.Pid)
}

func output(t testing.TB, argv []string) ([]byte, error) {
	return exec.CommandContext(t.Context(), argv[0], argv[1:]...).CombinedOutput() //nolint:gosec // of this machine
}

func must(t testing.TB, argv []string) {
	t.Helper()
	if out, err := output(t, argv); err != nil {
		t.Fatalf("%q: %v %s", argv, err, out)
	}
}

func awaitSSH(t testing.TB, addr string) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(t.Context(), "tcp", addr)
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(until) {
			t.Fatal(err)
		}
	}
}
