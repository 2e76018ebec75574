package journal_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"skysail/internal/journal"
)

// envWriter makes this test binary a process that writes to the journal that
// it names until it is killed or has written envLines lines.
const (
	envWriter = "JOURNAL_TEST_WRITER"
	envLines  = "JOURNAL_TEST_LINES"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(envWriter); path != "" {
		os.Exit(writer(path, os.Getenv(envLines)))
	}
	goleak.VerifyTestMain(m)
}

func writer(path, lines string) int {
	n := 1 << 30
	if lines != "" {
		if _, err := fmt.Sscan(lines, &n); err != nil {
			return 2
		}
	}
	j, err := journal.Open(path, 16<<10)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for i := range n {
		if err := j.Append(journal.Entry{Priority: journal.PriorityInfo, PID: os.Getpid(), Message: fmt.Sprintf("%d %s", i, strings.Repeat("x", i%200))}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return 0
}

func open(t *testing.T, path string, maxBytes int64) *journal.Journal {
	t.Helper()
	j, err := journal.Open(path, maxBytes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

func appendLines(t *testing.T, j *journal.Journal, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if err := j.Append(journal.Entry{Priority: journal.PriorityInfo, Message: fmt.Sprint("line ", i)}); err != nil {
			t.Fatal(err)
		}
	}
}

func read(t *testing.T, path string, q journal.Query) []journal.Entry {
	t.Helper()
	entries, err := journal.Read(path, q)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func messages(entries []journal.Entry) []string {
	out := make([]string, len(entries))
	for i, e := range entries {
		out[i] = e.Message
	}
	return out
}

func want(from, to int) []string {
	var out []string
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprint("line ", i))
	}
	return out
}

func TestFileHasTheFormOfJournalctl(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j := open(t, path, 0)
	at := time.UnixMicro(1_764_000_000_123_456)
	in := []journal.Entry{
		{Time: at, Priority: 3, PID: 12, Identifier: "echo", Unit: "skysail-echo.service", Message: `<a href="x">` + "\ttab \u2028 ünïcode"},
		{Time: at, Priority: 6, Message: "not UTF-8: \xff\xfe"},
		{Time: at, Priority: 6, Message: ""},
	}
	if err := j.Append(in...); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	var got map[string]any
	if err := json.Unmarshal([]byte(lines[0]), &got); err != nil {
		t.Fatal(err)
	}
	delete(got, "__CURSOR")
	if diff := cmp.Diff(map[string]any{
		"__REALTIME_TIMESTAMP": "1764000000123456",
		"PRIORITY":             "3",
		"_PID":                 "12",
		"SYSLOG_IDENTIFIER":    "echo",
		"_SYSTEMD_UNIT":        "skysail-echo.service",
		"MESSAGE":              in[0].Message,
	}, got); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(lines[1], `"MESSAGE":[110,111,116,`) {
		t.Errorf("a message that is not UTF-8 must be an array of bytes: %s", lines[1])
	}
	out := read(t, path, journal.Query{})
	for i := range out {
		if out[i].Cursor == "" {
			t.Error("an entry has no cursor")
		}
		out[i].Cursor = ""
	}
	if diff := cmp.Diff(in, out); diff != "" {
		t.Error(diff)
	}
	for _, p := range []string{path, path + ".lock"} {
		if st, err := os.Stat(p); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v, want mode 0600", p, st.Mode(), err)
		}
	}
}

func TestEntryReadsARealJournalctlLine(t *testing.T) {
	const line = `{"_BOOT_ID":"6d","__CURSOR":"s=1;i=2a;b=6d;m=1;t=64;x=9","__REALTIME_TIMESTAMP":"100","__MONOTONIC_TIMESTAMP":"1","PRIORITY":"6","_PID":"77","_TRANSPORT":"stdout","MESSAGE":null,"SYSLOG_IDENTIFIER":"echo"}`
	var e journal.Entry
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(journal.Entry{Cursor: "s=1;i=2a;b=6d;m=1;t=64;x=9", Time: time.UnixMicro(100), Priority: 6, PID: 77, Identifier: "echo"}, e); diff != "" {
		t.Error(diff)
	}
	if err := json.Unmarshal([]byte(`{"MESSAGE":"x"}`), &e); err == nil {
		t.Error("an object without cursor and time must not pass as an entry")
	}
}

func TestCursorGoesOnAcrossRotationAndRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j := open(t, path, 4096)
	appendLines(t, j, 0, 5)
	cursor := read(t, path, journal.Query{})[4].Cursor
	appendLines(t, j, 5, 30)
	if _, err := os.Stat(path + ".1"); err != nil {
		t.Fatalf("the journal did not rotate: %v", err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = open(t, path, 4096)
	appendLines(t, j, 30, 40)
	if diff := cmp.Diff(want(5, 40), messages(read(t, path, journal.Query{AfterCursor: cursor}))); diff != "" {
		t.Error(diff)
	}
	all := read(t, path, journal.Query{})
	if got := read(t, path, journal.Query{AfterCursor: all[len(all)-1].Cursor}); len(got) != 0 {
		t.Errorf("after the last cursor there is %v", messages(got))
	}
}

func TestRestartWithAnEmptyCurrentFileKeepsTheNumbers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j := open(t, path, 0)
	appendLines(t, j, 0, 3)
	cursor := read(t, path, journal.Query{})[2].Cursor
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	// A kill between the two steps of a rotation.
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	appendLines(t, open(t, path, 0), 3, 5)
	if diff := cmp.Diff(want(3, 5), messages(read(t, path, journal.Query{AfterCursor: cursor}))); diff != "" {
		t.Error(diff)
	}
}

func TestLostEntriesAreSaid(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j := open(t, path, 4096)
	appendLines(t, j, 0, 2)
	cursor := read(t, path, journal.Query{})[0].Cursor
	appendLines(t, j, 2, 200)
	got := read(t, path, journal.Query{AfterCursor: cursor})
	if !strings.Contains(got[0].Message, "lines are missing") || got[0].Priority != journal.PriorityWarning {
		t.Fatalf("the first entry is %+v", got[0])
	}
	var lost, next int
	if _, err := fmt.Sscan(got[0].Message, &lost); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscanf(got[1].Message, "line %d", &next); err != nil {
		t.Fatal(err)
	}
	if lost != next-1 {
		t.Errorf("said %d lost, but lines 1..%d are", lost, next-1)
	}
	// Going on from the notice neither repeats nor loses.
	rest := read(t, path, journal.Query{AfterCursor: got[0].Cursor})
	if diff := cmp.Diff(messages(got[1:]), messages(rest)); diff != "" {
		t.Error(diff)
	}
}

func TestTornAndDamagedLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j := open(t, path, 0)
	appendLines(t, j, 0, 3)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// The second line damaged, the last one cut in its middle.
	lines := strings.SplitAfter(string(raw), "\n")
	lines[1] = strings.Repeat("\x00", 20) + "\n"
	if err := os.WriteFile(path, []byte(lines[0]+lines[1]+lines[2]+lines[2][:25]), 0o600); err != nil {
		t.Fatal(err)
	}
	notice := "1 earlier journal lines are missing: they were rotated away before they were read, or damaged"
	if diff := cmp.Diff([]string{"line 0", notice, "line 2"}, messages(read(t, path, journal.Query{}))); diff != "" {
		t.Error(diff)
	}
	appendLines(t, open(t, path, 0), 3, 4)
	if diff := cmp.Diff([]string{"line 0", notice, "line 2", "line 3"}, messages(read(t, path, journal.Query{}))); diff != "" {
		t.Error(diff)
	}
}

