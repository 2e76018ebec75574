package proc_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"skysail/internal/supervise/proc"
)

func sleeper(t *testing.T, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", "exec sleep 60")
	cmd.Env = append(os.Environ(), env...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

func TestIdentity(t *testing.T) {
	cmd := sleeper(t)
	id, err := proc.Identify(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if !id.Running() {
		t.Error("a running process does not run")
	}
	other := id
	other.Start += "0"
	if other.Running() {
		t.Error("another start time is the same process")
	}
	if err := other.Signal(syscall.SIGKILL); !errors.Is(err, proc.ErrGone) {
		t.Errorf("a signal to another's pid gave %v", err)
	}
	if !id.Running() {
		t.Fatal("the signal went to the wrong process")
	}
	if err := id.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	// Not waited for yet: a zombie does not run.
	for end := time.Now().Add(5 * time.Second); id.Running(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it runs on")
		}
	}
	_ = cmd.Wait()
	if _, err := proc.Identify(id.PID); !errors.Is(err, proc.ErrGone) {
		t.Errorf("a waited-for process gave %v", err)
	}
	for _, none := range []proc.ID{{}, {PID: 1}, {PID: -1, Start: "x"}, {PID: 1, Start: "x"}} {
		if err := none.Signal(syscall.SIGKILL); !errors.Is(err, proc.ErrGone) {
			t.Errorf("%+v: %v", none, err)
		}
	}
}

func TestWithEnvFindsWholeEntriesOnly(t *testing.T) {
	cmd := sleeper(t, "SKYSAIL_PROC_TEST=abc")
	find := func(entry string) []proc.Info {
		found, err := proc.WithEnv(entry)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	// Between fork and exec a process still has its parent's environment.
	deadline := time.Now().Add(5 * time.Second)
	for len(find("SKYSAIL_PROC_TEST=abc")) == 0 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if found := find("SKYSAIL_PROC_TEST=abc"); len(found) != 1 || found[0].PID != cmd.Process.Pid {
		t.Errorf("found %s", proc.Names(found))
	}
	if found := find("SKYSAIL_PROC_TEST=ab"); len(found) != 0 {
		t.Errorf("a part of a value found %s", proc.Names(found))
	}
}

func TestTerminateNamesWhatRunsWhenTimeIsUp(t *testing.T) {
	cmd := exec.Command("/bin/sh", "-c", "trap '' TERM; echo; while :; do sleep 0.05; done")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	id, err := proc.Identify(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	find := func() ([]proc.Info, error) {
		if p, err := proc.Lookup(id.PID); err == nil && p.ID == id && !p.Zombie {
			return []proc.Info{p}, nil
		}
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err = proc.Terminate(ctx, find, syscall.SIGTERM, time.Minute)
	var still *proc.StillRunningError
	if !errors.As(err, &still) || !strings.Contains(err.Error(), still.Processes[0].String()) {
		t.Fatalf("%v", err)
	}
	if err := proc.Terminate(t.Context(), find, syscall.SIGTERM, 50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if id.Running() {
		t.Error("Terminate returned nil, and it runs")
	}
}
