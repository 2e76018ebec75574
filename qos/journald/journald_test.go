package journald_test

import (
	"context"
	"errors"
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skysail/qos/journald"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestCommand(t *testing.T) {
	const unit = "skysail-echo.service"
	since := time.Date(2026, 3, 4, 5, 6, 7, 890e6, time.FixedZone("", 3600))
	cursor := "s=1f;i=2;b=3c;m=4;t=5;x=6"
	var b strings.Builder
	for _, q := range []journald.Query{
		{Unit: unit},
		{Unit: unit, Last: 100},
		{Unit: unit, Since: since},
		{Unit: unit, Since: since, Last: 10},
		{Unit: unit, AfterCursor: cursor},
		{Unit: unit, AfterCursor: cursor, Since: since, Last: 10, Follow: true},
		{Unit: unit, Follow: true},
		{Unit: "a b'; reboot #", AfterCursor: "$(reboot)\n`id`", Follow: true},
	} {
		b.WriteString(journald.Command(q) + "\n")
	}
	const path = "testdata/commands.golden"
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParse(t *testing.T) {
	const head = `{"__CURSOR":"s=1;i=2","__REALTIME_TIMESTAMP":"1700000000123456",`
	at := time.UnixMicro(1700000000123456)
	for _, c := range []struct {
		name, rest string
		priority   int
		message    string
	}{
		{"plain", `"PRIORITY":"6","MESSAGE":"hello","_PID":"12","X":["a","b"]}`, 6, "hello"},
		{"not UTF-8", `"PRIORITY":"3","MESSAGE":[104,105,255,27]}`, 3, "hi\xff\x1b"},
		{"empty array", `"MESSAGE":[]}`, -1, ""},
		{"too long to print", `"PRIORITY":"6","MESSAGE":null}`, 6, ""},
		{"no message", `"PRIORITY":"6"}`, 6, ""},
		{"twice", `"PRIORITY":["4","4"],"MESSAGE":["one","two"]}`, -1, "one\ntwo"},
		{"twice, one not UTF-8", `"MESSAGE":["one",[255,254]]}`, -1, "one\n\xff\xfe"},
		{"escapes", `"PRIORITY":"9","MESSAGE":"a\u001b[31m\nb\u2028"}`, -1, "a\x1b[31m\nb\u2028"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := journald.Parse([]byte(head + c.rest))
			if err != nil {
				t.Fatal(err)
			}
			want := journald.Entry{Time: at, Message: c.message, Priority: c.priority, Cursor: "s=1;i=2"}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, line := range []string{
		"", "-- No entries --", "{", `{"MESSAGE":"x"}`,
		`{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"soon"}`,
		`{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1","MESSAGE":[300]}`,
		`{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1","MESSAGE":{"a":1}}`,
		`{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1","MESSAGE":"cut in the mid`,
	} {
		if e, err := journald.Parse([]byte(line)); !errors.Is(err, journald.ErrEntry) {
			t.Errorf("%q: got %+v, %v", line, e, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1","MESSAGE":[104]}`))
	f.Add([]byte(`{"MESSAGE":[[["x"]]]}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := journald.Parse(line)
		if err == nil && e.Cursor == "" {
			t.Error("an entry without a cursor")
		}
	})
}

// TestJournalctlTakesTheArguments runs the real journalctl, where there is one,
// on an empty journal.
func TestJournalctlTakesTheArguments(t *testing.T) {
	if _, err := exec.LookPath("journalctl"); err != nil {
		t.Skip("NOT RUN: journalctl is not installed here; the arguments were not tried")
	}
	cursor := "s=" + strings.Repeat("0a", 16) + ";i=2;b=" + strings.Repeat("0b", 16) + ";m=4;t=5;x=6"
	for _, q := range []journald.Query{
		{Unit: "skysail-echo.service"},
		{Unit: "skysail-echo.service", Last: 3},
		{Unit: "skysail-echo.service", Since: time.Now()},
		{Unit: "skysail-echo.service", AfterCursor: cursor},
		{Unit: "skysail-echo.service", AfterCursor: cursor, Follow: true},
		{Unit: "skysail-echo.service", Since: time.Now(), Follow: true},
	} {
		t.Run(strings.Join(journald.Args(q)[7:], " "), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			if q.Follow {
				ctx, cancel = context.WithTimeout(t.Context(), 300*time.Millisecond)
			}
			defer cancel()
			args := append(journald.Args(q), "-D", t.TempDir())
			out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
			// Following ends with the time, or because an empty journal has
			// nothing of this boot.
			if q.Follow && (ctx.Err() != nil || strings.Contains(string(out), "No such boot ID")) {
				return
			}
			if err != nil || q.Follow {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