func TestQuery(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j := open(t, path, 0)
	start := time.Now().Add(-time.Hour)
	for i := range 10 {
		e := journal.Entry{Time: start.Add(time.Duration(i) * time.Minute), Priority: 6, Unit: "a.service", Message: fmt.Sprint("line ", i)}
		if i%2 == 1 {
			e.Unit = "b.service"
		}
		if err := j.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	all := read(t, path, journal.Query{})
	for name, tc := range map[string]struct {
		q    journal.Query
		want []string
	}{
		"last":           {journal.Query{Last: 2}, want(8, 10)},
		"last of few":    {journal.Query{Last: 20}, want(0, 10)},
		"since":          {journal.Query{Since: start.Add(7 * time.Minute)}, want(7, 10)},
		"unit":           {journal.Query{Unit: "b.service", Last: 2}, []string{"line 7", "line 9"}},
		"cursor, first":  {journal.Query{AfterCursor: all[3].Cursor, First: 2}, want(4, 6)},
		"cursor of none": {journal.Query{AfterCursor: "s=other;i=5;t=" + fmt.Sprintf("%x", all[6].Time.UnixMicro())}, want(7, 10)},
	} {
		if diff := cmp.Diff(tc.want, messages(read(t, path, tc.q))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if _, err := journal.Read(path, journal.Query{AfterCursor: "nonsense"}); !errors.Is(err, journal.ErrCursor) {
		t.Errorf("a wrong cursor gave %v", err)
	}
	if got, err := journal.Read(path+"-none", journal.Query{}); err != nil || len(got) != 0 {
		t.Errorf("a journal that is not there gave %v, %v", got, err)
	}
}

func TestLongMessageIsCutAtARune(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	long := strings.Repeat("ä", 100_000)
	if err := open(t, path, 0).Append(journal.Entry{Message: long}); err != nil {
		t.Fatal(err)
	}
	got := read(t, path, journal.Query{})
	if len(got) < 2 || strings.Join(messages(got), "") != long {
		t.Errorf("%d entries that do not add up to the message", len(got))
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), `"MESSAGE":[`) {
		t.Error("a rune was cut in two")
	}
}

func TestFollowLosesNothingOverRotations(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	const n = 4000
	var wg sync.WaitGroup
	wg.Go(func() { // Follow starts before the journal exists.
		j, err := journal.Open(path, 128<<10)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = j.Close() }()
		for i := range n {
			if err := j.Append(journal.Entry{Message: fmt.Sprint("line ", i)}); err != nil {
				t.Error(err)
				return
			}
			if i%100 == 0 {
				time.Sleep(10 * time.Millisecond)
			}
		}
	})
	got := 0
	err := journal.Follow(ctx, path, journal.Query{}, func(e journal.Entry) error {
		if e.Message != fmt.Sprint("line ", got) {
			return fmt.Errorf("after %d lines came %q", got, e.Message)
		}
		if got++; got == n {
			cancel()
		}
		return nil
	})
	wg.Wait()
	if got != n || !errors.Is(err, context.Canceled) {
		t.Fatalf("%d lines, %v", got, err)
	}
	if _, err := os.Stat(path + ".1"); err != nil {
		t.Error("the journal never rotated: the test shows nothing")
	}
}

func TestFollowReturnsTheErrorOfItsFunction(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	appendLines(t, open(t, path, 0), 0, 3)
	stop := errors.New("stop")
	var got []string
	err := journal.Follow(t.Context(), path, journal.Query{Last: 2}, func(e journal.Entry) error {
		got = append(got, e.Message)
		if len(got) == 2 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) {
		t.Error(err)
	}
	if diff := cmp.Diff(want(1, 3), got); diff != "" {
		t.Error(diff)
	}
}

// A follower that has seen the start of a line whose writer was killed must not
// miss what the next writer puts in its place.
func TestFollowOverATornLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j := open(t, path, 0)
	appendLines(t, j, 0, 1)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	got := make(chan string, 10)
	done := make(chan error, 1)
	go func() {
		done <- journal.Follow(ctx, path, journal.Query{}, func(e journal.Entry) error {
			got <- e.Message
			return nil
		})
	}()
	if m := <-got; m != "line 0" {
		t.Fatal(m)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"__CURSOR":"s=`); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond) // the follower looks at it
	appendLines(t, open(t, path, 0), 1, 3)
	for _, want := range []string{"line 1", "line 2"} {
		select {
		case m := <-got:
			if m != want {
				t.Fatalf("%q, want %q", m, want)
			}
		case err := <-done:
			t.Fatalf("it never saw %q: %v", want, err)
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Writers are killed at arbitrary instructions, one after the other, while a
// follower reads; what it saw is whole, in order, and without repetition.
func TestKilledWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var seen []journal.Entry
	done := make(chan error, 1)
	go func() {
		done <- journal.Follow(ctx, path, journal.Query{}, func(e journal.Entry) error {
			seen = append(seen, e)
			return nil
		})
	}()
	for range 8 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), envWriter+"="+path)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		wrote := []byte(fmt.Sprintf(`"_PID":"%d"`, cmd.Process.Pid))
		for range 1000 {
			if b, _ := os.ReadFile(path); bytes.Contains(b, wrote) {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(20 * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	time.Sleep(300 * time.Millisecond)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	next := map[int]int{}
	for _, e := range seen {
		var n int
		if _, err := fmt.Sscan(e.Message, &n); err != nil {
			t.Fatalf("%q: %v", e.Message, err)
		}
		if strings.Contains(e.Message, "missing") {
			// A test machine under load can rotate 16 KiB files faster than
			// a follower polls; the notice is then right, and the count goes on.
			for pid := range next {
				next[pid] = -1
			}
			continue
		}
		if w, ok := next[e.PID]; ok && w >= 0 && n != w {
			t.Fatalf("writer %d: line %d came where %d was due", e.PID, n, w)
		}
		next[e.PID] = n + 1
	}
	if len(next) < 2 {
		t.Fatalf("only %d writers were seen", len(next))
	}
	left := read(t, path, journal.Query{})
	for _, e := range left {
		if strings.Contains(e.Message, "missing") {
			t.Errorf("the files themselves have a hole: %q", e.Message)
		}
	}
}

func TestTwoProcessesWriteOneJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	const lines = 60 // stays under the size of one file
	var cmds []*exec.Cmd
	for range 2 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), envWriter+"="+path, envLines+"="+fmt.Sprint(lines))
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		cmds = append(cmds, cmd)
	}
	for _, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	entries := read(t, path, journal.Query{})
	if len(entries) != 2*lines {
		t.Errorf("%d entries, want %d", len(entries), 2*lines)
	}
	cursors := map[string]bool{}
	for _, e := range entries {
		if cursors[e.Cursor] {
			t.Errorf("cursor %s twice", e.Cursor)
		}
		cursors[e.Cursor] = true
	}
}
