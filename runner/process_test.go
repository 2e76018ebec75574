package runner

import (
	"context"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skysail/internal/supervise/proc"
)

var update = flag.Bool("update", false, "write the golden files")

// script puts a shell script in the engine's place. It answers `version` and
// does body for all else; $T is a folder of the test.
func script(t *testing.T, body string) *Workspace {
	t.Helper()
	w := newWorkspace(t, "service")
	dir := t.TempDir()
	w.Engine.Path = filepath.Join(dir, "terraform")
	must(t, os.WriteFile(w.Engine.Path, []byte("#!/bin/sh\nT='"+dir+"'\n"+
		`[ "$1" = version ] && echo '{"terraform_version": "1.11.4"}' && exit 0`+"\n"+body+"\n"), 0o700))
	return w
}

func TestWhatTheEngineIsGiven(t *testing.T) {
	w := script(t, `echo "$@" >>"$T/argv"; env >"$T/env"; case "$*" in *output*|show*) echo '{"format_version":"1.0"}';; *plan*) : >"${5#-out=}";; esac`)
	for name, value := range map[string]string{
		"TF_CLI_ARGS": "-bogus", "TF_CLI_ARGS_apply": "-bogus", "TF_VAR_key": "from-outside", "TF_LOG": "TRACE", "TF_WORKSPACE": "other",
		"TF_DATA_DIR": "/elsewhere", "TF_CLI_CONFIG_FILE": "/elsewhere", "TF_REATTACH_PROVIDERS": "{}",
		"AWS_SECRET_ACCESS_KEY": "canary-1", "VULTR_API_KEY": "canary-2", "MY_PASSWORD": "canary-3", "SKYSAIL_HELPER": "canary-4",
		"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "localhost", "LANG": "C.UTF-8", "SSL_CERT_FILE": "/ca.pem",
	} {
		t.Setenv(name, value)
	}
	w.Env = map[string]string{"DIGITALOCEAN_TOKEN": "token", "NO_PROXY": "replaced"}
	w.VarFiles = []string{filepath.Join(w.Private, "private.tfvars.json")}
	ctx := t.Context()
	must(t, w.Init(ctx))
	if _, err := w.Plan(ctx); err != nil {
		t.Log(err) // the script saves no plan
	}
	must(t, w.Apply(ctx))
	must(t, w.Destroy(ctx))
	_, _ = w.Outputs(ctx)

	dir := filepath.Dir(w.Engine.Path)
	argv, err := os.ReadFile(filepath.Join(dir, "argv"))
	must(t, err)
	checkGolden(t, "argv.golden", strings.ReplaceAll(string(argv), filepath.Dir(w.Dir), "DIR"))

	env, err := os.ReadFile(filepath.Join(dir, "env"))
	must(t, err)
	var got []string
	for line := range strings.Lines(string(env)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch {
		case slices.Contains([]string{"PWD", "OLDPWD", "SHLVL", "_"}, name): // the shell's own
			continue
		case slices.Contains([]string{"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LC_ALL", "SSL_CERT_DIR", "HTTP_PROXY", "http_proxy", "https_proxy", "no_proxy"}, name):
			continue // as the machine has them
		case name == envRun, name == "TF_APPEND_USER_AGENT":
			value = "…"
		}
		got = append(got, name+"="+strings.ReplaceAll(value, filepath.Dir(w.Dir), "DIR"))
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{
		"CHECKPOINT_DISABLE=1", "DIGITALOCEAN_TOKEN=token", "HTTPS_PROXY=http://127.0.0.1:9", "LANG=C.UTF-8", "NO_PROXY=replaced",
		"SKYSAIL_TERRAFORM_RUN=…", "SSL_CERT_FILE=/ca.pem", "TF_APPEND_USER_AGENT=…", "TF_CLI_CONFIG_FILE=DIR/cli.tfrc", "TF_DATA_DIR=DIR/private/terraform",
		"TF_IN_AUTOMATION=1", "TF_LOG=", "TF_LOG_CORE=", "TF_LOG_PATH=", "TF_LOG_PROVIDER=",
	}, got); diff != "" {
		t.Error(diff)
	}
}

func checkGolden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		must(t, os.WriteFile(file, []byte(got), 0o600))
	}
	want, err := os.ReadFile(file)
	must(t, err)
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s -want +got:\n%s", name, diff)
	}
}

// ends fails when f takes so long that it hangs.
func ends(t *testing.T, limit time.Duration, f func() error) error {
	t.Helper()
	begin := time.Now()
	err := f()
	if d := time.Since(begin); d > limit {
		t.Errorf("it took %s", d)
	}
	return err
}

