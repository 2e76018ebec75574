package store

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"skysail/internal/failure"
)

// reasons are the events of d1 that a writer made, by their reason.
func reasons(t *testing.T, path string) map[string]int {
	t.Helper()
	s, err := Open(t.Context(), path)
	must(t, err)
	defer s.Close()
	var check string
	must(t, s.db.QueryRowContext(t.Context(), `PRAGMA integrity_check`).Scan(&check))
	if check != "ok" {
		t.Errorf("integrity: %s", check)
	}
	events, err := s.Events(t.Context(), "d1")
	must(t, err)
	got := map[string]int{}
	for _, e := range events {
		got[strings.TrimPrefix(e.Text, "applying: ")]++
	}
	return got
}

func newStore(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "skysail.db")
	s, err := Open(t.Context(), path)
	must(t, err)
	must(t, s.Create(t.Context(), deployment("d1", "echo")))
	must(t, s.Close())
	return path
}

func TestManyProcessesWriteAtOnce(t *testing.T) {
	path := newStore(t)
	const processes, writes = 6, 25
	var wg sync.WaitGroup
	for p := range processes {
		cmd, out, stderr := startHelper(t, "store-writer", path, fmt.Sprintf("p%d", p), fmt.Sprint(writes))
		wg.Go(func() {
			if got, err := lines(cmd, out); err != nil || len(got) != writes {
				t.Errorf("process %d acknowledged %d writes: %v %s", p, len(got), err, stderr)
			}
		})
	}
	wg.Wait()
	got := reasons(t, path)
	for p := range processes {
		for i := range writes {
			if n := got[fmt.Sprintf("p%d-%d", p, i)]; n != 1 {
				t.Errorf("write %d of process %d is there %d times", i, p, n)
			}
		}
	}
}

// TestManyProcessesMakeTheStore: the first commands of a new user, all at
// once; the schema is made once and one of them gets the name.
func TestManyProcessesMakeTheStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "home", "skysail.db")
	var wg sync.WaitGroup
	var mu sync.Mutex
	var winners []string
	for range 6 {
		cmd, out, stderr := startHelper(t, "store-create", path, "echo")
		wg.Go(func() {
			got, err := lines(cmd, out)
			mu.Lock()
			defer mu.Unlock()
			winners = append(winners, got...)
			if err != nil && !strings.HasPrefix(stderr.String(), string(failure.Input)+" ") {
				t.Errorf("%v: %s", err, stderr)
			}
		})
	}
	wg.Wait()
	if len(winners) != 1 {
		t.Errorf("%d processes got the name: %v", len(winners), winners)
	}
	s, err := Open(t.Context(), path)
	must(t, err)
	defer s.Close()
	if d, err := s.Get(t.Context(), "echo"); err != nil || d.ID != winners[0] {
		t.Errorf("got %+v %v", d, err)
	}
}

func TestSIGKILLLosesNoAcknowledgedWrite(t *testing.T) {
	path := newStore(t)
	rnd := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	acknowledged := 0
	for round := range 8 {
		cmd, out, _ := startHelper(t, "store-writer", path, fmt.Sprintf("r%d", round), "0")
		if !out.Scan() {
			t.Fatal("the writer wrote nothing")
		}
		last := out.Text()
		timer := time.AfterFunc(time.Duration(rnd.IntN(40))*time.Millisecond, func() { _ = cmd.Process.Kill() })
		for out.Scan() {
			last = out.Text()
		}
		timer.Stop()
		if err := cmd.Wait(); err == nil {
			t.Fatal("the writer was not killed")
		}
		var n int
		if _, err := fmt.Sscanf(last, fmt.Sprintf("r%d-%%d", round), &n); err != nil {
			t.Fatal(err)
		}
		got := reasons(t, path)
		for i := range n + 1 {
			if got[fmt.Sprintf("r%d-%d", round, i)] != 1 {
				t.Fatalf("round %d: write %d of %d acknowledged ones is lost", round, i, n+1)
			}
		}
		acknowledged += n + 1
	}
	t.Logf("%d acknowledged writes over 8 kills", acknowledged)
}

