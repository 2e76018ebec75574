package supervise_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"skysail/internal/journal"
	"skysail/internal/reexec"
	"skysail/internal/supervise"
	"skysail/internal/supervise/proc"
)

// envProgram makes this test binary the program that is supervised.
const envProgram = "SUPERVISE_TEST_PROGRAM"

func TestMain(m *testing.M) {
	reexec.Main()
	// The race detector makes each process sleep for a second at its end.
	_ = os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	if mode := os.Getenv(envProgram); mode != "" {
		os.Exit(program(mode))
	}
	goleak.VerifyTestMain(m)
}

func program(mode string) int {
	terminated := make(chan os.Signal, 1)
	switch mode {
	case "serve", "sleeper":
		signal.Notify(terminated, syscall.SIGTERM)
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
	case "daemons":
		// A child of its own, and a grandchild that detaches itself.
		signal.Notify(terminated, syscall.SIGTERM)
		for _, attr := range []*syscall.SysProcAttr{{}, {Setsid: true}} {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), envProgram+"=stubborn")
			cmd.SysProcAttr = attr
			if err := cmd.Start(); err != nil {
				fmt.Println(err)
				return 1
			}
		}
	case "leader":
		// Dies at once and leaves a child in its group.
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), envProgram+"=sleeper")
		if err := cmd.Start(); err != nil {
			fmt.Println(err)
			return 1
		}
		return 7
	}
	if mode != "sleeper" {
		fmt.Println("ready", mode, os.Getenv("GREETING"))
		fmt.Fprintln(os.Stderr, "<3>said on stderr")
	}
	select {
	case <-terminated:
		if mode != "sleeper" {
			fmt.Print("bye without a newline")
		}
		return 0
	case <-time.After(time.Minute): // never outlive a broken test for long
		return 9
	}
}

func spec(t *testing.T, mode string) supervise.Spec {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := supervise.Spec{
		Dir:          filepath.Join(dir, "run"),
		Argv:         []string{self},
		Env:          []string{envProgram + "=" + mode, "GREETING=from env", "GORACE=" + os.Getenv("GORACE")},
		Journal:      filepath.Join(dir, "journal"),
		Identifier:   "program",
		DeploymentID: "d" + fmt.Sprintf("%011d", time.Now().UnixNano()%1e11),
		Backoff:      supervise.Backoff{Initial: 50 * time.Millisecond, Max: 200 * time.Millisecond},
		StopTimeout:  5 * time.Second,
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
		defer cancel()
		if err := supervise.Stop(ctx, s.Dir); err != nil {
			t.Errorf("clean up: %v", err)
		}
		left, err := supervise.FindByDeployment(s.DeploymentID)
		if err != nil || len(left) > 0 {
			t.Errorf("after the test processes %v run, %v", left, err)
		}
	})
	return s
}

