package tail_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"skysail/qos/tail"
)

// machine runs scripts with one of the shells that instances have.
type machine struct {
	name string
	argv []string
	env  []string
}

func machines(t testing.TB) []machine {
	t.Helper()
	all := []machine{{name: "dash", argv: []string{"/bin/sh", "-c"}, env: os.Environ()}}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Log("NOT RUN: busybox is not installed, so nothing was tried with its tools")
		return all
	}
	dir := t.TempDir()
	if out, err := exec.Command(busybox, "--install", "-s", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return append(all, machine{name: "busybox", argv: []string{busybox, "sh", "-c"}, env: []string{"PATH=" + dir}})
}

func (m machine) run(t testing.TB, script string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, m.argv[0], append(m.argv[1:len(m.argv):len(m.argv)], script)...)
	cmd.Env = m.env
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", m.name, err)
	}
	return out
}

// follower reads one log. Its state goes through JSON at each step, as it does
// through a store.
type follower struct {
	machine machine
	path    string
	limit   int
	state   []byte
	lines   []tail.Line
	lost    int64
	notes   []string
}

// poll makes one step; it is kept unless the reader is killed before.
func (f *follower) poll(t testing.TB, killed bool) (more bool) {
	t.Helper()
	var s tail.State
	if f.state != nil {
		if err := json.Unmarshal(f.state, &s); err != nil {
			t.Fatal(err)
		}
	}
	out, err := tail.Parse(f.machine.run(t, tail.Preamble+"now\n"+s.Call(f.path, f.limit)+tail.End), f.limit, 16<<20)
	if err != nil {
		t.Fatalf("%s: %v", f.machine.name, err)
	}
	if len(out.Families) != 1 || len(out.Missing) != 0 {
		t.Fatalf("%s: %+v", f.machine.name, out)
	}
	next, res := s.Step(f.path, f.limit, out.Families[0])
	if killed {
		return true
	}
	if f.state, err = json.Marshal(next); err != nil {
		t.Fatal(err)
	}
	f.lines = append(f.lines, res.Lines...)
	f.lost += res.Lost
	f.notes = append(f.notes, res.Notes...)
	return res.More
}

// drain polls until nothing is left, and as often again as it takes to notice
// what is no longer there.
func (f *follower) drain(t testing.TB) {
	t.Helper()
	for calm, polls := 0, 0; calm < 8; calm++ {
		if f.poll(t, false) {
			calm = -1
		}
		if polls++; polls > 300 {
			t.Fatalf("it never comes to an end: limit %d, %s", f.limit, bytes.ReplaceAll(f.state, []byte("eHh4"), nil))
		}
	}
}

func (f *follower) texts() []string {
	out := make([]string, len(f.lines))
	for i, l := range f.lines {
		out[i] = string(l.Text)
	}
	return out
}

// log is a log file with its writer and its rotator.
type log struct {
	t    testing.TB
	path string
	file *os.File
}

func newLog(t testing.TB) *log {
	l := &log{t: t, path: filepath.Join(t.TempDir(), "app's log")}
	l.open()
	t.Cleanup(func() { _ = l.file.Close() })
	return l
}

func (l *log) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *log) open() {
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	l.must(err)
	l.file = f
}

func (l *log) write(s string) {
	_, err := l.file.WriteString(s)
	l.must(err)
}

// shift makes place 1 free.
func (l *log) shift() {
	for i := 9; i >= 1; i-- {
		for _, ext := range []string{"", ".gz"} {
			from, to := l.rotated(i)+ext, l.rotated(i+1)+ext
			if err := os.Rename(from, to); err != nil && !os.IsNotExist(err) {
				l.t.Fatal(err)
			}
		}
	}
}

func (l *log) rotated(i int) string { return l.path + "." + string(rune('0'+i)) }

// rename moves the file away; the writer goes on in it until it reopens.
func (l *log) rename() {
	l.shift()
	if err := os.Rename(l.path, l.rotated(1)); err != nil && !os.IsNotExist(err) {
		l.t.Fatal(err)
	}
}

func (l *log) reopen() {
	l.must(l.file.Close())
	l.open()
}

func (l *log) copyOut() {
	l.shift()
	b, err := os.ReadFile(l.path)
	l.must(err)
	l.must(os.WriteFile(l.rotated(1), b, 0o600))
}

func (l *log) truncate() { l.must(os.Truncate(l.path, 0)) }

func (l *log) compress(i int) {
	if _, err := os.Stat(l.rotated(i)); err == nil {
		out, err := exec.Command("gzip", l.rotated(i)).CombinedOutput()
		if err != nil {
			l.t.Fatalf("%v: %s", err, out)
		}
	}
}

