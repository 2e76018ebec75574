package systemd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skysail/internal/supervise"
)

func load(t *testing.T, text string, dropIns ...string) (*Unit, error) {
	t.Helper()
	root := t.TempDir()
	folder := filepath.Join(root, "/etc/systemd/system")
	if err := os.MkdirAll(filepath.Join(folder, "echo.service.d"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "echo.service"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, d := range dropIns {
		if err := os.WriteFile(filepath.Join(folder, "echo.service.d", string(rune('a'+i))+".conf"), []byte(d), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Load(root, "echo.service")
}

func TestLoad(t *testing.T) {
	u, err := load(t, `# a comment
[Unit]
Description=echo of %p
ConditionPathExists=/etc/%N.env
ConditionPathExists=!/etc/off
StartLimitIntervalSec=1min 30s
StartLimitBurst=7

[Service]
Type=exec
; another comment
EnvironmentFile=/etc/echo/service.env
EnvironmentFile=-/etc/echo/none.env
Environment=A=1 "B=two words" 'C=x'
Environment=D=%%
ExecStartPre=-/bin/false
ExecStart=/opt/echo/bin \
  # a comment between
  --port 8080
ExecStopPost=/bin/true
WorkingDirectory=-/opt/echo
Restart=on-failure
RestartSec=500ms
TimeoutStopSec=infinity
StateDirectory=echo echo/more
MemoryMax=1G
SystemCallFilter=@system-service
NoNewPrivileges=yes
UnknownKey=whatever

[Install]
WantedBy=multi-user.target default.target
`, "[Service]\nExecStart=\nExecStart=/opt/echo/other $X\nUser=skysail\n")
	if err != nil {
		t.Fatal(err)
	}
	u.Path = ""
	want := &Unit{
		Name: "echo.service", Description: "echo of echo",
		Conditions: []Condition{{Path: "/etc/echo.env"}, {Path: "/etc/off", Negate: true}},
		WantedBy:   []string{"multi-user.target", "default.target"},
		Service: Service{
			Type:             "exec",
			ExecStartPre:     []Exec{{IgnoreFailure: true, Words: []word{{"/bin/false", true}}}},
			ExecStart:        Exec{Words: []word{{"/opt/echo/other", true}, {"$X", false}}},
			ExecStopPost:     []Exec{{Words: []word{{"/bin/true", true}}}},
			Environment:      []string{"A=1", "B=two words", "C=x", "D=%"},
			EnvironmentFiles: []supervise.EnvFile{{Path: "/etc/echo/service.env"}, {Path: "/etc/echo/none.env", Optional: true}},
			WorkingDirectory: "/opt/echo",
			User:             "skysail",
			Restart:          "on-failure", RestartPause: 500 * time.Millisecond,
			TimeoutStart: 90 * time.Second, TimeoutStop: 0,
			Directories:   map[string][]string{"StateDirectory": {"echo", "echo/more"}},
			StartInterval: 90 * time.Second, StartBurst: 7,
		},
	}
	if diff := cmp.Diff(want, u, cmp.AllowUnexported(word{})); diff != "" {
		t.Error(diff)
	}
}

func TestLoadSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"[Service]\n": "no ExecStart=",
		"[Service]\nExecStart=/a\nExecStart=/b\n":     "more than one",
		"[Service]\nExecStart=/a\nType=notify\n":      `"notify" is not simulated`,
		"[Service]\nExecStart=/a\nRestart=sometimes":  `"sometimes" is not simulated`,
		"[Service]\nExecStart=\"/a\n":                 "quote does not end",
		"[Service]\nExecStart=/a \\q\n":               `unknown escape \q`,
		"[Service]\nExecStart=/a %z\n":                "specifier %z",
		"[Service]\nExecStart=@/a b\n":                "prefix",
		"[Service]\nExecStart=/a ; /b\n":              "several commands",
		"[Service]\nExecStart=/a\nRestartSec=soon\n":  "not a time span",
		"[Service]\nExecStart=/a\nEnvironment=A\n":    "not NAME=value",
		"[Service]\nExecStart=/a\nEnvironmentFile=x":  "not an absolute path",
		"[Service]\nExecStart=/a\nStateDirectory=..":  "not a relative path",
		"[Service\nExecStart=/a\n":                    "line 1",
		"ExecStart=/a\n":                              "before any [section]",
		"[Service]\nExecStart=/a\nnothing\n":          "line 3",
		"[Unit]\nConditionPathExists=x\n[Service]\n":  "not an absolute path",
		"[Service]\nExecStart=-\n":                    "names no program",
		"[Service]\nExecStart=/a\nRestartSec=1 lot\n": "not a time span",
	} {
		if u, err := load(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gave %+v, %v; want %q", text, u, err, want)
		}
	}
	for _, name := range []string{"none.service", "../../etc/passwd.service", "echo", "a/b.service", ".service"} {
		if _, err := Load(t.TempDir(), name); err == nil || !strings.Contains(err.Error(), "not found") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestArgv(t *testing.T) {
	env := map[string]string{"ONE": "1", "WORDS": " a  b ", "EMPTY": ""}
	u := &Unit{Name: "echo@x.service"}
	for line, want := range map[string][]string{
		`/p $WORDS ${WORDS} x${ONE}y`:          {"/p", "a", "b", " a  b ", "x1y"},
		`/p $EMPTY "${EMPTY}" $NONE`:           {"/p", ""},
		`/p $$ONE $$ x$ONE`:                    {"/p", "$ONE", "$", "x$ONE"},
		`/p "a \"b\"" 'c "d"' e\sf \x41 \101`:  {"/p", `a "b"`, `c "d"`, "e f", "A", "A"},
		`/p %n %i %p %% ${ONE`:                 {"/p", "echo@x.service", "x", "echo", "%", "${ONE"},
		`:/p $ONE ${ONE}`:                      {"/p", "$ONE", "${ONE}"},
		`/p a"b c"d`:                           {"/p", `a"b`, `c"d`},
		`/p "C:\\dir" "it's" '' "tab\there" é`: {"/p", `C:\dir`, "it's", "", "tab\there", "é"},
	} {
		e, err := u.execs(nil, line)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if diff := cmp.Diff(want, e[0].argv(env)); diff != "" {
			t.Errorf("%s: %s", line, diff)
		}
	}
}

func TestParseSpan(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"5": 5 * time.Second, "1min 30s": 90 * time.Second, "1.5s": 1500 * time.Millisecond, "2h": 2 * time.Hour,
		"100ms": 100 * time.Millisecond, "1d": 24 * time.Hour, "infinity": 0, "0": 0, "1min30s": 90 * time.Second, "20 us": 20 * time.Microsecond,
	} {
		if got, err := parseSpan(text); err != nil || got != want {
			t.Errorf("%q is %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "s", "5x", "-1", "1 2x", "five"} {
		if got, err := parseSpan(text); err == nil {
			t.Errorf("%q is %s", text, got)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("[Unit]\nDescription=%n\n[Service]\nExecStart=/a \"b\\x41\" ${C} \\\n d\n")
	f.Add("[Service]\nExecStart=-:/a \\")
	f.Add("[Service]\nRestartSec=1min 2\n%")
	f.Fuzz(func(t *testing.T, text string) {
		var s settings
		if s.parse(text) != nil {
			return
		}
		u := &Unit{Name: "echo.service"}
		if u.fill(&s) == nil {
			if argv := u.Service.ExecStart.argv(nil); len(argv) == 0 {
				t.Errorf("%q runs nothing", text)
			}
		}
	})
}
