package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"skysail/internal/failure"
	"skysail/internal/reexec"
)

// The processes of process_test.go. Each says on standard output what it did,
// a line a write that was acknowledged.
func init() {
	reexec.Register("store-writer", helper(runWriter))
	reexec.Register("store-sampler", helper(runSampler))
	reexec.Register("store-create", helper(runCreate))
	reexec.Register("store-touch", helper(runTouch))
	reexec.Register("store-lock", helper(runLock))
	reexec.Register("store-is-locked", helper(runIsLocked))
	reexec.Register("store-file-limit", helper(runFileLimit))
}

func helper(run func(ctx context.Context, args []string) error) reexec.Helper {
	return func(args []string) int {
		if err := run(context.Background(), args); err != nil {
			fmt.Fprintln(os.Stderr, failure.CodeOf(err), err)
			return 1
		}
		return 0
	}
}

// runWriter writes events PREFIX-0, PREFIX-1, … to deployment d1; COUNT 0 is
// without end.
func runWriter(ctx context.Context, args []string) error {
	path, prefix := args[0], args[1]
	count, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	s, err := Open(ctx, path)
	if err != nil {
		return err
	}
	for i := 0; count == 0 || i < count; i++ {
		reason := fmt.Sprintf("%s-%d", prefix, i)
		if err := s.SetPhase(ctx, "d1", Applying, reason); err != nil {
			return err
		}
		fmt.Println(reason)
	}
	return s.Close()
}

// runSampler writes samples of d1 whose values are FIRST, FIRST+1, … without
// end, a minute of the clock from one to the next.
func runSampler(ctx context.Context, args []string) error {
	first, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	s, err := Open(ctx, args[0])
	if err != nil {
		return err
	}
	for i := first; ; i++ {
		at := epoch.Add(time.Duration(i) * time.Minute)
		s.now = func() time.Time { return at }
		if err := s.AddSamples(ctx, "d1", []Sample{{
			Instance: "i1", Source: "ssh", Name: "n_total", Value: float64(i), ObservedAt: at, CollectedAt: at,
		}}); err != nil {
			return err
		}
		fmt.Println(i)
	}
}

// runCreate creates a deployment of that name with the ID that is next.
func runCreate(ctx context.Context, args []string) error {
	s, err := Open(ctx, args[0])
	if err != nil {
		return err
	}
	id, err := s.NextID(ctx, args[1])
	if err != nil {
		return err
	}
	if err := s.Create(ctx, deployment(id, args[1])); err != nil {
		return errors.Join(err, s.Close())
	}
	fmt.Println(id)
	return s.Close()
}

// runTouch opens and closes a store as a command that only looks does.
func runTouch(ctx context.Context, args []string) error {
	s, err := Open(ctx, args[0])
	if err != nil {
		return err
	}
	if _, err := s.List(ctx, true); err != nil {
		return err
	}
	return s.Close()
}

// runLock keeps the store locked until standard input ends.
func runLock(ctx context.Context, args []string) error {
	s, err := Open(ctx, args[0])
	if err != nil {
		return err
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	for _, q := range args[1:] {
		if _, err := conn.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	fmt.Println("locked")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// runIsLocked says whether another process has the lock that each open SQLite
// database has (SHARED_FIRST and SHARED_SIZE of its file format).
func runIsLocked(_ context.Context, args []string) error {
	f, err := os.OpenFile(args[0], os.O_RDWR, 0)
	if err != nil {
		return err
	}
	lock := syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart, Start: 0x40000002, Len: 510}
	if err := syscall.FcntlFlock(f.Fd(), syscall.F_GETLK, &lock); err != nil {
		return err
	}
	fmt.Println(lock.Type != syscall.F_UNLCK)
	return f.Close()
}

// runFileLimit writes until no file may grow any more, which is what a full
// disk or a quota does.
func runFileLimit(ctx context.Context, args []string) error {
	s, err := Open(ctx, args[0])
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 256 << 10, Max: 256 << 10}); err != nil {
		return err
	}
	for i := range 10_000 {
		if err := s.SetPhase(ctx, "d1", Applying, strings.Repeat("x", 1000)); err != nil {
			return err
		}
		fmt.Println(i)
	}
	return s.Close()
}

// startHelper starts a helper that is killed with the test.
func startHelper(t *testing.T, name string, args ...string) (*exec.Cmd, *bufio.Scanner, *strings.Builder) {
	t.Helper()
	cmd, err := reexec.Command(name, args...)
	must(t, err)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	return cmd, start(t, cmd), &stderr
}

// startLock starts store-lock, which holds the lock until its input is closed.
func startLock(t *testing.T, args []string) (*exec.Cmd, io.Closer, *bufio.Scanner) {
	t.Helper()
	cmd, err := reexec.Command("store-lock", args...)
	must(t, err)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	must(t, err)
	return cmd, stdin, start(t, cmd)
}

func start(t *testing.T, cmd *exec.Cmd) *bufio.Scanner {
	t.Helper()
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return bufio.NewScanner(out)
}

// runAsUser runs a helper as somebody whom file modes bind, and gives dir,
// with what is in it, to that user. The test binary may lie where only root
// looks, so a copy is run.
func runAsUser(t *testing.T, dir, name string, args ...string) (output string, err error) {
	t.Helper()
	cmd, err := reexec.Command(name, args...)
	must(t, err)
	if os.Geteuid() == 0 {
		const nobody = 65534
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		cmd.Path = publicCopy(t, cmd.Path)
		cmd.Dir = "/"
		for parent := filepath.Dir(dir); parent != os.TempDir() && len(parent) > 1; parent = filepath.Dir(parent) {
			must(t, os.Chmod(parent, 0o755))
		}
		must(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(path, nobody, nobody)
		}))
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func publicCopy(t *testing.T, path string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "skysail-store-test-")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	b, err := os.ReadFile(path)
	must(t, err)
	copied := filepath.Join(dir, "store.test")
	must(t, os.WriteFile(copied, b, 0o755))
	must(t, os.Chmod(copied, 0o755))
	return copied
}

// lines reads what is left of a helper's output and waits for its end.
func lines(cmd *exec.Cmd, out *bufio.Scanner) ([]string, error) {
	var got []string
	for out.Scan() {
		got = append(got, out.Text())
	}
	return got, cmd.Wait()
}
