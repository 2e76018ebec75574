package probetest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Nginx starts Debian's nginx with these servers (blocks of its http context,
// in which PORT0, PORT1 … stand for free ports), or skips the test, saying
// so, where it is not installed. It returns the ports.
func Nginx(t testing.TB, ports int, servers string) []string {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			t.Skip("NOT RUN: nginx is not installed here (`make tools-debian` installs it); nothing was tried against it")
		}
	}
	dir := t.TempDir()
	var found []string
	for i := range ports {
		_, port, err := net.SplitHostPort(Closed(t))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, port)
		servers = strings.ReplaceAll(servers, fmt.Sprintf("PORT%d", i), port)
	}
	temp := ""
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temp += fmt.Sprintf("%s_temp_path %s/%s;\n", kind, dir, kind)
	}
	config := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf("daemon off;\nmaster_process off;\npid %[1]s/nginx.pid;\nerror_log %[1]s/error.log;\nevents { worker_connections 64; }\nhttp {\naccess_log %[1]s/access.log;\n%s%s}\n", dir, temp, servers)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	cmd := exec.Command(program, "-p", dir, "-c", config, "-e", filepath.Join(dir, "error.log")) //nolint:gosec,noctx // this machine's nginx; the clean-up ends it
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "error.log")) //nolint:gosec // a folder of the test
			t.Logf("nginx said:\n%s", log)
		}
	})
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", "127.0.0.1:"+found[len(found)-1])
		if err == nil {
			_ = c.Close()
			return found
		}
		select {
		case <-ended:
			t.Fatalf("nginx ended: %s", said.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("nginx never listened: %v", err)
		}
	}
}
