// Package supervise keeps a program running after the command that started it
// has ended. A detached supervisor, this binary again in its own session,
// starts the program, writes its output to a journal, starts it again when it
// dies, and stops it for certain: every process of it is named by pid and
// start time, by a token in its environment, or by descent, and nothing else
// is ever signalled.
package supervise

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"skysail/internal/supervise/proc"
)

// HelperName is the name of the supervisor among this program's helpers.
const HelperName = "supervise"

// EnvDeployment is the environment variable that carries the deployment's ID
// in the supervisor and everything it starts.
const EnvDeployment = "SKYSAIL_DEPLOYMENT"

// envToken carries a random value, made anew at each Start, that proves a
// process to be of this supervisor's tree.
const envToken = "SKYSAIL_SUPERVISED" //nolint:gosec // a name, not a value

// Defaults of a Spec.
const (
	DefaultStopTimeout  = 10 * time.Second
	DefaultStartTimeout = 90 * time.Second
)

// DefaultBackoff starts a program again after 1 s, doubling to 30 s, and
// forgets earlier failures when it was up for a minute.
func DefaultBackoff() Backoff {
	return Backoff{Initial: time.Second, Max: 30 * time.Second, ResetAfter: time.Minute}
}

// Spec says what to run and how to keep it running.
type Spec struct {
	// Dir is the supervisor's own folder, for this program only.
	Dir string `json:"dir"`
	// Argv is the program, by its absolute path, and its arguments.
	Argv []string `json:"argv"`
	// Env is the whole environment; nothing is inherited.
	Env []string `json:"env,omitempty"`
	// EnvFiles are read anew at each start of the program and win over Env.
	EnvFiles []EnvFile `json:"env_files,omitempty"`
	WorkDir  string    `json:"work_dir,omitempty"`
	// PreStart commands run one after the other before each start.
	PreStart []Command `json:"pre_start,omitempty"`

	// Journal is the file for the program's output; see package journal.
	Journal    string `json:"journal"`
	JournalMax int64  `json:"journal_max,omitempty"`
	// Identifier and Unit mark the program's lines, Reporter the
	// supervisor's own. They default to the program's name, none, "skysail".
	Identifier string `json:"identifier,omitempty"`
	Unit       string `json:"unit,omitempty"`
	Reporter   string `json:"reporter,omitempty"`

	// Restart starts the program again whenever it ends; with
	// RestartOnFailure only when it did not end well.
	Restart          bool    `json:"restart,omitempty"`
	RestartOnFailure bool    `json:"restart_on_failure,omitempty"`
	Backoff          Backoff `json:"backoff"`
	// StartLimit gives up on a program that is started too often; the zero
	// value never does.
	StartLimit StartLimit `json:"start_limit"`
	// StartTimeout bounds PreStart, StopTimeout the time between SIGTERM and
	// SIGKILL.
	StartTimeout time.Duration `json:"start_timeout,omitempty"`
	StopTimeout  time.Duration `json:"stop_timeout,omitempty"`

	// DeploymentID is put in the environment, where FindByDeployment looks.
	DeploymentID string `json:"deployment_id,omitempty"`
	// Marks are further entries ("NAME=value") for the environment of the
	// supervisor and the program, by which a caller finds them.
	Marks []string `json:"marks,omitempty"`
	// Leash, when set, is the read end of a pipe: when its write end closes,
	// because its owner died, the supervisor kills the program and ends.
	Leash *os.File `json:"-"`
}

// Command is a command that runs to its end.
type Command struct {
	Argv []string `json:"argv"`
	// IgnoreFailure goes on whatever its exit code.
	IgnoreFailure bool `json:"ignore_failure,omitempty"`
}

// EnvFile is a file in the form of systemd's EnvironmentFile.
type EnvFile struct {
	Path string `json:"path"`
	// Optional passes over a file that does not exist.
	Optional bool `json:"optional,omitempty"`
}

// Backoff is the pause before a restart; zero fields have the defaults.
type Backoff struct {
	Initial    time.Duration `json:"initial,omitempty"`
	Max        time.Duration `json:"max,omitempty"`
	ResetAfter time.Duration `json:"reset_after,omitempty"`
}

// StartLimit allows Burst starts in Interval.
type StartLimit struct {
	Burst    int           `json:"burst,omitempty"`
	Interval time.Duration `json:"interval,omitempty"`
}

