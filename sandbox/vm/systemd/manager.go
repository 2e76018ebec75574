package systemd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"skysail/internal/journal"
	"skysail/internal/supervise"
	"skysail/sandbox/vm/guest"
	"skysail/sandbox/vm/rootdir"
)

// Container says how units that run a container are run.
type Container interface {
	// Prepare says why a command line of an engine cannot run here, or nil.
	Prepare(ctx context.Context, argv []string) error
}

// Options are what a Manager works with.
type Options struct {
	Root rootdir.Root
	// Dir holds a folder for each unit that was started.
	Dir string
	// Journal is the instance's journal.
	Journal    *journal.Journal
	JournalAt  string
	JournalMax int64
	// Inside is the instance's network, OnHost this machine's, where
	// container engines are.
	Inside, OnHost guest.Place
	Container      Container
	// Env is the environment that every unit starts from, Path its PATH, in
	// which also commands without a folder are looked for.
	Env  []string
	Path string
	// Builtin are units of the instance itself, by name, which run for as
	// long as their function returns a pid.
	Builtin map[string]func() (pid int, since time.Time)
	// Restarted is told when one of them is restarted, to read its
	// configuration anew; nil when there is none to read.
	Restarted func(name string) error
}

// Manager is the service manager of one instance.
type Manager struct {
	o Options
	// Jobs outlive the systemctl that asked for them, and end with the
	// instance.
	ctx    context.Context //nolint:containedctx // the manager's own life
	cancel context.CancelFunc
	jobs   sync.WaitGroup

	mu     sync.Mutex
	units  map[string]*unitState
	closed bool
}

// unitState is what the manager remembers of a unit beside the supervisor's
// status.
type unitState struct {
	job sync.Mutex // one start or stop at a time
	// The rest is guarded by Manager.mu.
	problem   string // why the last start failed before there was a supervisor
	condition bool   // whether the conditions held at the last start
	tried     time.Time
	unit      *Unit // as it was when it was started
}

// stopPostPatience bounds what runs after a start that failed.
const stopPostPatience = 10 * time.Second

// job takes part in what Close waits for, unless that has begun.
func (m *Manager) job() (done func(), err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, errors.New("the instance is shutting down")
	}
	m.jobs.Add(1)
	return m.jobs.Done, nil
}

// New makes a manager. Close it to stop its units.
func New(o Options) *Manager {
	m := &Manager{o: o, units: map[string]*unitState{}}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	return m
}

func (m *Manager) state(name string) *unitState {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.units[name]
	if s == nil {
		s = &unitState{}
		m.units[name] = s
	}
	return s
}

func (m *Manager) dir(name string) string { return filepath.Join(m.o.Dir, name) }

// say writes a line of the service manager about a unit.
func (m *Manager) say(unit string, priority int, format string, args ...any) {
	// A full disk must not stop the manager; there is nowhere to say it.
	_ = m.o.Journal.Append(journal.Entry{
		Priority: priority, PID: os.Getpid(), Identifier: "systemd", Unit: unit, Message: fmt.Sprintf(format, args...),
	})
}

// jobError is a failed start: what systemctl prints of it is fixed, the cause
// is in the journal.
type jobError struct {
	unit   string
	reason string
}

func (e *jobError) Error() string {
	return fmt.Sprintf("Job for %s failed because %s.\nSee \"systemctl status %s\" and \"journalctl -xeu %s\" for details.", e.unit, e.reason, e.unit, e.unit)
}

// Start starts a unit unless it runs.
func (m *Manager) Start(ctx context.Context, name string) error {
	if _, ok := m.o.Builtin[name]; ok {
		return nil
	}
	u, err := Load(string(m.o.Root), name)
	if err != nil {
		return err
	}
	s := m.state(name)
	s.job.Lock()
	defer s.job.Unlock()
	if st, err := supervise.Read(m.dir(name)); err == nil && st.Supervised() {
		return nil
	}
	note := func(problem string, condition bool) {
		m.mu.Lock()
		defer m.mu.Unlock()
		s.problem, s.condition, s.tried, s.unit = problem, condition, time.Now(), u
	}
	if unmet := m.unmet(u); unmet != "" {
		note("", false)
		m.say(name, journal.PriorityInfo, "%s was skipped because of an unmet condition check (ConditionPathExists=%s).", name, unmet)
		return nil
	}
	note("", true)
	place, spec, err := m.spec(ctx, u)
	if err == nil {
		_, err = place.Supervise(ctx, spec)
	}
	if err != nil {
		// A container engine may have begun something.
		after, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopPostPatience)
		m.runAll(after, u, u.Service.ExecStopPost)
		cancel()
		note(err.Error(), true)
		m.say(name, journal.PriorityError, "Failed to start %s: %v", u.title(), err)
		return &jobError{name, "the service could not be started"}
	}
	st, err := supervise.Read(m.dir(name))
	if err != nil {
		return err
	}
	if st.State == supervise.StateBackoff || st.State == supervise.StateFailed {
		return &jobError{name, "the control process exited with error code"}
	}
	m.say(name, journal.PriorityInfo, "Started %s.", u.title())
	m.sayBinds(u)
	return nil
}

