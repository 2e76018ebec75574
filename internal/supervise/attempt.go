package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"skysail/internal/journal"
	"skysail/internal/supervise/proc"
)

// attempt runs the program once, from PreStart to the end of its last process.
func (s *supervisor) attempt(ctx context.Context) outcome {
	s.starts = append(s.starts, time.Now())
	if ctx.Err() != nil {
		return outcome{stopped: true}
	}
	env, err := s.environment()
	if err != nil {
		return notStarted(err)
	}
	if len(s.spec.PreStart) > 0 {
		s.set(StateStarting, nil, "")
		if out, ok := s.prepare(ctx, env); !ok {
			return out
		}
	}
	child, err := s.start(s.spec.Argv, env)
	if err != nil {
		return notStarted(err)
	}
	s.status.PID, s.status.PIDStart, s.status.StartedAt = child.id.PID, child.id.Start, time.Now()
	s.set(StateRunning, nil, "")
	s.say(journal.PriorityInfo, fmt.Sprintf("Started (process %d).", child.id.PID))
	s.ready.tell(nil)

	select {
	case <-child.ended:
	case <-ctx.Done():
	}
	stopped := ctx.Err() != nil
	s.finish(ctx, child)
	return outcome{exit: child.exit, stopped: stopped}
}

func notStarted(err error) outcome {
	return outcome{startErr: err, exit: Exit{Code: -1, Error: err.Error(), At: time.Now()}}
}

// prepare runs the PreStart commands. When it returns false the program is
// not to be started, for the reason in the outcome.
func (s *supervisor) prepare(ctx context.Context, env []string) (outcome, bool) {
	deadline, cancel := context.WithTimeoutCause(ctx, s.spec.StartTimeout,
		fmt.Errorf("what comes before the program took longer than %s", s.spec.StartTimeout))
	defer cancel()
	for _, c := range s.spec.PreStart {
		child, err := s.start(c.Argv, env)
		if err != nil {
			if c.IgnoreFailure {
				continue
			}
			return notStarted(err), false
		}
		select {
		case <-child.ended:
		case <-deadline.Done():
		}
		timedOut := deadline.Err() != nil
		s.finish(ctx, child)
		switch {
		case ctx.Err() != nil:
			return outcome{exit: child.exit, stopped: true}, false
		case timedOut:
			child.exit.Error = context.Cause(deadline).Error()
			return outcome{exit: child.exit}, false
		case !endedWell(child.exit) && !c.IgnoreFailure:
			s.say(journal.PriorityError, fmt.Sprintf("%s failed: %s", strings.Join(c.Argv, " "), child.exit))
			return outcome{exit: child.exit}, false
		}
	}
	return outcome{}, true
}

// environment is the program's: Env, then the files, then the marks, the
// later entry of a name winning.
func (s *supervisor) environment() ([]string, error) {
	env := slices.Clone(s.spec.Env)
	for _, f := range s.spec.EnvFiles {
		more, err := readEnvFile(f)
		if err != nil {
			return nil, err
		}
		env = append(env, more...)
	}
	env = append(env, marks(s.spec, s.token)...)
	last := map[string]int{}
	for i, e := range env {
		name, _, _ := strings.Cut(e, "=")
		last[name] = i
	}
	var out []string
	for i, e := range env {
		if name, _, _ := strings.Cut(e, "="); last[name] == i {
			out = append(out, e)
		}
	}
	return out, nil
}

// child is a process that the supervisor started and has not waited for.
type child struct {
	id     proc.ID
	cmd    *exec.Cmd
	output *output
	// ended closes when the process has ended; it is not reaped then, so its
	// pid and its group are still its own.
	ended chan struct{}
	exit  Exit // after finish
}

func (s *supervisor) start(argv, env []string) (*child, error) {
	out, err := newOutput(s)
	if err != nil {
		return nil, err
	}
	cmd := &exec.Cmd{
		Path:        argv[0],
		Args:        argv,
		Env:         env,
		Dir:         s.spec.WorkDir,
		Stdout:      out.stdout,
		Stderr:      out.stderr,
		SysProcAttr: childAttr(),
	}
	err = s.reaper.Keep(func() (int, error) {
		if err := cmd.Start(); err != nil {
			return 0, err
		}
		return cmd.Process.Pid, nil
	})
	if err != nil {
		out.abandon()
		return nil, explainStart(err)
	}
	c := &child{cmd: cmd, output: out, ended: make(chan struct{})}
	out.copy(cmd.Process.Pid)
	// Not reaped yet, so it is there to be looked at even if it has ended.
	if c.id, err = proc.Identify(cmd.Process.Pid); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		out.drain()
		return nil, err
	}
	go func() {
		defer close(c.ended)
		proc.AwaitExit(c.id.PID)
	}()
	return c, nil
}

func explainStart(err error) error {
	switch {
	case errors.Is(err, syscall.ENOEXEC):
		return fmt.Errorf("%w: it is not a program for this machine, or a script that does not begin with #! and its interpreter", err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%w: the file is not executable", err)
	}
	return err
}

// finish ends what still runs of a child, waits for it and notes its exit.
func (s *supervisor) finish(ctx context.Context, c *child) {
	grace := s.spec.StopTimeout
	if errors.Is(context.Cause(ctx), errLeash) {
		grace = 0
	}
	err := proc.Terminate(context.Background(), s.offspring(c.id), syscall.SIGTERM, grace)
	if err != nil {
		s.say(journal.PriorityError, err.Error())
	}
	<-c.ended
	waitErr := c.cmd.Wait()
	s.reaper.Done(c.id.PID)
	c.output.drain()
	c.exit = Exit{Code: c.cmd.ProcessState.ExitCode(), At: time.Now()}
	if ws, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		c.exit.Signal = unix.SignalName(ws.Signal())
	}
	var exitErr *exec.ExitError
	if waitErr != nil && !errors.As(waitErr, &exitErr) {
		c.exit.Error = waitErr.Error()
	}
}

// offspring finds what runs below this supervisor, in the child's group, or
// with the token.
func (s *supervisor) offspring(c proc.ID) func() ([]proc.Info, error) {
	return func() ([]proc.Info, error) {
		found, err := proc.Family(tokenEntry(s.token), s.self)
		if err != nil {
			return nil, err
		}
		group, err := groupOf(c)
		if err != nil {
			return nil, err
		}
		for _, p := range group {
			if !slices.ContainsFunc(found, func(q proc.Info) bool { return q.ID == p.ID }) {
				found = append(found, p)
			}
		}
		return found, nil
	}
}

// groupOf returns the running members of the group and session that c leads.
// It is only for a child that is not reaped, whose pid nothing else can have.
func groupOf(c proc.ID) ([]proc.Info, error) {
	all, err := proc.List()
	if err != nil {
		return nil, err
	}
	self := os.Getpid()
	return slices.DeleteFunc(all, func(p proc.Info) bool {
		return p.Zombie || p.PID == self || (p.PGID != c.PID && p.SID != c.PID)
	}), nil
}
