package supervise_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"skysail/internal/supervise"
	"skysail/internal/supervise/proc"
)

// A daemon that detaches itself and hides its environment is still below the
// supervisor, which is the parent of its orphans.
func TestHiddenDaemonStops(t *testing.T) {
	s := spec(t, "")
	length := fmt.Sprintf("61.%d", os.Getpid())
	s.Argv = []string{"/bin/sh", "-c", "env -i /usr/bin/setsid /bin/sleep " + length + " & exec sleep 60"}
	s.Env = []string{"PATH=/usr/bin:/bin"}
	start(t, s)
	runs := func() bool {
		all, err := proc.List()
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(all, func(p proc.Info) bool {
			b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.PID))
			return err == nil && string(b) == "/bin/sleep\x00"+length+"\x00"
		})
	}
	eventually(t, "the daemon", runs)
	stop(t, s)
	if runs() {
		t.Error("Stop returned nil, but the daemon runs")
	}
}

// A process that hides its environment after the supervisor was killed cannot
// be proved to be the program's: it is named and left alone.
func TestWhatCannotBeProvedIsNamedAndLeftAlone(t *testing.T) {
	s := spec(t, "")
	s.Argv = []string{"/bin/sh", "-c", "env -i /bin/sleep 60 & echo ready; exec sleep 60"}
	s.Env = []string{"PATH=/usr/bin:/bin"}
	s.StopTimeout = time.Second
	st := start(t, s)
	var hidden proc.Info
	eventually(t, "a child without an environment", func() bool {
		all, err := proc.List()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range all {
			// Before it is sleep it is env, whose environment is empty for a
			// moment only.
			if p.PPID != st.PID || p.Name != "sleep" {
				continue
			}
			if env, err := proc.Environ(p.PID); err == nil && strings.Join(env, "") == "" {
				hidden = p
				return true
			}
		}
		return false
	})
	if err := syscall.Kill(st.SupervisorPID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the program dies with its supervisor", func() bool {
		return !proc.ID{PID: st.PID, Start: st.PIDStart}.Running()
	})
	err := supervise.Stop(t.Context(), s.Dir)
	var still *proc.StillRunningError
	if !errors.As(err, &still) || len(still.Processes) != 1 || still.Processes[0].PID != hidden.PID {
		t.Errorf("Stop gave %v, want process %d named", err, hidden.PID)
	}
	if !hidden.Running() {
		t.Error("it was signalled without proof")
	}
	if err := hidden.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its end", func() bool { return !hidden.Running() })
	stop(t, s)
}
