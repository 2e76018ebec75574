package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"skysail/deploy/job"
	"skysail/internal/crash"
	"skysail/internal/failure"
	"skysail/internal/reexec"
	"skysail/internal/supervise/proc"
)

// victim is the process that is killed.
type victim string

const (
	killCommand    victim = "command"
	killSupervisor victim = "supervisor"
	killTerraform  victim = "terraform"
	killPlugin     victim = "plugin"
)

// crashPlan says whom a supervisor kills and when, or where it waits. It lies in
// the home, where a supervisor of the test binary finds it and uses it once; the
// product knows nothing of it.
type crashPlan struct {
	Victim victim `json:"victim"`
	// Point is a point of package crash; Nth counts from 1.
	Point string `json:"point"`
	Nth   int    `json:"nth"`
	// Delay is the time from the point to the kill.
	Delay time.Duration `json:"delay"`
	// Hold waits at Point, and kills nobody, while the plan is there.
	Hold bool `json:"hold,omitempty"`
	// Record writes every point that is reached to this file instead.
	Record string `json:"record,omitempty"`
}

const (
	crashFile  = "crash.json"
	killedFile = "killed" // written just before the kill
)

// armCrash installs the plan in a supervisor. Its only argument is its job's
// folder, <home>/jobs/<name>/<job>.
func armCrash() {
	if os.Getenv(reexec.EnvHelper) != "operate" || len(os.Args) != 2 {
		return
	}
	home := filepath.Dir(filepath.Dir(filepath.Dir(os.Args[1])))
	path := filepath.Join(home, crashFile)
	raw, err := os.ReadFile(path)
	if err != nil {
		return
	}
	var p crashPlan
	if err := json.Unmarshal(raw, &p); err != nil {
		panic(err)
	}
	var mu sync.Mutex
	seen := 0
	crash.OnPoint(func(point string) {
		mu.Lock()
		defer mu.Unlock()
		if p.Record != "" {
			appendLine(p.Record, point)
			return
		}
		if point != p.Point {
			return
		}
		for p.Hold && exists(path) {
			time.Sleep(5 * time.Millisecond)
		}
		if seen++; p.Hold || seen != p.Nth {
			return
		}
		_ = os.Remove(path)
		if p.Victim == killSupervisor && p.Delay == 0 {
			die(home)
		}
		go killLater(home, p)
	})
}

// die ends this supervisor.
func die(home string) {
	appendLine(filepath.Join(home, killedFile), string(killSupervisor))
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // it comes
}

func killLater(home string, p crashPlan) {
	time.Sleep(p.Delay)
	if p.Victim == killSupervisor {
		die(home)
	}
	self, err := proc.Self()
	if err != nil {
		return
	}
	for range 200 { // it may not have started yet
		if killBelow(self, p.Victim) {
			appendLine(filepath.Join(home, killedFile), string(p.Victim))
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// killBelow kills Terraform, or what Terraform started, below a supervisor.
func killBelow(supervisor proc.ID, v victim) bool {
	all, err := proc.List()
	if err != nil {
		return false
	}
	var engine proc.Info
	for _, p := range all {
		if p.PPID == supervisor.PID && !p.Zombie && isEngine(p) {
			engine = p
		}
	}
	if engine.PID == 0 {
		return false
	}
	if v == killTerraform {
		return engine.Signal(syscall.SIGKILL) == nil
	}
	for _, p := range all {
		if p.PPID == engine.PID && !p.Zombie {
			return p.Signal(syscall.SIGKILL) == nil
		}
	}
	return false
}

func isEngine(p proc.Info) bool {
	return strings.HasPrefix(p.Name, "terraform") || strings.HasPrefix(p.Name, "tofu")
}

func appendLine(path, text string) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	if _, err := fmt.Fprintln(f, text); err != nil {
		panic(err)
	}
}

// delays of a kill that is not exactly at its point.
func randomDelay(r *rand.Rand, most time.Duration) time.Duration {
	return time.Duration(r.Int64N(int64(most)))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// plan is for the next supervisor.
func (b *bench) plan(p crashPlan) {
	b.t.Helper()
	raw, err := json.Marshal(p)
	if err == nil {
		err = os.WriteFile(filepath.Join(b.home, crashFile), raw, 0o600)
	}
	if err != nil {
		b.t.Error(err)
	}
}

// holdAt lets the next supervisor wait at a point until release is called.
func (b *bench) holdAt(point string) (release func()) {
	b.t.Helper()
	b.plan(crashPlan{Point: point, Hold: true})
	return func() { _ = os.Remove(filepath.Join(b.home, crashFile)) }
}

// dieAt lets the next supervisor kill itself at a point.
func (b *bench) dieAt(point string) {
	b.t.Helper()
	b.plan(crashPlan{Victim: killSupervisor, Point: point, Nth: 1})
}

// died wants the error of an operation whose supervisor was killed.
func (b *bench) died(err error) {
	b.t.Helper()
	if !errors.Is(err, job.ErrDied) || failure.CodeOf(err) != failure.LeftBehind {
		b.t.Fatalf("the supervisor was to be killed: %v", err)
	}
	if exists(filepath.Join(b.home, crashFile)) {
		b.t.Fatal("the supervisor died, but not where it was to")
	}
}