func start(t *testing.T, s supervise.Spec) supervise.Status {
	t.Helper()
	st, err := supervise.Start(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func stop(t *testing.T, s supervise.Spec) {
	t.Helper()
	if err := supervise.Stop(t.Context(), s.Dir); err != nil {
		t.Fatal(err)
	}
	left, err := supervise.FindByDeployment(s.DeploymentID)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Fatalf("Stop returned nil, but processes %v run", left)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

func lines(t *testing.T, s supervise.Spec) []string {
	t.Helper()
	entries, err := journal.Read(s.Journal, journal.Query{})
	if err != nil {
		t.Fatal(err)
	}
	out := make([]string, len(entries))
	for i, e := range entries {
		out[i] = e.Message
	}
	return out
}

func logged(t *testing.T, s supervise.Spec, line string) func() bool {
	return func() bool { return slices.Contains(lines(t, s), line) }
}

func TestProgramRunsAndStops(t *testing.T) {
	s := spec(t, "serve")
	s.Unit = "skysail-program.service"
	st := start(t, s)
	if st.State != supervise.StateRunning || st.PID == 0 || st.StartedAt.IsZero() {
		t.Fatalf("status %+v", st)
	}
	eventually(t, "output in the journal", logged(t, s, "ready serve from env"))
	eventually(t, "stderr in the journal", logged(t, s, "said on stderr"))
	entries, err := journal.Read(s.Journal, journal.Query{Unit: s.Unit})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(entries, func(e journal.Entry) bool { return e.Message == "said on stderr" })
	if i < 0 {
		t.Fatalf("stderr is not in the journal: %v", lines(t, s))
	}
	if e := entries[i]; e.Priority != 3 || e.PID != st.PID || e.Identifier != "program" {
		t.Errorf("entry %+v", e)
	}
	found, err := supervise.FindByDeployment(s.DeploymentID)
	if err != nil || !slices.Contains(found, st.PID) || !slices.Contains(found, st.SupervisorPID) {
		t.Errorf("FindByDeployment gave %v, %v; want %d and %d", found, err, st.PID, st.SupervisorPID)
	}
	stop(t, s)
	if !logged(t, s, "bye without a newline")() {
		t.Errorf("the program was not asked to stop, or its last line is lost: %q", lines(t, s))
	}
	if st, err := supervise.Read(s.Dir); err != nil || st.State != supervise.StateStopped || st.PID != 0 {
		t.Errorf("after Stop %+v, %v", st, err)
	}
	stop(t, s) // idempotent
	if err := supervise.Stop(t.Context(), filepath.Join(t.TempDir(), "never")); err != nil {
		t.Errorf("Stop of what never was: %v", err)
	}
	if _, err := supervise.Read(filepath.Join(t.TempDir(), "never")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Read of what never was: %v", err)
	}
}

func TestProgramOutlivesItsStarter(t *testing.T) {
	s := spec(t, "serve")
	st := start(t, s)
	for _, pid := range []int{st.PID, st.SupervisorPID} {
		p, err := proc.Lookup(pid)
		if err != nil {
			t.Fatal(err)
		}
		if sid, err := syscall.Getpgid(pid); err != nil || sid != pid || p.PGID != pid {
			t.Errorf("process %d is in group %d, %v: a closed terminal would end it", pid, sid, err)
		}
	}
	if err := syscall.Kill(st.SupervisorPID, syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	if now, err := supervise.Read(s.Dir); err != nil || now.PID != st.PID || now.State != supervise.StateRunning {
		t.Errorf("after a hang-up %+v, %v", now, err)
	}
}

func TestStartIsIdempotentAndRefusesAnother(t *testing.T) {
	s := spec(t, "serve")
	first := start(t, s)
	again := start(t, s)
	if again.PID != first.PID || again.SupervisorPID != first.SupervisorPID {
		t.Errorf("the second Start of the same made %+v beside %+v", again, first)
	}
	other := s
	other.Env = append(slices.Clone(s.Env), "MORE=1")
	if _, err := supervise.Start(t.Context(), other); !errors.Is(err, supervise.ErrDifferent) {
		t.Errorf("a different program in the same folder gave %v", err)
	}
	stop(t, s)
	if st := start(t, other); st.PID == first.PID {
		t.Error("after Stop the other was not started")
	}
}

func TestProgramComesBackWhenItDies(t *testing.T) {
	s := spec(t, "serve")
	s.Restart = true
	st := start(t, s)
	for n := 1; n <= 2; n++ {
		old := st.PID
		if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a new process", func() bool {
			var err error
			st, err = supervise.Read(s.Dir)
			return err == nil && st.State == supervise.StateRunning && st.PID != 0 && st.PID != old
		})
		if st.Restarts != n || st.LastExit == nil || st.LastExit.Signal != "SIGKILL" {
			t.Errorf("status after death %d: %+v, last exit %+v", n, st, st.LastExit)
		}
	}
}

func TestEndWithoutRestart(t *testing.T) {
	for _, tc := range []struct {
		script  string
		failure bool
		restart bool
		want    supervise.State
		code    int
	}{
		{script: "exit 3", want: supervise.StateFailed, code: 3},
		{script: "exit 0", want: supervise.StateStopped},
		{script: "exit 0", restart: true, failure: true, want: supervise.StateStopped},
	} {
		s := spec(t, "")
		s.Argv = []string{"/bin/sh", "-c", tc.script}
		s.Restart, s.RestartOnFailure = tc.restart, tc.failure
		start(t, s)
		eventually(t, tc.script, func() bool {
			st, err := supervise.Read(s.Dir)
			return err == nil && st.State == tc.want && st.LastExit != nil && st.LastExit.Code == tc.code
		})
	}
}

func TestBackoffGrowsAndStartLimitGivesUp(t *testing.T) {
	s := spec(t, "")
	s.Argv = []string{"/bin/sh", "-c", "exit 1"}
	s.Restart = true
	s.StartLimit = supervise.StartLimit{Burst: 4, Interval: time.Minute}
	start(t, s)
	eventually(t, "the start limit", func() bool {
		st, err := supervise.Read(s.Dir)
		return err == nil && st.State == supervise.StateFailed
	})
	var pauses []string
	for _, l := range lines(t, s) {
		if _, after, ok := strings.Cut(l, "starting again in "); ok {
			pauses = append(pauses, strings.Fields(after)[0])
		}
	}
	if want := []string{"50ms", "100ms", "200ms"}; !slices.Equal(pauses, want) {
		t.Errorf("pauses %v, want %v", pauses, want)
	}
	if st, _ := supervise.Read(s.Dir); !strings.Contains(st.Detail, "4 times") {
		t.Errorf("detail %q", st.Detail)
	}
}

func TestProgramThatCannotStart(t *testing.T) {
	for name, argv := range map[string][]string{
		"missing":        {"/nonexistent/program"},
		"not executable": {"/etc/hosts"},
	} {
		s := spec(t, "")
		s.Argv, s.Restart = argv, true
		_, err := supervise.Start(t.Context(), s)
		if err == nil || !strings.Contains(err.Error(), argv[0]) || !strings.Contains(err.Error(), "cannot be started") {
			t.Errorf("%s: %v", name, err)
		}
		if left, err := supervise.FindByDeployment(s.DeploymentID); err != nil || len(left) > 0 {
			t.Errorf("%s: %v run, %v", name, left, err)
		}
		if st, err := supervise.Read(s.Dir); err != nil || st.State != supervise.StateFailed {
			t.Errorf("%s: %+v, %v", name, st, err)
		}
	}
	if _, err := supervise.Start(t.Context(), supervise.Spec{Argv: []string{"relative"}, Env: []string{"no entry"}}); err == nil {
		t.Error("a spec with every mistake was accepted")
	}
}

func TestStubbornProgramIsKilled(t *testing.T) {
	s := spec(t, "stubborn")
	s.StopTimeout = 200 * time.Millisecond
	start(t, s)
	eventually(t, "ready", logged(t, s, "ready stubborn from env"))
	began := time.Now()
	stop(t, s)
	if took := time.Since(began); took < s.StopTimeout {
		t.Errorf("it was given %s, want at least %s", took, s.StopTimeout)
	}
}

// A signal that the supervisor outlives must still end a program that does
// nothing about it.
func TestProgramHasDefaultSignals(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM, syscall.SIGPIPE, syscall.SIGINT} {
		s := spec(t, "")
		s.Argv = []string{"/bin/sh", "-c", "exec sleep 60"}
		st := start(t, s)
		eventually(t, fmt.Sprintf("the program dies of %s", sig), func() bool {
			if err := syscall.Kill(st.PID, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
				t.Fatal(err)
			}
			now, err := supervise.Read(s.Dir)
			return err == nil && now.LastExit != nil && now.LastExit.Signal != ""
		})
	}
}

func TestWholeTreeStops(t *testing.T) {
	s := spec(t, "daemons")
	s.StopTimeout = 200 * time.Millisecond
	start(t, s)
	eventually(t, "four processes", func() bool {
		found, err := supervise.FindByDeployment(s.DeploymentID)
		return err == nil && len(found) == 4
	})
	stop(t, s)
}

func TestLeftoversOfADeadProgramAreEnded(t *testing.T) {
	s := spec(t, "leader")
	start(t, s)
	eventually(t, "only its death, and nothing of it", func() bool {
		st, err := supervise.Read(s.Dir)
		if err != nil || st.State != supervise.StateFailed || st.LastExit.Code != 7 {
			return false
		}
		found, err := supervise.FindByDeployment(s.DeploymentID)
		return err == nil && len(found) == 0
	})
}

func TestSupervisorKilled(t *testing.T) {
	s := spec(t, "daemons")
	s.StopTimeout = 200 * time.Millisecond
	st := start(t, s)
	eventually(t, "four processes", func() bool {
		found, err := supervise.FindByDeployment(s.DeploymentID)
		return err == nil && len(found) == 4
	})
	if err := syscall.Kill(st.SupervisorPID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the status tells it", func() bool {
		now, err := supervise.Read(s.Dir)
		return err == nil && now.State == supervise.StateFailed && now.Detail != ""
	})
	stop(t, s)
	if now, err := supervise.Read(s.Dir); err != nil || now.State != supervise.StateStopped {
		t.Errorf("after Stop %+v, %v", now, err)
	}
}

