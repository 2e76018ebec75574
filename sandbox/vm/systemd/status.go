package systemd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"skysail/internal/supervise"
)

// Status is a unit's state in systemd's words.
type Status struct {
	Name        string
	Description string
	Load        string // loaded, not-found, bad-setting
	LoadError   string
	Active      string
	Sub         string
	Path        string
	Enabled     string // enabled, disabled, or empty when there is no file
	MainPID     int
	Restarts    int
	Result      string
	Restart     string
	Type        string
	Condition   bool
	Since       time.Time // the main process's start
	Exit        *supervise.Exit
	Problem     string
}

// Status returns the state of a unit.
func (m *Manager) Status(name string) Status {
	st := Status{Name: name, Load: "loaded", Active: "inactive", Sub: "dead", Result: "success"}
	if builtin, ok := m.o.Builtin[name]; ok {
		st.Description, st.Enabled, st.Type, st.Restart, st.Condition = "OpenBSD Secure Shell server", "enabled", "notify", "on-failure", true
		if pid, since := builtin(); pid != 0 {
			st.Active, st.Sub, st.MainPID, st.Since = "active", "running", pid, since
		}
		return st
	}
	u, err := Load(string(m.o.Root), name)
	switch {
	case err == nil:
		st.Description, st.Path = u.Description, m.inside(u.Path)
		st.Restart, st.Type = u.Service.Restart, u.Service.Type
		st.Enabled = m.enabled(u)
	case errors.Is(err, errNotFound):
		st.Load, st.Description = "not-found", name
	default:
		st.Load, st.LoadError = "bad-setting", err.Error()
	}
	m.mu.Lock()
	if s := m.units[name]; s != nil {
		st.Problem, st.Condition = s.problem, s.condition
	}
	m.mu.Unlock()
	if st.Problem != "" {
		st.Active, st.Sub, st.Result = "failed", "failed", "resources"
	}
	run, err := supervise.Read(m.dir(name))
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			st.Active, st.Sub, st.Result, st.Problem = "failed", "failed", "resources", err.Error()
		}
		return st
	}
	st.Restarts, st.Since, st.Exit, st.MainPID = run.Restarts, run.StartedAt, run.LastExit, run.PID
	switch run.State {
	case supervise.StateStarting:
		st.Active, st.Sub = "activating", "start-pre"
	case supervise.StateRunning:
		st.Active, st.Sub, st.Result = "active", "running", "success"
	case supervise.StateBackoff:
		st.Active, st.Sub, st.Result = "activating", "auto-restart", result(run.LastExit)
	case supervise.StateFailed:
		st.Active, st.Sub, st.Result = "failed", "failed", result(run.LastExit)
		if strings.Contains(run.Detail, "times within") {
			st.Result = "start-limit-hit"
		}
	case supervise.StateStopped:
	}
	return st
}

func result(e *supervise.Exit) string {
	switch {
	case e == nil || e.Error != "":
		return "resources"
	case e.Signal != "":
		return "signal"
	case e.Code != 0:
		return "exit-code"
	}
	return "success"
}

// inside is a path as the instance knows it.
func (m *Manager) inside(path string) string {
	return strings.TrimPrefix(path, string(m.o.Root))
}

// stamp prints a time as systemd does, nothing for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("Mon 2006-01-02 15:04:05 MST")
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// properties are what `systemctl show` prints, in its order.
func (s Status) properties() [][2]string {
	code, status := 0, 0
	var exited time.Time
	// What is known of the last exit is of no interest to a running one.
	if s.Exit != nil && s.MainPID == 0 {
		exited = s.Exit.At
		code, status = 1, max(s.Exit.Code, 0)
		if s.Exit.Signal != "" {
			code = 2
		}
	}
	return [][2]string{
		{"Type", s.Type},
		{"Restart", s.Restart},
		{"MainPID", strconv.Itoa(s.MainPID)},
		{"Result", s.Result},
		{"NRestarts", strconv.Itoa(s.Restarts)},
		{"ExecMainStartTimestamp", stamp(s.Since)},
		{"ExecMainExitTimestamp", stamp(exited)},
		{"ExecMainPID", strconv.Itoa(s.MainPID)},
		{"ExecMainCode", strconv.Itoa(code)},
		{"ExecMainStatus", strconv.Itoa(status)},
		{"Id", s.Name},
		{"Names", s.Name},
		{"Description", s.Description},
		{"LoadState", s.Load},
		{"ActiveState", s.Active},
		{"SubState", s.Sub},
		{"FragmentPath", s.Path},
		{"UnitFileState", s.Enabled},
		{"ConditionResult", yesNo(s.Condition)},
		{"LoadError", s.LoadError},
	}
}

// text is what `systemctl status` prints.
func (s Status) text() string {
	var b strings.Builder
	mark := map[string]string{"active": "●", "failed": "×", "activating": "●"}[s.Active]
	if mark == "" {
		mark = "○"
	}
	title := s.Name
	if s.Description != "" && s.Description != s.Name {
		title += " - " + s.Description
	}
	fmt.Fprintf(&b, "%s %s\n", mark, title)
	loaded := s.Load
	if s.Path != "" {
		loaded += fmt.Sprintf(" (%s; %s)", s.Path, s.Enabled)
	}
	fmt.Fprintf(&b, "     Loaded: %s\n", loaded)
	fmt.Fprintf(&b, "     Active: %s (%s)", s.Active, s.Sub)
	if !s.Since.IsZero() && s.MainPID != 0 {
		fmt.Fprintf(&b, " since %s", stamp(s.Since))
	}
	b.WriteString("\n")
	if s.Problem != "" {
		fmt.Fprintf(&b, "    Problem: %s\n", s.Problem)
	}
	if s.MainPID != 0 {
		fmt.Fprintf(&b, "   Main PID: %d\n", s.MainPID)
	}
	if s.Exit != nil && s.MainPID == 0 {
		fmt.Fprintf(&b, "  Last exit: %s\n", s.Exit)
	}
	return b.String()
}

// enabled reports whether a unit is linked into the boot.
func (m *Manager) enabled(u *Unit) string {
	if len(u.WantedBy) == 0 {
		return "static"
	}
	for _, target := range u.WantedBy {
		if _, err := os.Lstat(m.wants(target, u.Name)); err == nil {
			return "enabled"
		}
	}
	return "disabled"
}

func (m *Manager) wants(target, name string) string {
	return m.o.Root.Join("/etc/systemd/system/" + target + ".wants/" + name)
}
