package logtail_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"skysail/internal/reexec"
	"skysail/internal/sshtest"
	"skysail/store"
)

func number(t testing.TB, name string, otherwise int) int {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is no number", name, v)
	}
	return n
}

// TestExactlyOnce writes numbered lines to a log that is rotated in every way,
// while the collector is killed with SIGKILL and its connection to the real
// OpenSSH is cut again and again, and then counts the numbers in the store.
// SKYSAIL_LOG_LINES and SKYSAIL_LOG_KILLS say how many; `make test-logs` takes
// ten million and fifty.
func TestExactlyOnce(t *testing.T) {
	lines, kills := number(t, "SKYSAIL_LOG_LINES", 200_000), number(t, "SKYSAIL_LOG_KILLS", 8)
	sshd := sshtest.OpenSSH(t)
	cable := newWire(t, sshd.Addr)
	s, path := newStore(t)
	w := newWriter(t, lines)

	cut := 0
	var killed atomic.Int32
	var writing atomic.Bool
	writing.Store(true)
	go func() {
		defer writing.Store(false)
		w.run(&killed, kills)
	}()
	args := []string{path, cable.addr, sshd.User, sshd.HostKey, sshd.KeyFile, w.path}
	for int(killed.Load()) < kills || writing.Load() {
		if t.Failed() || t.Context().Err() != nil {
			t.FailNow()
		}
		c := startCollector(t, args)
		if rand.IntN(2) == 0 {
			// Not before it has kept something: a slow machine comes on.
			select {
			case <-c.said:
			case <-c.done:
			case <-time.After(time.Minute):
			}
		}
		time.Sleep(time.Duration(rand.IntN(1200)) * time.Millisecond)
		if rand.IntN(2) == 0 {
			cable.cut()
			cut++
			time.Sleep(time.Duration(rand.IntN(1000)) * time.Millisecond)
		}
		if c.kill() {
			killed.Add(1)
		}
	}
	c := startCollector(t, args)
	defer c.kill()
	// Until nothing has come for a while: more often than the reader waits
	// for lines without a line feed and files between two names.
	for idle, deadline := 0, time.After(30*time.Minute); idle < 12; {
		select {
		case said := <-c.said:
			if idle++; said != "0 false" {
				idle = 0
			}
		case <-deadline:
			t.Fatal("it never comes to an end")
		}
	}
	w.close()
	t.Logf("%d lines in %d files (%d renamed, %d copied and truncated, %d compressed), collector killed %d times, connection cut %d times",
		lines, w.renamed+w.copied+1, w.renamed, w.copied, w.compressed, killed.Load(), cut)
	check(t, s, lines)
}

