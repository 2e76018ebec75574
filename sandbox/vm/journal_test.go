package vm_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"skysail/internal/journal"
	"skysail/sandbox/vm"
)

func (i *instance) journalctl(args string) []journal.Entry {
	i.t.Helper()
	var out []journal.Entry
	for line := range strings.Lines(i.sh("journalctl -o json --no-pager " + args)) {
		var e journal.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			i.t.Fatalf("%q: %v", line, err)
		}
		out = append(out, e)
	}
	return out
}

// serviceLog makes the service log lines from up to, but without, to.
func (i *instance) serviceLog(from, to int) {
	i.t.Helper()
	for n := from; n < to; n++ {
		if _, err := i.get(fmt.Sprintf("/log?line-%d-%s", n, strings.Repeat("x", 2000))); err != nil {
			i.t.Fatal(err)
		}
	}
	i.eventually("the last line in the journal", i.logged("echo.service", fmt.Sprintf("line-%d-", to-1)))
}

func numbers(entries []journal.Entry) []int {
	var out []int
	for _, e := range entries {
		var n int
		if _, err := fmt.Sscanf(e.Message, "line-%d-", &n); err == nil {
			out = append(out, n)
		}
	}
	return out
}

func sequence(from, to int) []int {
	var out []int
	for n := from; n < to; n++ {
		out = append(out, n)
	}
	return out
}

// A reader that comes back with its cursor sees each line once, over a
// rotation of the journal and over a restart of the instance.
func TestCursorOverRotationAndRestart(t *testing.T) {
	i := newInstance(t)
	i.up()
	i.serviceLog(0, 10)
	first := i.journalctl("-u echo")
	if got := numbers(first); !slices.Equal(got, sequence(0, 10)) {
		t.Fatalf("lines %v", got)
	}
	cursor := first[len(first)-1].Cursor

	// Fill the journal so that it rotates.
	filler, err := journal.Open(i.dir+"/journal", journal.DefaultMax)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = filler.Close() }()
	big := journal.Entry{Priority: 6, Unit: "noise.service", Message: strings.Repeat("n", 40_000)}
	for range journal.DefaultMax/40_000 + 2 {
		if err := filler.Append(big); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(i.dir + "/journal.1"); err != nil {
		t.Fatalf("it did not rotate: %v", err)
	}
	i.serviceLog(10, 20)
	if err := vm.Stop(t.Context(), i.dir); err != nil {
		t.Fatal(err)
	}
	i.up()
	i.serviceLog(20, 30)
	next := i.journalctl("-u echo.service --after-cursor='" + cursor + "'")
	if got := numbers(next); !slices.Equal(got, sequence(10, 30)) {
		t.Errorf("after the cursor come lines %v", got)
	}
	// After a cursor, -n is the first lines, as journalctl has it.
	if got := numbers(i.journalctl("-u echo -n 3 --after-cursor '" + cursor + "'")); !slices.Equal(got, sequence(10, 13)) {
		t.Errorf("-n 3 after the cursor gave %v", got)
	}
}

func TestJournalctl(t *testing.T) {
	i := newInstance(t)
	i.up()
	i.serviceLog(0, 5)
	if got := numbers(i.journalctl("--unit=echo.service --lines=2")); !slices.Equal(got, []int{3, 4}) {
		t.Errorf("-n 2 gave %v", got)
	}
	if got := i.journalctl("-u echo --since '1 hour ago'"); len(numbers(got)) != 5 {
		t.Errorf("--since an hour ago gave %d lines", len(got))
	}
	if got := i.journalctl(fmt.Sprintf("-u echo --since @%d", time.Now().Add(time.Hour).Unix())); len(got) != 0 {
		t.Errorf("--since in an hour gave %v", got)
	}
	e := i.journalctl("-u echo -n 1")[0]
	if pid, _ := i.get("/pid"); fmt.Sprint(e.PID) != pid || e.Unit != "echo.service" || time.Since(e.Time) > time.Minute {
		t.Errorf("the entry is %+v, the service is %s", e, pid)
	}
	if out := i.sh("journalctl -u echo -n 1 -o short-iso"); !strings.Contains(out, " skysail-test-0 ") || !strings.Contains(out, "]: line-4-") {
		t.Errorf("short-iso: %.120q", out)
	} else if _, err := time.Parse("2006-01-02T15:04:05-0700", strings.Fields(out)[0]); err != nil {
		t.Errorf("short-iso: %v", err)
	}
	if out := i.sh("journalctl -u echo -n 1 -o json --output-fields=MESSAGE"); !strings.Contains(out, `"__CURSOR"`) || !strings.Contains(out, `"MESSAGE":"line-4-`) || strings.Contains(out, "PRIORITY") {
		t.Errorf("--output-fields: %s", out)
	}
	if out := i.sh("journalctl -u none"); out != "-- No entries --\n" {
		t.Errorf("a unit without entries: %q", out)
	}
	for args, want := range map[string]string{
		"--after-cursor=nonsense": "Failed to seek to cursor",
		"--frobnicate":            "unrecognized option '--frobnicate'",
		"-o export":               "not simulated",
		"--since tomorrowish":     "failed to parse timestamp",
	} {
		if out, errOut, code := i.ssh("journalctl "+args, ""); code != 1 || !strings.Contains(errOut, want) {
			t.Errorf("%s: code %d, %q, %q", args, code, out, errOut)
		}
	}
}

func TestJournalctlNeedsTheGroup(t *testing.T) {
	i := newInstance(t)
	delete(i.userData["users"].([]any)[0].(map[string]any), "groups")
	i.start()
	if out, errOut, code := i.ssh("journalctl -u echo", ""); code != 1 || out != "" || !strings.Contains(errOut, "insufficient permissions") {
		t.Errorf("code %d, %q, %q", code, out, errOut)
	}
}

func TestJournalctlFollows(t *testing.T) {
	i := newInstance(t)
	i.up()
	i.serviceLog(0, 3)
	client, err := i.login(i.clientConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	s, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start("journalctl -u echo -f -n 1 -o cat"); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n := 2; n < 6; n++ {
		if !lines.Scan() || !strings.HasPrefix(lines.Text(), fmt.Sprintf("line-%d-", n)) {
			t.Fatalf("line %d: %.40q, %v", n, lines.Text(), lines.Err())
		}
		i.serviceLog(n+1, n+2)
	}
	_ = s.Close()
	i.eventually("the follower ends with its session", func() bool {
		return !slices.ContainsFunc(i.commandLines(), func(c string) bool { return strings.Contains(c, "journalctl") })
	})
}

// commandLines are those of the instance's processes.
func (i *instance) commandLines() []string {
	var out []string
	for _, p := range i.processes() {
		if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.PID)); err == nil {
			out = append(out, strings.ReplaceAll(string(b), "\x00", " "))
		}
	}
	return out
}
