// Package systemd stands in for systemd on a simulated instance: it reads
// service units as systemd does, runs them under package supervise, and
// answers systemctl.
package systemd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"skysail/internal/supervise"
)

// Unit is a service unit as its file and drop-ins describe it.
type Unit struct {
	Name        string
	Path        string // of the main file, on this machine
	Description string
	Conditions  []Condition
	WantedBy    []string
	Service     Service
}

// Condition is a ConditionPathExists: the unit starts only if it holds.
type Condition struct {
	Path string
	// Negate is the "!" before the path.
	Negate bool
}

// Service is the [Service] section, as far as the stand-in acts on it. Keys
// that only confine a service are accepted and have no effect.
type Service struct {
	Type             string
	ExecStartPre     []Exec
	ExecStart        Exec
	ExecStop         []Exec
	ExecStopPost     []Exec
	Environment      []string
	EnvironmentFiles []supervise.EnvFile
	WorkingDirectory string
	User             string
	Restart          string
	RestartPause     time.Duration
	TimeoutStart     time.Duration
	TimeoutStop      time.Duration
	SyslogIdentifier string
	// Directories by kind: RuntimeDirectory, StateDirectory, CacheDirectory,
	// LogsDirectory, ConfigurationDirectory.
	Directories   map[string][]string
	Binds         []Bind
	StartInterval time.Duration
	StartBurst    int
}

// Bind is one of BindPaths.
type Bind struct{ Source, Destination string }

// Exec is one command line.
type Exec struct {
	IgnoreFailure bool // the "-" prefix
	Words         []word
}

// Systemd's defaults.
const (
	defaultRestartPause  = 100 * time.Millisecond
	defaultTimeout       = 90 * time.Second
	defaultStartInterval = 10 * time.Second
	defaultStartBurst    = 5
)

// unitFolders are searched in this order, as systemd does.
var unitFolders = []string{"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"}

// errNotFound says that there is no such unit.
var errNotFound = errors.New("not found")

// validName refuses what could leave the unit folders.
func validName(name string) bool {
	return name != "" && len(name) < 256 && !strings.HasPrefix(name, ".") &&
		strings.IndexFunc(name, func(r rune) bool {
			return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.@\\", r)
		}) < 0
}

// Load reads a unit and its drop-ins from the instance's root folder.
func Load(root, name string) (*Unit, error) {
	if !validName(name) || !strings.HasSuffix(name, ".service") {
		return nil, fmt.Errorf("unit %s: %w", name, errNotFound)
	}
	u := &Unit{Name: name}
	var s settings
	for _, folder := range unitFolders {
		path := filepath.Join(root, folder, name)
		text, err := os.ReadFile(path) //nolint:gosec // below the instance's root
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("unit %s: %w", name, err)
		}
		u.Path = path
		if err := s.parse(string(text)); err != nil {
			return nil, fmt.Errorf("unit %s: %w", name, err)
		}
		break
	}
	if u.Path == "" {
		return nil, fmt.Errorf("unit %s: %w", name, errNotFound)
	}
	dropIns, err := dropIns(root, name)
	if err != nil {
		return nil, err
	}
	for _, path := range dropIns {
		text, err := os.ReadFile(path) //nolint:gosec // below the instance's root
		if err != nil {
			return nil, fmt.Errorf("unit %s: %w", name, err)
		}
		if err := s.parse(string(text)); err != nil {
			return nil, fmt.Errorf("unit %s, %s: %w", name, filepath.Base(path), err)
		}
	}
	if err := u.fill(&s); err != nil {
		return nil, fmt.Errorf("unit %s: %w", name, err)
	}
	return u, nil
}

func dropIns(root, name string) ([]string, error) {
	byName := map[string]string{}
	for _, folder := range slices.Backward(unitFolders) {
		folder = filepath.Join(root, folder, name+".d")
		found, err := os.ReadDir(folder)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("unit %s: %w", name, err)
		}
		for _, f := range found {
			if strings.HasSuffix(f.Name(), ".conf") {
				byName[f.Name()] = filepath.Join(folder, f.Name())
			}
		}
	}
	names := make([]string, 0, len(byName))
	for n := range byName {
		names = append(names, n)
	}
	slices.Sort(names)
	for i, n := range names {
		names[i] = byName[n]
	}
	return names, nil
}

// setting is one KEY=value of a section.
type setting struct{ section, key, value string }

type settings []setting

// parse reads the syntax of unit files: sections, comments, lines continued
// with a backslash.
func (s *settings) parse(text string) error {
	section := ""
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		at := i + 1
		line := strings.TrimSpace(lines[i])
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		for strings.HasSuffix(line, "\\") && i+1 < len(lines) {
			i++
			next := strings.TrimSpace(lines[i])
			if next != "" && (next[0] == '#' || next[0] == ';') {
				continue
			}
			line = line[:len(line)-1] + " " + next
		}
		if line[0] == '[' {
			if line[len(line)-1] != ']' {
				return fmt.Errorf("line %d: the section header does not end with ]", at)
			}
			section = line[1 : len(line)-1]
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			return fmt.Errorf("line %d: it is not KEY=value", at)
		}
		if section == "" {
			return fmt.Errorf("line %d: it stands before any [section]", at)
		}
		*s = append(*s, setting{section, strings.TrimSpace(key), strings.TrimSpace(value)})
	}
	return nil
}
