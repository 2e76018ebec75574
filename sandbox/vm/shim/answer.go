package shim

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"skysail/sandbox/vm/rootdir"
	"skysail/sandbox/vm/systemd"
)

// A shim writes its process ID and its name to the instance's question file, a
// FIFO, and reads shell text from a FIFO of its own: what it is to print and its
// exit code, or what to run in its place. Empty text means that it must run
// this binary. To start that takes ten times as long as to ask, and a
// deployment needs seventeen shims.
const questionFile = ".question"

// maxAnswer bounds the text; what is longer the shim prints itself.
const maxAnswer = 64 << 10

// readerPatience is how long an answer waits for its reader.
const readerPatience = 10 * time.Second

// canAnswer says whether this system shows a shim's arguments and environment.
func canAnswer() bool { return runtime.GOOS == "linux" }

// question is the part of a shim's script that asks.
func question(folder, name string) string {
	if !canAnswer() {
		return ""
	}
	return "q=" + rootdir.Quote(filepath.Join(folder, questionFile)) + `
if [ -p "$q" ] && mkfifo -m 600 "$q.$$" 2>/dev/null; then
	eval "$(echo "$$ ` + name + `" 1<>"$q"; exec cat "$q.$$")"
fi
`
}

// Server answers the shims of an instance.
type Server struct {
	dir     string
	root    rootdir.Root
	manager func(systemd.Call) systemd.Reply
	file    *os.File
	serving sync.WaitGroup
}

// NewServer makes the question file in the instance's folder, beside its shims;
// nil where this system does not let it answer.
func NewServer(dir string, root rootdir.Root, manager func(systemd.Call) systemd.Reply) (*Server, error) {
	if !canAnswer() {
		return nil, nil //nolint:nilnil // the shims do without
	}
	s := &Server{dir: dir, root: root, manager: manager}
	if err := s.removeStale(); err != nil {
		return nil, err
	}
	if err := unix.Mkfifo(s.path(), 0o600); err != nil {
		return nil, fmt.Errorf("make %s: %w", s.path(), err)
	}
	// Open for writing as well, so that it does not end with the last shim.
	var err error
	s.file, err = os.OpenFile(s.path(), os.O_RDWR, 0)
	return s, err
}

func (s *Server) path() string { return filepath.Join(s.dir, Folder, questionFile) }

// lastQuestion is what Close writes after all that were asked before it.
const lastQuestion = "end"

// Close has Serve end once what was asked before is answered. Shims that start
// later run this binary.
func (s *Server) Close() error {
	_, err := s.file.WriteString(lastQuestion + "\n")
	return errors.Join(os.Remove(s.path()), err)
}

// removeStale takes away what a killed instance left.
func (s *Server) removeStale() error {
	folder := filepath.Join(s.dir, Folder)
	entries, err := os.ReadDir(folder)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), questionFile) {
			err = errors.Join(err, os.Remove(filepath.Join(folder, e.Name())))
		}
	}
	return err
}

// Serve answers until Close; when ctx ends, answers are no longer waited for.
func (s *Server) Serve(ctx context.Context) {
	lines := bufio.NewScanner(s.file)
	for lines.Scan() && lines.Text() != lastQuestion {
		pid, name, _ := strings.Cut(lines.Text(), " ")
		id, err := strconv.Atoi(pid)
		if err != nil {
			continue
		}
		s.serving.Go(func() { s.reply(ctx, id, name) })
	}
	s.serving.Wait()
	_ = s.file.Close()
}

// reply hands the answer over. The way to the shim is opened before the answer
// is known: if the instance is killed meanwhile, the shim reads its end.
func (s *Server) reply(ctx context.Context, pid int, name string) {
	path := s.path() + "." + strconv.Itoa(pid)
	defer func() { _ = os.Remove(path) }()
	if f := openForReader(ctx, path); f != nil {
		_, _ = f.WriteString(s.answer(pid, name))
		_ = f.Close()
	}
}

// openForReader waits for the shim to read; nil when it has ended.
func openForReader(ctx context.Context, path string) *os.File {
	ctx, cancel := context.WithTimeout(ctx, readerPatience)
	defer cancel()
	for wait := 100 * time.Microsecond; ; wait = min(2*wait, 50*time.Millisecond) {
		f, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0) //nolint:gosec // in the folder of the shims
		if err == nil {
			return f
		}
		if !errors.Is(err, syscall.ENXIO) {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// answer is what the shim that runs as a process is to do.
func (s *Server) answer(pid int, name string) string {
	args, err := words(pid, "cmdline")
	if err != nil {
		return ""
	}
	self := slices.IndexFunc(args, func(a string) bool { return filepath.Base(a) == name })
	program := programs()[name]
	if self < 0 || program == nil {
		return ""
	}
	variables, err := words(pid, "environ")
	if err != nil {
		return ""
	}
	env := map[string]string{}
	for _, v := range variables {
		name, value, _ := strings.Cut(v, "=")
		env[name] = value
	}
	if env["TZ"] != os.Getenv("TZ") {
		return "" // it prints times
	}
	folder, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	if err != nil {
		return ""
	}
	var stdout, stderr bytes.Buffer
	next := ""
	m := machine{
		dir: s.dir, root: s.root, user: env[EnvUser], folder: folder, path: env["PATH"],
		stdout: &stdout, stderr: &stderr, answered: true,
		manager: func(c systemd.Call) (systemd.Reply, error) { return s.manager(c), nil },
		become: func(argv, set []string) error {
			next = instead(argv, set)
			return nil
		},
	}
	code := program(m, args[self+1:])
	if code == elsewhere || stdout.Len()+stderr.Len() > maxAnswer || bytes.IndexByte(stdout.Bytes(), 0) >= 0 {
		return ""
	}
	if next != "" {
		return next
	}
	return printed("", stdout.String()) + printed(" >&2", stderr.String()) + "exit " + strconv.Itoa(code) + "\n"
}

// instead is the text that runs a program in the shim's place.
func instead(argv, set []string) string {
	var b strings.Builder
	for _, v := range set {
		name, value, _ := strings.Cut(v, "=")
		b.WriteString("export " + name + "=" + rootdir.Quote(value) + "\n")
	}
	b.WriteString("exec")
	for _, a := range argv {
		b.WriteString(" " + rootdir.Quote(a))
	}
	return b.String() + "\n"
}

func printed(to, text string) string {
	if text == "" {
		return ""
	}
	return "printf %s " + rootdir.Quote(text) + to + "\n"
}

// words reads a list of the kernel's about a process, whose ends are NULs.
func words(pid int, list string) ([]string, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, list))
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00"), nil
}