func (u *Unit) title() string {
	if u.Description == "" {
		return u.Name
	}
	return u.Name + " - " + u.Description
}

// unmet returns the first condition that does not hold.
func (m *Manager) unmet(u *Unit) string {
	for _, c := range u.Conditions {
		_, err := os.Stat(m.o.Root.Path(c.Path))
		if (err == nil) == c.Negate {
			if c.Negate {
				return "!" + c.Path
			}
			return c.Path
		}
	}
	return ""
}

// Stop stops a unit; one that does not run is stopped already.
func (m *Manager) Stop(ctx context.Context, name string) error {
	if _, ok := m.o.Builtin[name]; ok {
		return fmt.Errorf("%s is a part of the simulated instance and cannot be stopped", name)
	}
	s := m.state(name)
	s.job.Lock()
	defer s.job.Unlock()
	return m.stop(ctx, name, s)
}

func (m *Manager) stop(ctx context.Context, name string, s *unitState) error {
	m.mu.Lock()
	u := s.unit
	m.mu.Unlock()
	st, err := supervise.Read(m.dir(name))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := Load(string(m.o.Root), name); u == nil && err != nil {
			return err
		}
		return nil
	}
	if err != nil {
		return err
	}
	ran := st.Supervised()
	if ran && u != nil {
		m.runAll(ctx, u, u.Service.ExecStop, fmt.Sprintf("MAINPID=%d", st.PID))
	}
	if err := supervise.Stop(ctx, m.dir(name)); err != nil {
		m.say(name, journal.PriorityError, "Failed to stop %s: %v", name, err)
		return err
	}
	if ran && u != nil {
		m.runAll(ctx, u, u.Service.ExecStopPost)
		m.say(name, journal.PriorityInfo, "Stopped %s.", u.title())
	}
	return nil
}

// Restart stops a unit and starts it.
func (m *Manager) Restart(ctx context.Context, name string) error {
	if _, ok := m.o.Builtin[name]; ok {
		if m.o.Restarted == nil {
			return nil
		}
		return m.o.Restarted(name)
	}
	if err := m.Stop(ctx, name); err != nil {
		return err
	}
	return m.Start(ctx, name)
}

// Active reports whether a unit runs.
func (m *Manager) Active(name string) bool { return m.Status(name).Active == "active" }

// ResetFailed forgets that a unit failed.
func (m *Manager) ResetFailed(name string) error {
	if m.Status(name).Active != "failed" {
		return nil
	}
	s := m.state(name)
	s.job.Lock()
	defer s.job.Unlock()
	m.mu.Lock()
	s.problem = ""
	m.mu.Unlock()
	return os.RemoveAll(m.dir(name))
}

// StartEnabled starts what is wanted by the boot, as a machine does that
// comes up again.
func (m *Manager) StartEnabled(ctx context.Context) {
	done, err := m.job()
	if err != nil {
		return // it is going down already
	}
	defer done()
	links, err := m.o.Root.Glob("etc/systemd/system/*.wants/*.service")
	if err != nil {
		return // only for a malformed pattern
	}
	var starts sync.WaitGroup
	seen := map[string]bool{}
	for _, link := range links {
		name := filepath.Base(link)
		if seen[name] {
			continue
		}
		seen[name] = true
		starts.Go(func() {
			var job *jobError
			if err := m.Start(ctx, name); err != nil && !errors.As(err, &job) {
				m.say(name, journal.PriorityError, "Failed to start %s: %v", name, err)
			}
		})
	}
	starts.Wait()
}

// Close ends the jobs under way and stops every unit, side by side. It returns
// what could not be stopped.
func (m *Manager) Close(ctx context.Context) error {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.cancel()
	m.jobs.Wait()
	entries, err := os.ReadDir(m.o.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	errs := make([]error, len(entries))
	var stops sync.WaitGroup
	for i, e := range entries {
		stops.Go(func() { errs[i] = m.Stop(ctx, e.Name()) })
	}
	stops.Wait()
	return errors.Join(errs...)
}