// State is what a supervised program does.
type State string

// The states of a program.
const (
	StateStarting State = "starting" // PreStart runs
	StateRunning  State = "running"
	StateBackoff  State = "backoff" // it died and is started again soon
	StateFailed   State = "failed"  // it died and is not started again
	StateStopped  State = "stopped" // it was stopped, or ended well and is not started again
)

// Exit says how a program ended.
type Exit struct {
	// Code is the exit code, -1 when a signal ended it or it never started.
	Code   int       `json:"code"`
	Signal string    `json:"signal,omitempty"`
	Error  string    `json:"error,omitempty"`
	At     time.Time `json:"at"`
}

// String renders the exit for a message.
func (e Exit) String() string {
	switch {
	case e.Error != "":
		return e.Error
	case e.Signal != "":
		return "signal: " + e.Signal
	default:
		return fmt.Sprintf("exit code %d", e.Code)
	}
}

// Status is what a supervisor last said, checked against the process table.
type Status struct {
	SupervisorPID   int    `json:"supervisor_pid"`
	SupervisorStart string `json:"supervisor_start"`
	// PID is the running program's, 0 when none runs.
	PID      int    `json:"pid,omitempty"`
	PIDStart string `json:"pid_start,omitempty"`
	State    State  `json:"state"`
	// Restarts counts from the last Start.
	Restarts int   `json:"restarts"`
	LastExit *Exit `json:"last_exit,omitempty"`
	// StartedAt is when the program was last started.
	StartedAt time.Time `json:"started_at,omitzero"`
	// Detail explains a state that needs it.
	Detail string `json:"detail,omitempty"`
}

// Supervised reports whether a supervisor is there and keeps the program.
func (s Status) Supervised() bool {
	return s.State == StateStarting || s.State == StateRunning || s.State == StateBackoff
}

func (s Status) supervisor() proc.ID {
	return proc.ID{PID: s.SupervisorPID, Start: s.SupervisorStart}
}
func (s Status) program() proc.ID { return proc.ID{PID: s.PID, Start: s.PIDStart} }

var envEntry = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)

// complete checks a spec and fills in its defaults.
func (s Spec) complete() (Spec, error) {
	var problems []error
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if s.Dir == "" {
		bad("it has no folder (Dir)")
	} else if abs, err := filepath.Abs(s.Dir); err != nil {
		bad("folder: %w", err)
	} else {
		s.Dir = abs
	}
	if s.Journal == "" {
		bad("it has no journal")
	} else if abs, err := filepath.Abs(s.Journal); err != nil {
		bad("journal: %w", err)
	} else {
		s.Journal = abs
	}
	commands := [][]string{s.Argv}
	for _, c := range s.PreStart {
		commands = append(commands, c.Argv)
	}
	for _, argv := range commands {
		if len(argv) == 0 || !filepath.IsAbs(argv[0]) {
			bad("a command must begin with the absolute path of a program, not %q", argv)
		}
	}
	for _, e := range append(append([]string{}, s.Env...), s.Marks...) {
		if !envEntry.MatchString(e) || strings.ContainsRune(e, 0) {
			name, _, _ := strings.Cut(e, "=")
			bad("%q is not the name of an environment variable, or its value has a zero byte", name)
		}
	}
	if len(problems) > 0 {
		return s, fmt.Errorf("this program cannot be supervised: %w", errors.Join(problems...))
	}
	def := DefaultBackoff()
	s.Backoff.Initial = orDefault(s.Backoff.Initial, def.Initial)
	s.Backoff.Max = max(orDefault(s.Backoff.Max, def.Max), s.Backoff.Initial)
	s.Backoff.ResetAfter = orDefault(s.Backoff.ResetAfter, def.ResetAfter)
	s.StartTimeout = orDefault(s.StartTimeout, DefaultStartTimeout)
	s.StopTimeout = orDefault(s.StopTimeout, DefaultStopTimeout)
	if s.Identifier == "" {
		s.Identifier = filepath.Base(s.Argv[0])
	}
	if s.Reporter == "" {
		s.Reporter = "skysail"
	}
	return s, nil
}

func orDefault(d, def time.Duration) time.Duration {
	if d <= 0 {
		return def
	}
	return d
}