func TestLongLines(t *testing.T) {
	for _, m := range machines(t) {
		t.Run(m.name, func(t *testing.T) {
			l := newLog(t)
			f := &follower{machine: m, path: l.path, limit: 1 << 20}
			l.write("first\n")
			l.write(string(bytes.Repeat([]byte("x"), 5<<20)))
			f.drain(t)
			l.write("yz\nlast\r\n")
			f.drain(t)
			if len(f.lines) != 3 || string(f.lines[0].Text) != "first" || string(f.lines[2].Text) != "last" {
				t.Fatalf("%d lines", len(f.lines))
			}
			long := f.lines[1]
			if !long.Cut() || long.Size != 5<<20+2 || len(long.Text) != tail.MaxLine {
				t.Errorf("%d of %d bytes", len(long.Text), long.Size)
			}
		})
	}
}

// TestLimitIsReachedFromAnyOffset has the second line begin at the end of a
// block, with a limit that is no multiple of one.
func TestLimitIsReachedFromAnyOffset(t *testing.T) {
	for _, m := range machines(t) {
		for _, first := range []int{4000, 4094, 4095, 4096} {
			l := newLog(t)
			f := &follower{machine: m, path: l.path, limit: 3000}
			l.write(string(bytes.Repeat([]byte("x"), first)) + "\n")
			f.drain(t)
			l.write("second " + string(bytes.Repeat([]byte("y"), 500)) + "\nthird\n")
			l.rename()
			l.reopen()
			f.drain(t)
			if got := f.texts(); len(got) != 3 || len(got[1]) != 507 || got[2] != "third" {
				t.Errorf("%s, %d: %.40q", m.name, first, got)
			}
		}
	}
}

func TestWhatHasNoLineFeed(t *testing.T) {
	for _, m := range machines(t) {
		t.Run(m.name, func(t *testing.T) {
			l := newLog(t)
			f := &follower{machine: m, path: l.path, limit: 1 << 20}
			l.write("one\ntwo, and torn")
			f.drain(t)
			if got := f.texts(); len(got) != 1 {
				t.Fatalf("%q", got)
			}
			l.rename()
			l.reopen()
			l.write("three\n")
			f.drain(t)
			if got := f.texts(); len(got) != 3 {
				t.Errorf("%q", got)
			}
		})
	}
}

func TestZerosOfAWriterThatDoesNotAppend(t *testing.T) {
	l := newLog(t)
	w, err := os.OpenFile(l.path, os.O_WRONLY, 0)
	l.must(err)
	defer func() { _ = w.Close() }()
	f := &follower{machine: machines(t)[0], path: l.path, limit: 64 << 10}
	_, err = w.WriteString("before " + string(bytes.Repeat([]byte("x"), 200<<10)) + "\n")
	l.must(err)
	f.drain(t)
	l.copyOut()
	l.truncate()
	_, err = w.WriteString("after\n")
	l.must(err)
	f.drain(t)
	if len(f.lines) != 2 || string(f.lines[1].Text) != "after" {
		t.Errorf("%d lines", len(f.lines))
	}
}

func TestRemovedBeforeItWasRead(t *testing.T) {
	l := newLog(t)
	f := &follower{machine: machines(t)[0], path: l.path, limit: 64 << 10}
	l.write("one\ntwo without an end")
	f.drain(t)
	l.must(os.Remove(l.path))
	l.reopen()
	l.write("three\n")
	f.drain(t)
	if f.lost != 18 || len(f.notes) != 1 {
		t.Errorf("lost %d bytes, %q", f.lost, f.notes)
	}
	if got := f.texts(); len(got) != 2 {
		t.Errorf("%q", got)
	}
}

// TestChangedWithinASecond truncates a file between two readings and writes as
// much as it had, so that neither its size nor its time tells.
func TestChangedWithinASecond(t *testing.T) {
	for _, m := range machines(t) {
		t.Run(m.name, func(t *testing.T) {
			l := newLog(t)
			at := time.Now().Add(time.Minute)
			f := &follower{machine: m, path: l.path, limit: 64 << 10}
			for _, s := range []string{"one", "two"} {
				l.truncate()
				l.write(s + "\n")
				l.must(os.Chtimes(l.path, at, at))
				f.poll(t, false)
			}
			f.drain(t)
			if got := f.texts(); len(got) != 2 || got[1] != "two" {
				t.Errorf("%q", got)
			}
		})
	}
}
