package logtail_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skysail/internal/sshtest"
	"skysail/qos/logtail"
	"skysail/qos/sshclient"
	"skysail/store"
)

const journalctl = `#!/bin/sh
case "$*" in *--after-cursor*) exit 0 ;; esac
echo '{"__CURSOR":"c1","__REALTIME_TIMESTAMP":"1700000000000000","MESSAGE":"of the journal","PRIORITY":"6"}'
`

// TestShells runs the script in each shell with the tools that come with it.
func TestShells(t *testing.T) {
	for name, shell := range map[string][]string{"dash": {"dash", "-c"}, "busybox": {"busybox", "sh", "-c"}} {
		t.Run(name, func(t *testing.T) {
			program, err := exec.LookPath(shell[0])
			if err != nil {
				t.Skipf("NOT RUN: %s is not installed here; the log script was not run in it", name)
			}
			dir := t.TempDir()
			path := dir
			if name == "busybox" {
				if out, err := exec.CommandContext(t.Context(), program, "--install", "-s", dir).CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
			} else {
				path += ":" + os.Getenv("PATH")
			}
			if err := os.WriteFile(filepath.Join(dir, "journalctl"), []byte(journalctl), 0o755); err != nil {
				t.Fatal(err)
			}
			log := filepath.Join(t.TempDir(), "app.log")
			tg := target(nil, sshclient.Target{}, log)
			tg.Unit = "skysail-echo.service"
			tg.Run = func(ctx context.Context, script string) ([]byte, error) {
				cmd := exec.CommandContext(ctx, program, append(shell[1:len(shell):len(shell)], script)...)
				cmd.Env = []string{"PATH=" + path}
				return cmd.Output()
			}
			readTwice(t, tg, log, "of the journal")
		})
	}
}

// TestDropbear reads a log over the SSH server of small machines.
func TestDropbear(t *testing.T) {
	s := sshtest.Dropbear(t)
	pool := sshclient.NewPool()
	defer func() { _ = pool.Close() }()
	log := filepath.Join(t.TempDir(), "app.log")
	readTwice(t, target(pool, sshclient.Target{Addr: s.Addr, User: s.User, HostKey: s.HostKey, KeyFile: s.KeyFile}, log), log)
}

// readTwice reads a file that grows, and what else there is.
func readTwice(t *testing.T, tg logtail.Target, log string, others ...string) {
	t.Helper()
	s, _ := newStore(t)
	r := &logtail.Reader{Store: s}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	content := ""
	for _, more := range []string{"one \x01 'quoted' $(x)\n", "two\nthree\n"} {
		content += more
		if err := os.WriteFile(log, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if res, err := r.Read(ctx, tg); err != nil || len(res.Notes) > 0 {
			t.Fatalf("%+v, %v", res, err)
		}
	}
	want := map[string]int{"one \x01 'quoted' $(x)": 1, "two": 1, "three": 1}
	for _, o := range others {
		want[o] = 1
	}
	got := map[string]int{}
	if err := s.KeptLogs(ctx, deployment, time.Time{}, func(l store.LogLine) error { got[l.Message]++; return nil }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
