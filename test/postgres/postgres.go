// Package postgres runs a throw-away PostgreSQL for tests: Debian's, in a
// folder of its own, on a loopback port, with a password.
package postgres

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sort"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// Server is a running PostgreSQL.
type Server struct {
	// ConnStr is a URL without the password, which is Password.
	ConnStr, Password string
	bin               string
}

// Start makes a cluster and runs it until the test ends. PostgreSQL does not
// run as root, so a test that does gives it to the user postgres or nobody.
// Where it is not installed and can be, that is a failure; elsewhere the test
// says what it left out.
func Start(t testing.TB) *Server {
	t.Helper()
	bin := programs(t)
	dir, err := os.MkdirTemp("", "skysail-pg-*") // t.TempDir's parents are closed to other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &Server{Password: "canary-pg-5d1e", bin: bin} //nolint:gosec // it is to be looked for
	attr := account(t, dir)
	pw := filepath.Join(dir, "pw")
	if err := os.WriteFile(pw, []byte(s.Password+"\n"), 0o644); err != nil { //nolint:gosec // the server's user reads it, for a moment
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	run := func(ctx context.Context, program string, args ...string) error {
		cmd := exec.CommandContext(ctx, filepath.Join(bin, program), args...) //nolint:gosec // Debian's own
		cmd.Dir, cmd.SysProcAttr = dir, attr
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
		// A file, not a pipe: the server keeps it open.
		out, err := os.OpenFile(filepath.Join(dir, "out"), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600) //nolint:gosec // the server's own folder
		if err != nil {
			return err
		}
		defer out.Close() //nolint:errcheck // a log
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Run(); err != nil {
			text, _ := os.ReadFile(out.Name())
			return fmt.Errorf("%s: %w\n%s", program, err, text)
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := run(ctx, "initdb", "-D", data, "-U", "skysail", "--pwfile="+pw, "-A", "scram-sha-256", "--no-sync", "--locale=C", "-E", "UTF8"); err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	options := fmt.Sprintf("-p %d -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off", port)
	if err := run(ctx, "pg_ctl", "-D", data, "-l", filepath.Join(dir, "log"), "-o", options, "-w", "start"); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log")) //nolint:gosec // this test's own
		t.Fatalf("%v\n%s", err, log)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
		defer cancel()
		if err := run(ctx, "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"); err != nil {
			t.Error(err)
		}
	})
	s.ConnStr = fmt.Sprintf("postgres://skysail@127.0.0.1:%d/postgres?sslmode=disable", port)
	return s
}

// Query runs a statement and returns its rows, one a line.
func (s *Server) Query(t testing.TB, statement string) string {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), filepath.Join(s.bin, "psql"), s.ConnStr, "-XAtc", statement) //nolint:gosec // Debian's own
	cmd.Env = []string{"PGPASSWORD=" + s.Password, "PATH=" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("psql: %v\n%s", err, out)
	}
	return string(out)
}

// programs finds the folder of PostgreSQL's programs, which Debian keeps off
// PATH.
func programs(t testing.TB) string {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(found)
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1])
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path)
	}
	if _, err := exec.LookPath("apt-get"); err == nil {
		t.Fatal("PostgreSQL is missing: `make tools-debian` installs it, or `apt-get install postgresql`")
	}
	t.Skip("NOT RUN: this system has no PostgreSQL and no apt-get to install it with")
	return ""
}

// account gives the folder to a user that PostgreSQL runs as.
func account(t testing.TB, dir string) *syscall.SysProcAttr {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			t.Fatal(err)
		}
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err1 != nil || err2 != nil {
		t.Fatalf("user %+v", u)
	}
	if err := os.Chown(dir, int(uid), int(gid)); err != nil {
		t.Fatal(err)
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()                     //nolint:errcheck // only its number was wanted
	return l.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // it is one
}