// TestEngineThatIgnoresTheInterrupt is killed after Grace, and with it what it
// started, which keeps its output open.
func TestEngineThatIgnoresTheInterrupt(t *testing.T) {
	for name, body := range map[string]string{
		"the engine itself":     `trap "" INT; : >"$T/up"; sleep 60; sleep 60`,
		"behind a wrapper":      `(trap "" INT; : >"$T/up"; sleep 60; sleep 60); exit 1`,
		"with a lazy child":     `sleep 60 & : >"$T/up"; sleep 60`,
		"with output unnoticed": `trap "" INT; : >"$T/up"; while :; do echo '{"type":"x"}'; sleep 0.1; done`,
	} {
		t.Run(name, func(t *testing.T) {
			w := script(t, body)
			t.Parallel() // after writing: a file that is open for that can not be run
			w.Grace = 300 * time.Millisecond
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() {
				for range 500 {
					if _, err := os.Stat(filepath.Join(filepath.Dir(w.Engine.Path), "up")); err == nil {
						break
					}
					time.Sleep(10 * time.Millisecond)
				}
				cancel()
			}()
			if err := ends(t, 15*time.Second, func() error { return w.Apply(ctx) }); !errors.Is(err, ErrInterrupted) {
				t.Errorf("got %v", err)
			}
			nothingRuns(t, w)
		})
	}
}

// TestOutputThatStaysOpen: the engine has ended, what it left behind has not.
func TestOutputThatStaysOpen(t *testing.T) {
	for name, tt := range map[string]struct {
		body string
		fail bool
	}{
		"after a success":   {`sleep 60 & exit 0`, false},
		"after a failure":   {`sleep 60 & exit 3`, true},
		"after some time":   {`sleep 60 & sleep 1; exit 0`, false},
		"of a grandchild's": {`(sleep 60 & sleep 60) & exit 0`, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := script(t, tt.body)
			t.Parallel() // after writing, as above
			err := ends(t, 15*time.Second, func() error { return w.Apply(t.Context()) })
			var exit *exec.ExitError
			if tt.fail != errors.As(err, &exit) || !tt.fail && err != nil {
				t.Errorf("got %v", err)
			}
			nothingRuns(t, w)
		})
	}
}

// TestOutputThatADaemonKeepsOpen: what made itself a session is left alone,
// and the command ends without it.
func TestOutputThatADaemonKeepsOpen(t *testing.T) {
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("NOT RUN: no setsid command on this system: nothing was tested")
	}
	for name, body := range map[string]string{
		"an engine that was never seen": `setsid sleep 60 & exit 0`,
		"an engine that was seen":       `setsid sleep 60 & sleep 1; exit 0`,
	} {
		t.Run(name, func(t *testing.T) {
			w := script(t, body)
			t.Parallel() // after writing, as above
			t.Cleanup(func() {
				left, err := proc.WithEnv("TF_DATA_DIR=" + filepath.Join(w.Private, dataDir))
				must(t, err)
				if len(left) == 0 {
					t.Error("the daemon was killed")
				}
				for _, p := range left {
					must(t, p.Signal(syscall.SIGKILL))
				}
			})
			err := ends(t, 15*time.Second, func() error { return w.Apply(t.Context()) })
			if !errors.Is(err, errOutputHeld) || !strings.Contains(err.Error(), "terraform apply failed: the engine ended, but") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// lateContext ends when it is asked for its error for the first time, which
// terraform-exec does right after it started the engine, and then returns
// without waiting for it.
type lateContext struct {
	context.Context
	cancel context.CancelFunc
}

func (c lateContext) Err() error {
	c.cancel()
	return c.Context.Err()
}

func TestContextThatEndsWhileTheEngineStarts(t *testing.T) {
	w := newWorkspace(t, "service")
	w.Engine.Path = filepath.Join(t.TempDir(), "terraform")
	must(t, os.WriteFile(w.Engine.Path, []byte("#!/bin/sh\ntrap '' INT\nexec sleep 60\n"), 0o700))
	for range 5 {
		inner, cancel := context.WithCancel(t.Context())
		err := ends(t, 10*time.Second, func() error { return w.Init(lateContext{inner, cancel}) })
		if !errors.Is(err, ErrInterrupted) || err.Error() == "" {
			t.Errorf("got %v", err)
		}
		nothingRuns(t, w)
		cancel()
	}
}

func TestReceiverThatPanics(t *testing.T) {
	w := newWorkspace(t, "broken")
	must(t, w.Init(t.Context()))
	_, err := w.Plan(t.Context())
	must(t, err)
	w.Events = func(Event) { panic("progress bar") }
	err = w.Apply(t.Context())
	var e *Error
	if err == nil || !strings.Contains(err.Error(), "panicked: progress bar") || !errors.As(err, &e) || len(e.Messages()) != 1 {
		t.Errorf("got %v", err)
	}
	if got, err := w.Resources(t.Context()); err != nil || len(got) != 2 {
		t.Errorf("the apply did not go on to its end: %v %v", got, err)
	}
}

// TestEngineThatWasNeverSeen: its context ended in the moment of its start, so
// terraform-exec does not wait for it. What it started ends with it.
func TestEngineThatWasNeverSeen(t *testing.T) {
	g := newGuard()
	cmd := exec.Command("sh", "-c", `sleep 60 & echo up; wait`)
	cmd.Env = append(os.Environ(), g.entry)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	_, err = out.Read(make([]byte, 3))
	must(t, err)
	g.kill(proc.Info{})
	if err := cmd.Wait(); err == nil {
		t.Error("the engine ended well")
	}
	left, err := proc.WithEnv(g.entry)
	must(t, err)
	if len(left) > 0 {
		t.Errorf("still running: %s", proc.Names(left))
	}
}
