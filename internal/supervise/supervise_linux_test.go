package supervise_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"skysail/internal/supervise"
	"skysail/internal/supervise/proc"
)

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
			if p.PPID != st.PID {
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