// TestSecondStoreOfAProcessKeepsTheLocksOfTheFirst: closing any descriptor of
// a file drops all locks that the process has on it, so Open must not.
func TestSecondStoreOfAProcessKeepsTheLocksOfTheFirst(t *testing.T) {
	path := newStore(t)
	first, err := Open(t.Context(), path)
	must(t, err)
	defer first.Close()
	must(t, first.SetPhase(t.Context(), "d1", Applying, "before"))
	second, err := Open(t.Context(), path)
	must(t, err)
	must(t, second.Close())
	cmd, out, stderr := startHelper(t, "store-is-locked", path)
	if got, err := lines(cmd, out); err != nil || len(got) != 1 || got[0] != "true" {
		t.Errorf("locked, as another process sees it: %v %v %s", got, err, stderr)
	}
}

func TestLockedByAnotherProcess(t *testing.T) {
	path := newStore(t)
	tests := map[string][]string{
		"for writing":    {"BEGIN IMMEDIATE"},
		"for everything": {"PRAGMA journal_mode = DELETE", "BEGIN EXCLUSIVE"},
	}
	for name, locks := range tests {
		t.Run(name, func(t *testing.T) {
			cmd, stdin, out := startLock(t, append([]string{path}, locks...))
			if !out.Scan() || out.Text() != "locked" {
				t.Fatal("the other process did not lock")
			}
			begin := time.Now()
			s, err := open(t.Context(), path, 300*time.Millisecond)
			if err == nil {
				err = s.SetPhase(t.Context(), "d1", Applying, "refused")
				must(t, s.Close())
			}
			checkFailure(t, err, failure.Busy, "Another process kept the store locked for 300ms", "fuser "+path)
			if d := time.Since(begin); d > 5*time.Second {
				t.Errorf("waited %s", d)
			}
			must(t, stdin.Close())
			must(t, cmd.Wait())
			if got := reasons(t, path); got["refused"] != 0 {
				t.Error("the refused write is there")
			}
		})
	}
}

// TestWaitsForAnotherProcess: a lock that is given up in time delays only.
func TestWaitsForAnotherProcess(t *testing.T) {
	path := newStore(t)
	_, stdin, out := startLock(t, []string{path, "BEGIN IMMEDIATE"})
	if !out.Scan() {
		t.Fatal("the other process did not lock")
	}
	s, err := Open(t.Context(), path)
	must(t, err)
	defer s.Close()
	time.AfterFunc(200*time.Millisecond, func() { _ = stdin.Close() })
	must(t, s.SetPhase(t.Context(), "d1", Applying, "after waiting"))
}

func TestNoFileMayGrow(t *testing.T) {
	path := newStore(t)
	cmd, out, stderr := startHelper(t, "store-file-limit", path)
	written, err := lines(cmd, out)
	if err == nil || len(written) == 0 {
		t.Fatalf("%d writes, %v", len(written), err)
	}
	for _, want := range []string{string(failure.Failed) + " ", "full, over its quota or failing", "recorded before is intact", "Free some space"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("%q is not in %q", want, stderr)
		}
	}
	if got := reasons(t, path)[strings.Repeat("x", 1000)]; got != len(written) {
		t.Errorf("%d writes were acknowledged, %d are there", len(written), got)
	}
}

// TestFolderThatMayNotBeWritten runs as another user where the tests run as
// root, whom no mode stops.
func TestFolderThatMayNotBeWritten(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "skysail.db")
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	for _, present := range []bool{false, true} {
		if present {
			must(t, os.Chmod(dir, 0o700))
			s, err := Open(t.Context(), path)
			must(t, err)
			must(t, s.Close())
		}
		must(t, os.Chmod(dir, 0o500))
		out, err := runAsUser(t, dir, "store-touch", path)
		if err == nil {
			t.Fatalf("a store in a folder that may not be written was opened (present: %v)", present)
		}
		for _, want := range []string{string(failure.Failed) + " ", "skysail keeps what it made in this file", "SKYSAIL_HOME"} {
			if !strings.Contains(out, want) {
				t.Errorf("present: %v: %q is not in %q", present, want, out)
			}
		}
	}
}