func TestStartAfterAKilledSupervisorLeavesOneProgram(t *testing.T) {
	s := spec(t, "daemons")
	s.StopTimeout = 200 * time.Millisecond
	st := start(t, s)
	if err := syscall.Kill(st.SupervisorPID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its death", func() bool {
		now, err := supervise.Read(s.Dir)
		return err == nil && now.State == supervise.StateFailed
	})
	again, err := supervise.Resume(t.Context(), s.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if again.SupervisorPID == st.SupervisorPID {
		t.Fatal("nothing was started")
	}
	eventually(t, "exactly four processes", func() bool {
		found, err := supervise.FindByDeployment(s.DeploymentID)
		return err == nil && len(found) == 4
	})
}

// A pid that was given to somebody else's process is never signalled.
func TestForeignProcessUnderAnOldPidIsLeftAlone(t *testing.T) {
	s := spec(t, "serve")
	start(t, s)
	stop(t, s)
	stranger := exec.Command("/bin/sh", "-c", "exec sleep 60")
	stranger.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = stranger.Wait()
		close(ended)
	}()
	defer func() {
		_ = stranger.Process.Kill()
		<-ended
	}()
	forged := fmt.Sprintf(`{"supervisor_pid":%d,"supervisor_start":"an older start","pid":%d,"pid_start":"an older start","state":"running"}`,
		stranger.Process.Pid, stranger.Process.Pid)
	if err := os.WriteFile(filepath.Join(s.Dir, "status.json"), []byte(forged), 0o600); err != nil {
		t.Fatal(err)
	}
	stop(t, s)
	select {
	case <-ended:
		t.Fatal("the stranger was ended")
	case <-time.After(200 * time.Millisecond):
	}
}

