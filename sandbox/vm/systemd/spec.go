package systemd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"skysail/internal/supervise"
	"skysail/sandbox/vm/guest"
)

// forever stands for systemd's "infinity".
const forever = 10 * 365 * 24 * time.Hour

// spec turns a unit into what package supervise runs, and says where.
func (m *Manager) spec(ctx context.Context, u *Unit) (guest.Place, supervise.Spec, error) {
	v := u.Service
	env, err := m.environment(u)
	if err != nil {
		return nil, supervise.Spec{}, err
	}
	values, err := m.values(u, env)
	if err != nil {
		return nil, supervise.Spec{}, err
	}
	spec := supervise.Spec{
		Dir:              m.dir(u.Name),
		Env:              env,
		WorkDir:          m.workDir(v),
		Journal:          m.o.JournalAt,
		JournalMax:       m.o.JournalMax,
		Identifier:       v.SyslogIdentifier,
		Unit:             u.Name,
		Reporter:         "systemd",
		Restart:          v.Restart != "no",
		RestartOnFailure: v.Restart != "always",
		Backoff:          supervise.Backoff{Initial: max(v.RestartPause, time.Millisecond), Max: max(v.RestartPause, time.Millisecond)},
		StartLimit:       supervise.StartLimit{Burst: v.StartBurst, Interval: v.StartInterval},
		StartTimeout:     orForever(v.TimeoutStart),
		StopTimeout:      orForever(v.TimeoutStop),
	}
	for _, f := range v.EnvironmentFiles {
		spec.EnvFiles = append(spec.EnvFiles, supervise.EnvFile{Path: m.o.Root.Path(f.Path), Optional: f.Optional})
	}
	if spec.Argv, err = m.command(v.ExecStart, values); err != nil {
		return nil, spec, err
	}
	if spec.Argv, err = m.bind(u, spec.Argv); err != nil {
		return nil, spec, err
	}
	if spec.Identifier == "" {
		spec.Identifier = filepath.Base(spec.Argv[0])
	}
	for _, e := range v.ExecStartPre {
		argv, err := m.command(e, values)
		if err != nil {
			return nil, spec, err
		}
		spec.PreStart = append(spec.PreStart, supervise.Command{Argv: argv, IgnoreFailure: e.IgnoreFailure})
	}
	place := m.o.Inside
	if IsContainer(spec.Argv) {
		if err := m.o.Container.Prepare(ctx, spec.Argv); err != nil {
			return nil, spec, err
		}
		place = m.o.OnHost
	}
	return place, spec, nil
}

// IsContainer reports whether a command line runs a container engine.
func IsContainer(argv []string) bool {
	name := filepath.Base(argv[0])
	return name == "podman" || name == "docker"
}

func orForever(d time.Duration) time.Duration {
	if d == 0 {
		return forever
	}
	return d
}

func (m *Manager) workDir(v Service) string {
	switch v.WorkingDirectory {
	case "":
		return string(m.o.Root)
	case "~":
		return m.o.Root.Path(homeOf(v.User))
	}
	return m.o.Root.Path(v.WorkingDirectory)
}

func homeOf(user string) string {
	if user == "" || user == "root" {
		return "/root"
	}
	return "/home/" + user
}

// environment is what systemd gives a service, and what the unit sets. Values
// that are paths on the instance are translated.
func (m *Manager) environment(u *Unit) ([]string, error) {
	user := u.Service.User
	if user == "" {
		user = "root"
	}
	env := append(slices.Clone(m.o.Env),
		"PATH="+m.o.Path,
		"USER="+user, "LOGNAME="+user, "HOME="+m.o.Root.Join(homeOf(user)))
	for _, kind := range slices.Sorted(maps.Keys(u.Service.Directories)) {
		base := map[string]string{
			"RuntimeDirectory": "/run", "StateDirectory": "/var/lib", "CacheDirectory": "/var/cache",
			"LogsDirectory": "/var/log", "ConfigurationDirectory": "/etc",
		}[kind]
		var paths []string
		for _, d := range u.Service.Directories[kind] {
			path := m.o.Root.Join(filepath.Join(base, d))
			if err := os.MkdirAll(path, 0o700); err != nil {
				return nil, err
			}
			paths = append(paths, path)
		}
		name := strings.ToUpper(strings.TrimSuffix(kind, "Directory")) + "_DIRECTORY"
		env = append(env, name+"="+strings.Join(paths, ":"))
	}
	own, err := m.bind(u, u.Service.Environment)
	return append(env, m.o.Root.Args(own)...), err
}

// values are the variables that a command line can name.
func (m *Manager) values(u *Unit, env []string) (map[string]string, error) {
	values := map[string]string{}
	add := func(entries []string) {
		for _, e := range entries {
			name, value, _ := strings.Cut(e, "=")
			values[name] = value
		}
	}
	add(env)
	for _, f := range u.Service.EnvironmentFiles {
		text, err := os.ReadFile(m.o.Root.Path(f.Path))
		if err != nil {
			if f.Optional && errors.Is(err, fs.ErrNotExist) {
				continue
			}
			return nil, fmt.Errorf("environment file: %w", err)
		}
		entries, err := supervise.ParseEnvFile(string(text))
		if err != nil {
			return nil, fmt.Errorf("environment file %s: %w", f.Path, err)
		}
		add(entries)
	}
	return values, nil
}
