package systemd

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"skysail/internal/supervise"
)

// fill interprets the settings in order; a later one of the same key replaces
// or adds to an earlier one, and an empty one clears a list.
func (u *Unit) fill(all *settings) error {
	u.Service = Service{
		Type:          "simple",
		Restart:       "no",
		RestartPause:  defaultRestartPause,
		TimeoutStart:  defaultTimeout,
		TimeoutStop:   defaultTimeout,
		StartInterval: defaultStartInterval,
		StartBurst:    defaultStartBurst,
		Directories:   map[string][]string{},
	}
	var starts []Exec
	var problems []error
	for _, s := range *all {
		if err := u.set(s, &starts); err != nil {
			problems = append(problems, fmt.Errorf("%s=: %w", s.key, err))
		}
	}
	switch {
	case len(starts) == 1:
		u.Service.ExecStart = starts[0]
	case len(starts) == 0:
		problems = append(problems, errors.New("it has no ExecStart="))
	default:
		problems = append(problems, errors.New("it has more than one ExecStart=, which is for Type=oneshot only"))
	}
	return errors.Join(problems...)
}

func (u *Unit) set(s setting, starts *[]Exec) error {
	switch s.section {
	case "Unit":
		return u.setUnit(s)
	case "Install":
		if s.key == "WantedBy" || s.key == "RequiredBy" {
			u.WantedBy = list(u.WantedBy, s.value)
		}
	case "Service":
		return u.setService(s, starts)
	}
	return nil
}

func (u *Unit) setUnit(s setting) (err error) {
	switch s.key {
	case "Description":
		u.Description, err = u.expand(s.value)
	case "ConditionPathExists", "AssertPathExists":
		if s.value == "" {
			u.Conditions = nil
			return nil
		}
		path, negate := strings.CutPrefix(s.value, "!")
		if path, err = u.absolute(path); err != nil {
			return err
		}
		u.Conditions = append(u.Conditions, Condition{Path: path, Negate: negate})
	case "StartLimitIntervalSec", "StartLimitInterval":
		u.Service.StartInterval, err = parseSpan(s.value)
	case "StartLimitBurst":
		u.Service.StartBurst, err = strconv.Atoi(s.value)
	}
	return err
}

func (u *Unit) setService(s setting, starts *[]Exec) (err error) {
	v := &u.Service
	switch s.key {
	case "Type":
		// The others need the program to talk to systemd, or systemd to guess
		// which process is the main one.
		if !slices.Contains([]string{"simple", "exec", "idle"}, s.value) {
			return fmt.Errorf("%q is not simulated; use Type=exec or Type=simple", s.value)
		}
		v.Type = s.value
	case "ExecStart":
		*starts, err = u.execs(*starts, s.value)
	case "ExecStartPre":
		v.ExecStartPre, err = u.execs(v.ExecStartPre, s.value)
	case "ExecStop":
		v.ExecStop, err = u.execs(v.ExecStop, s.value)
	case "ExecStopPost":
		v.ExecStopPost, err = u.execs(v.ExecStopPost, s.value)
	case "Environment":
		return u.environment(s.value)
	case "EnvironmentFile":
		if s.value == "" {
			v.EnvironmentFiles = nil
			return nil
		}
		path, optional := strings.CutPrefix(s.value, "-")
		if path, err = u.absolute(path); err != nil {
			return err
		}
		v.EnvironmentFiles = append(v.EnvironmentFiles, supervise.EnvFile{Path: path, Optional: optional})
	case "WorkingDirectory":
		if s.value == "~" || s.value == "" {
			v.WorkingDirectory = s.value
			return nil
		}
		v.WorkingDirectory, err = u.absolute(strings.TrimPrefix(s.value, "-"))
	case "User":
		v.User = s.value
	case "Restart":
		if !slices.Contains([]string{"no", "always", "on-failure"}, s.value) {
			return fmt.Errorf("%q is not simulated; use always, on-failure or no", s.value)
		}
		v.Restart = s.value
	case "RestartSec":
		v.RestartPause, err = parseSpan(s.value)
	case "TimeoutStartSec":
		v.TimeoutStart, err = parseSpan(s.value)
	case "TimeoutStopSec":
		v.TimeoutStop, err = parseSpan(s.value)
	case "TimeoutSec":
		v.TimeoutStart, err = parseSpan(s.value)
		v.TimeoutStop = v.TimeoutStart
	case "SyslogIdentifier":
		v.SyslogIdentifier, err = u.expand(s.value)
	case "RuntimeDirectory", "StateDirectory", "CacheDirectory", "LogsDirectory", "ConfigurationDirectory":
		return u.directories(s.key, s.value)
	case "BindPaths":
		return u.bindPaths(s.value)
	}
	return err
}

func list(old []string, value string) []string {
	if value == "" {
		return nil
	}
	return append(old, strings.Fields(value)...)
}

func (u *Unit) environment(value string) error {
	if value == "" {
		u.Service.Environment = nil
		return nil
	}
	words, err := u.split(value)
	if err != nil {
		return err
	}
	for _, w := range words {
		if !strings.Contains(w.text, "=") {
			return fmt.Errorf("%q is not NAME=value", w.text)
		}
		u.Service.Environment = append(u.Service.Environment, w.text)
	}
	return nil
}

func (u *Unit) directories(kind, value string) error {
	for _, d := range strings.Fields(value) {
		d, err := u.expand(d)
		if err != nil {
			return err
		}
		for part := range strings.SplitSeq(d, "/") {
			if part == "" || part == "." || part == ".." {
				return fmt.Errorf("%q is not a relative path", d)
			}
		}
		u.Service.Directories[kind] = append(u.Service.Directories[kind], d)
	}
	return nil
}

// absolute expands a path, which must be absolute.
func (u *Unit) absolute(path string) (string, error) {
	path, err := u.expand(path)
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(path, "/") {
		return "", fmt.Errorf("%q is not an absolute path", path)
	}
	return path, nil
}

// parseSpan reads systemd's time spans: "5", "1min 30s", "500ms", "infinity".
// Infinity, and zero, which means it for time-outs, come back as zero.
func parseSpan(text string) (time.Duration, error) {
	text = strings.TrimSpace(text)
	if text == "infinity" {
		return 0, nil
	}
	units := map[string]time.Duration{
		"": time.Second, "us": time.Microsecond, "usec": time.Microsecond, "ms": time.Millisecond, "msec": time.Millisecond,
		"s": time.Second, "sec": time.Second, "second": time.Second, "seconds": time.Second,
		"m": time.Minute, "min": time.Minute, "minute": time.Minute, "minutes": time.Minute,
		"h": time.Hour, "hr": time.Hour, "hour": time.Hour, "hours": time.Hour,
		"d": 24 * time.Hour, "day": 24 * time.Hour, "days": 24 * time.Hour,
	}
	bad := fmt.Errorf("%q is not a time span such as 30, 5s or 1min 30s", text)
	if text == "" {
		return 0, bad
	}
	var total time.Duration
	for rest := text; rest != ""; rest = strings.TrimLeft(rest, " ") {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789."))
		n, err := strconv.ParseFloat(rest[:digits], 64)
		if err != nil {
			return 0, bad
		}
		rest = strings.TrimLeft(rest[digits:], " ")
		letters := len(rest) - len(strings.TrimLeft(rest, "abcdefghijklmnopqrstuvwxyz"))
		unit, ok := units[rest[:letters]]
		if !ok {
			return 0, bad
		}
		total += time.Duration(n * float64(unit))
		rest = rest[letters:]
	}
	return total, nil
}
