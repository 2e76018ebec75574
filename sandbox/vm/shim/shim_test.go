package shim

import (
	"bytes"
	"os"
	"testing"
	"time"

	"skysail/internal/journal"
	"skysail/sandbox/vm/rootdir"
)

func TestAllowed(t *testing.T) {
	for _, tc := range []struct {
		rule, command string
		args          []string
		want          bool
	}{
		{"ALL", "/usr/bin/id", nil, true},
		{"/opt/x", "/opt/x", []string{"any"}, true},
		{`/opt/x ""`, "/opt/x", nil, true},
		{`/opt/x ""`, "/opt/x", []string{"any"}, false},
		{"/opt/x a b", "/opt/x", []string{"a", "b"}, true},
		{"/opt/x a b", "/opt/x", []string{"a"}, false},
		{"/opt/x", "/opt/xy", nil, false},
		{"/opt/x", "/usr/bin/x", nil, false},
	} {
		if got := allowed([]string{"/bin/other", tc.rule}, tc.command, tc.args); got != tc.want {
			t.Errorf("rule %q, %s %v: %t", tc.rule, tc.command, tc.args, got)
		}
	}
}

func TestSudoRules(t *testing.T) {
	root := rootdir.Root(t.TempDir())
	if err := os.MkdirAll(root.Join("/etc/sudoers.d"), 0o700); err != nil {
		t.Fatal(err)
	}
	text := "a ALL=(root) NOPASSWD: /opt/x \"\", /opt/y\nb ALL=(ALL) NOPASSWD: ALL\na ALL=(root) /opt/asks\n# comment\n"
	if err := os.WriteFile(root.Join("/etc/sudoers.d/90"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	rules, err := machine{root: root, user: "a"}.sudoRules()
	if err != nil || len(rules) != 2 || rules[0] != `/opt/x ""` || rules[1] != "/opt/y" {
		t.Errorf("%q, %v", rules, err)
	}
}

func TestParseTime(t *testing.T) {
	now := time.Date(2026, 11, 23, 15, 4, 5, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"now":                  now,
		"today":                time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC),
		"yesterday":            time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC),
		"2026-11-20 10:11:12":  time.Date(2026, 11, 20, 10, 11, 12, 0, time.UTC),
		"2026-11-20":           time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC),
		"2026-11-20T10:11:12Z": time.Date(2026, 11, 20, 10, 11, 12, 0, time.UTC),
		"@1700000000":          time.Unix(1700000000, 0),
		"@1700000000.25":       time.UnixMicro(1700000000250000),
		"-1h":                  now.Add(-time.Hour),
		"5 min ago":            now.Add(-5 * time.Minute),
		"-30":                  now.Add(-30 * time.Second),
		"2d ago":               now.Add(-48 * time.Hour),
	} {
		if got, err := parseTime(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q is %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "later", "@x", "1h"} {
		if got, err := parseTime(text, now); err == nil {
			t.Errorf("%q is %s", text, got)
		}
	}
}

func TestParseJournalctl(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	o, err := parseJournalctl([]string{"-uecho", "-ojson", "-n", "5", "--after-cursor", "s=a;i=1", "--no-pager"}, now)
	if err != nil || o.query.Unit != "echo.service" || o.output != "json" || o.query.First != 5 || o.query.Last != 0 || o.query.AfterCursor != "s=a;i=1" {
		t.Errorf("%+v, %v", o, err)
	}
	o, err = parseJournalctl([]string{"-n", "--unit", "x.service"}, now)
	if err != nil || o.query.Last != 10 || o.query.Unit != "x.service" {
		t.Errorf("%+v, %v", o, err)
	}
	o, err = parseJournalctl([]string{"-f"}, now)
	if err != nil || !o.follow || o.query.Last != 10 {
		t.Errorf("%+v, %v", o, err)
	}
	o, err = parseJournalctl([]string{"-f", "-n", "0"}, now)
	if err != nil || !o.query.Since.Equal(now) {
		t.Errorf("%+v, %v", o, err)
	}
	for _, bad := range [][]string{{"-u"}, {"-n", "5x", "-o", "json"}, {"--lines=x"}, {"-o", "verbose"}, {"--cursor", "x"}, {"word"}} {
		if o, err := parseJournalctl(bad, now); err == nil {
			t.Errorf("%q gave %+v", bad, o)
		}
	}
}

func TestPrint(t *testing.T) {
	e := journal.Entry{Time: time.Unix(1_800_000_000, 123_000).UTC(), PID: 7, Identifier: "echo", Message: "hi", Priority: 6}
	for output, want := range map[string]string{
		"short-iso": "2027-01-15T08:00:00+0000 localhost echo[7]: hi\n",
		"short":     "Jan 15 08:00:00 localhost echo[7]: hi\n",
		"cat":       "hi\n",
		"json":      `{"__CURSOR":"","__REALTIME_TIMESTAMP":"1800000000000123","PRIORITY":"6","_PID":"7","SYSLOG_IDENTIFIER":"echo","MESSAGE":"hi"}` + "\n",
	} {
		var b bytes.Buffer
		if err := (journalOptions{output: output, utc: true}).print(machine{root: rootdir.Root(t.TempDir()), stdout: &b}, e); err != nil || b.String() != want {
			t.Errorf("%s: %q, %v; want %q", output, b.String(), err, want)
		}
	}
}