// check counts the numbers in the kept lines and in the metric.
func check(t *testing.T, s *store.Store, lines int) {
	t.Helper()
	times := make([]uint8, lines+1)
	strange := 0
	err := s.KeptLogs(t.Context(), deployment, time.Time{}, func(l store.LogLine) error {
		var n int
		if _, err := fmt.Sscanf(l.Message, "number %d ", &n); err != nil || n < 1 || n > lines || times[n] == 255 {
			strange++
			return nil //nolint:nilerr // counted
		}
		times[n]++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	lost, twice := 0, 0
	for _, n := range times[1:] {
		switch {
		case n == 0:
			lost++
		case n > 1:
			twice++
		}
	}
	t.Logf("%d lost, %d twice, %d torn", lost, twice, strange)
	if lost+twice+strange > 0 {
		t.Error("not each line once")
	}
	series, err := s.LogSeries(t.Context(), deployment, instance)
	if err != nil {
		t.Fatal(err)
	}
	counted := 0.0
	for _, x := range series {
		if x.Name == "log_numbers_total" {
			counted += x.Value
		}
	}
	if counted != float64(lines) {
		t.Errorf("the metric counted %v lines", counted)
	}
}

type process struct {
	cmd  *exec.Cmd
	said chan string
	done chan struct{}
}

func startCollector(t testing.TB, args []string) *process {
	t.Helper()
	cmd, err := reexec.Command("log-collector", args...)
	if err != nil {
		t.Fatal(err)
	}
	// A test that ends in a panic leaves no collector behind.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if testing.Verbose() {
		cmd.Stderr = os.Stderr
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd, said: make(chan string, 1), done: make(chan struct{})}
	go func() {
		defer close(p.done)
		for s := bufio.NewScanner(out); s.Scan(); {
			select {
			case p.said <- s.Text():
			default: // nobody asks
			}
		}
	}()
	return p
}

// kill sends SIGKILL, which no process can put off, and reports whether that is
// what ended it.
func (p *process) kill() bool {
	_ = p.cmd.Process.Kill()
	<-p.done
	err := p.cmd.Wait()
	return err != nil && strings.Contains(err.Error(), "killed")
}

// writer writes a log and rotates it. Between copying and truncating it does
// not write: those lines nobody could read (logrotate(8) on copytruncate), and
// they are not what this test is about.
type writer struct {
	t                           testing.TB
	path                        string
	file                        *os.File
	lines, n                    int
	renamed, copied, compressed int
}

func newWriter(t testing.TB, lines int) *writer {
	w := &writer{t: t, path: filepath.Join(t.TempDir(), "echo.log"), lines: lines}
	w.open()
	return w
}

func (w *writer) open() {
	f, err := os.OpenFile(w.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		w.t.Error(err)
		return
	}
	w.file = f
}

func (w *writer) close() { _ = w.file.Close() }

func (w *writer) must(err error) {
	if err != nil {
		w.t.Error(err)
	}
}

func (w *writer) write(count int) {
	kinds := []string{"apples", "pears", "plums"}
	var b []byte
	for range min(count, w.lines-w.n) {
		w.n++
		b = fmt.Appendf(b, "number %d of %s\n", w.n, kinds[w.n%3])
		if len(b) > 1<<16 || rand.IntN(50) == 0 {
			// Not at the end of a line.
			cut := rand.IntN(len(b))
			_, err := w.file.Write(b[:cut])
			w.must(err)
			b = append(b[:0], b[cut:]...)
		}
	}
	_, err := w.file.Write(b)
	w.must(err)
}

// run writes all lines in about sixteen files, more where there are millions of lines, and
// spreads them over the kills.
func (w *writer) run(killed *atomic.Int32, kills int) {
	files := 16 + w.lines/200_000
	each := w.lines/files + 1
	for i := 0; w.n < w.lines; i++ {
		for part := 0; part < 4; part++ {
			w.write(each / 4)
			time.Sleep(time.Duration(rand.IntN(40)) * time.Millisecond)
		}
		switch i % 3 {
		case 0, 1:
			w.shift()
			w.must(os.Rename(w.path, w.path+".1"))
			w.renamed++
			w.write(rand.IntN(50)) // the service does not know yet
			time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond)
			w.write(rand.IntN(50))
			w.close()
			w.open()
		case 2:
			w.shift()
			b, err := os.ReadFile(w.path)
			w.must(err)
			w.must(os.WriteFile(w.path+".1", b, 0o600))
			time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond)
			w.must(os.Truncate(w.path, 0))
			w.copied++
		}
		if i%2 == 0 {
			name := w.path + "." + strconv.Itoa(1+rand.IntN(2))
			if _, err := os.Stat(name); err == nil {
				w.must(exec.CommandContext(context.Background(), "gzip", name).Run())
				w.compressed++
			}
		}
		// Not all before the first kills.
		for k := int(killed.Load()); k < kills && w.n*kills > (k+1)*w.lines; k = int(killed.Load()) {
			time.Sleep(20 * time.Millisecond)
		}
	}
	w.write(w.lines)
}

func (w *writer) shift() {
	for i := 1 + w.renamed + w.copied; i >= 1; i-- {
		for _, ext := range []string{"", ".gz"} {
			err := os.Rename(w.path+"."+strconv.Itoa(i)+ext, w.path+"."+strconv.Itoa(i+1)+ext)
			if err != nil && !os.IsNotExist(err) {
				w.t.Error(err)
			}
		}
	}
}
