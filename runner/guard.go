package runner

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"runtime"
	"slices"
	"syscall"
	"time"

	"skysail/internal/supervise/proc"
)

// envRun marks the processes of one command, so that they can be told from
// all others.
const envRun = "SKYSAIL_TERRAFORM_RUN"

// errOutputHeld: without it the exit status is not known, since terraform-exec
// reads the output to its end before it asks for that.
var errOutputHeld = errors.New("the engine ended, but something that it started keeps its output open")

// guard sees to it that a command ends. terraform-exec kills an engine that
// outlives its grace, but not what the engine started, and it waits without
// end for output that such a process keeps open.
type guard struct {
	entry string // of the command's environment
	// look is the pause between two looks at the engine; patience is how long
	// its output may stay open after its end before the rest is killed, and
	// once more before it is left alone.
	look, patience time.Duration
}

func newGuard() *guard {
	return &guard{entry: envRun + "=" + rand.Text(), look: 500 * time.Millisecond, patience: 5 * time.Second}
}

type result[T any] struct {
	value T
	err   error
}

// run calls terraform-exec and returns its result, or errOutputHeld. After
// that, call may go on reading until the output is closed.
func run[T any](ctx context.Context, g *guard, call func() (T, error)) (T, error) {
	done := make(chan result[T], 1)
	go func() {
		// On Linux terraform-exec has the engine killed when the thread that
		// started it ends (Pdeathsig), so this one must last as long.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		v, err := call()
		done <- result[T]{v, err}
	}()
	tick := time.NewTicker(g.look)
	defer tick.Stop()
	var engine proc.Info
	var ended time.Time
	killed := false
	for {
		select {
		case r := <-done:
			if ctx.Err() != nil {
				g.kill(engine) // see kill
			}
			return r.value, r.err
		case <-tick.C:
		}
		engine = g.current(engine)
		switch {
		case engine.PID == 0 || engine.Running():
			ended = time.Time{}
		case ended.IsZero():
			ended = time.Now()
		case time.Since(ended) > 2*g.patience && (g.held() || time.Since(ended) > starved*g.patience):
			var none T
			return none, errOutputHeld
		case time.Since(ended) > g.patience && !killed:
			killed = true
			g.kill(engine)
		}
	}
}

// current is the engine that was seen last, or the one that runs instead of it:
// terraform-exec asks for the version first, and on a loaded machine that
// process is the one that was seen.
func (g *guard) current(seen proc.Info) proc.Info {
	if seen.PID != 0 && seen.Running() {
		return seen
	}
	if next := g.engine(); seen.PID == 0 || next.PID > 0 {
		return next
	}
	return seen
}

// engine finds the process that this one started. Of one that ended before
// the first look only the group is found, by those in it: one whose leader is
// gone, since what made a group of its own leads it.
func (g *guard) engine() proc.Info {
	list, err := proc.WithEnv(g.entry)
	if err != nil {
		return proc.Info{}
	}
	for _, p := range list {
		if p.PPID == os.Getpid() {
			return p
		}
	}
	if len(list) == 0 {
		return proc.Info{}
	}
	gone := proc.Info{ID: proc.ID{PID: -1}}
	for _, p := range list {
		if !slices.ContainsFunc(list, func(leader proc.Info) bool { return leader.PID == p.PGID }) {
			gone.PGID = p.PGID
		}
	}
	return gone
}

// starved is for how many times its patience a command is waited for whose
// engine has ended and that nothing holds up: on a loaded machine what is left
// is this process's own work, reading what the engine printed.
const starved = 60

// held says whether anything that the command started is still there.
func (g *guard) held() bool {
	list, err := proc.WithEnv(g.entry)
	return err != nil || len(list) > 0
}

// kill ends what is left of the command in the engine's process group: a
// provider that outlived its engine, the engine behind a wrapper script, or
// an engine that terraform-exec started and lost sight of because its context
// ended in that moment. What made a group of its own means to stay.
func (g *guard) kill(engine proc.Info) {
	engine = g.current(engine) // its context may have ended before the first look
	find := func() ([]proc.Info, error) {
		list, err := proc.WithEnv(g.entry)
		return slices.DeleteFunc(list, func(p proc.Info) bool {
			return p.PGID != engine.PGID && (engine.PID != 0 || p.PPID != os.Getpid())
		}), err
	}
	// What can not be killed is not waited for: nothing more can be done.
	_ = proc.Terminate(context.Background(), find, syscall.SIGKILL, 0)
}