func TestStopSaysWhatStillRuns(t *testing.T) {
	s := spec(t, "stubborn")
	s.StopTimeout = time.Second
	st := start(t, s)
	eventually(t, "ready", logged(t, s, "ready stubborn from env"))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := supervise.Stop(ctx, s.Dir)
	var still *proc.StillRunningError
	if !errors.As(err, &still) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Stop out of time gave %v", err)
	}
	if !slices.ContainsFunc(still.Processes, func(p proc.Info) bool { return p.PID == st.PID }) {
		t.Errorf("%v does not name process %d", err, st.PID)
	}
	if !strings.Contains(err.Error(), fmt.Sprint(st.PID)) {
		t.Errorf("the text %q does not name process %d", err, st.PID)
	}
}

func TestStartOutOfTimeLeavesNothing(t *testing.T) {
	s := spec(t, "serve")
	s.PreStart = []supervise.Command{{Argv: []string{"/bin/sh", "-c", "exec sleep 60"}}}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := supervise.Start(ctx, s); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("%v", err)
	}
	if left, err := supervise.FindByDeployment(s.DeploymentID); err != nil || len(left) > 0 {
		t.Errorf("%v run, %v", left, err)
	}
}

func TestPreStart(t *testing.T) {
	s := spec(t, "serve")
	s.PreStart = []supervise.Command{
		{Argv: []string{"/bin/sh", "-c", "exit 1"}, IgnoreFailure: true},
		{Argv: []string{"/bin/sh", "-c", "echo prepared"}},
	}
	if st := start(t, s); st.State != supervise.StateRunning {
		t.Errorf("status %+v", st)
	}
	eventually(t, "its output", logged(t, s, "prepared"))

	s = spec(t, "serve")
	s.PreStart = []supervise.Command{{Argv: []string{"/bin/sh", "-c", "echo no >&2; exit 4"}}}
	st := start(t, s)
	eventually(t, "failed", func() bool {
		var err error
		st, err = supervise.Read(s.Dir)
		return err == nil && st.State == supervise.StateFailed
	})
	if st.LastExit == nil || st.LastExit.Code != 4 || logged(t, s, "ready serve from env")() {
		t.Errorf("last exit %+v, journal %q", st.LastExit, lines(t, s))
	}

	s = spec(t, "serve")
	s.StartTimeout = 100 * time.Millisecond
	s.PreStart = []supervise.Command{{Argv: []string{"/bin/sh", "-c", "exec sleep 60"}}}
	start(t, s)
	if st, err := supervise.Read(s.Dir); err != nil || st.State != supervise.StateFailed || !strings.Contains(st.LastExit.Error, "100ms") {
		t.Errorf("a PreStart that takes too long: %+v, %+v, %v", st, st.LastExit, err)
	}
}

func TestSecretsStayOutOfSight(t *testing.T) {
	s := spec(t, "serve")
	secrets := filepath.Join(t.TempDir(), "secrets.env")
	if err := os.WriteFile(secrets, []byte("GREETING='hunter2 secret'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.EnvFiles = []supervise.EnvFile{{Path: secrets}, {Path: secrets + "-none", Optional: true}}
	st := start(t, s)
	eventually(t, "the secret reaches the program", logged(t, s, "ready serve hunter2 secret"))
	for _, pid := range []int{st.PID, st.SupervisorPID} {
		out, err := exec.Command("ps", "-o", "command=", "-p", fmt.Sprint(pid)).CombinedOutput()
		if err == nil && strings.Contains(string(out), "hunter2") {
			t.Errorf("argv of %d: %s", pid, out)
		}
	}
	err := filepath.WalkDir(s.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %s", path, info.Mode())
		}
		if d.IsDir() {
			return nil
		}
		b, err := os.ReadFile(path)
		if strings.Contains(string(b), "hunter2") {
			t.Errorf("%s holds the secret", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}

	missing := spec(t, "serve")
	missing.EnvFiles = []supervise.EnvFile{{Path: secrets + "-none"}}
	if _, err := supervise.Start(t.Context(), missing); err == nil || !strings.Contains(err.Error(), "secrets.env-none") {
		t.Errorf("a missing environment file gave %v", err)
	}
}

func TestSupervisorHasNoCredentialsOfItsStarter(t *testing.T) {
	t.Setenv("DIGITALOCEAN_TOKEN", "not for services")
	s := spec(t, "serve")
	st := start(t, s)
	for _, pid := range []int{st.PID, st.SupervisorPID} {
		env, err := proc.Environ(pid)
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(env, func(e string) bool { return strings.Contains(e, "DIGITALOCEAN") }) {
			t.Errorf("process %d inherited the token", pid)
		}
	}
}

func TestLeash(t *testing.T) {
	s := spec(t, "stubborn")
	end, hold, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s.Leash = end
	s.Restart = true
	start(t, s)
	_ = end.Close()
	eventually(t, "ready", logged(t, s, "ready stubborn from env"))
	_ = hold.Close()
	eventually(t, "nothing of it", func() bool {
		found, err := supervise.FindByDeployment(s.DeploymentID)
		return err == nil && len(found) == 0
	})
}

func TestSupervisorReapsOrphans(t *testing.T) {
	s := spec(t, "")
	// Each inner shell is orphaned at once and ends a moment later.
	s.Argv = []string{"/bin/sh", "-c", "for i in 1 2 3; do (sleep 0.1 &) ; done; exec sleep 60"}
	st := start(t, s)
	eventually(t, "no child but the program", func() bool {
		all, err := proc.List()
		if err != nil {
			return false
		}
		children := 0
		for _, p := range all {
			if p.PPID == st.SupervisorPID {
				children++
			}
		}
		return children == 1 && time.Since(st.StartedAt) > 300*time.Millisecond
	})
}
