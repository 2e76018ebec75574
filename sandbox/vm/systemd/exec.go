package systemd

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"skysail/internal/journal"
	"skysail/sandbox/vm/guest"
)

// command makes an Exec…= line ready to run on this machine.
func (m *Manager) command(e Exec, values map[string]string) ([]string, error) {
	argv := e.argv(values)
	program, err := m.program(argv[0])
	if err != nil {
		return nil, err
	}
	if IsContainer(argv) {
		return append([]string{program}, argv[1:]...), nil // paths in it are the container's
	}
	return append([]string{program}, m.o.Root.Args(argv[1:])...), nil
}

// program finds an executable: container engines are always the instance's
// stand-in, which knows what this machine has; then the instance's own files,
// then this machine's. What is nowhere stays as it is, for a clear failure.
func (m *Manager) program(name string) (string, error) {
	if IsContainer([]string{name}) {
		name = filepath.Base(name)
	}
	if strings.HasPrefix(name, "/") {
		return m.o.Root.Path(name), nil
	}
	if strings.Contains(name, "/") {
		return "", fmt.Errorf("%q is neither an absolute path nor a name", name)
	}
	for _, dir := range filepath.SplitList(m.o.Path) {
		path := filepath.Join(dir, name)
		if st, err := os.Stat(path); err == nil && !st.IsDir() && st.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("there is no program %q", name)
}

// runAll runs the commands around a stop. Their failures are told and do not
// keep the unit running.
func (m *Manager) runAll(ctx context.Context, u *Unit, list []Exec, more ...string) {
	if len(list) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, orForever(u.Service.TimeoutStop))
	defer cancel()
	for _, e := range list {
		if err := m.runOne(ctx, u, e, more); err != nil && !e.IgnoreFailure {
			m.say(u.Name, journal.PriorityWarning, "%s: a command of its stop failed: %v", u.Name, err)
		}
	}
}

func (m *Manager) runOne(ctx context.Context, u *Unit, e Exec, more []string) error {
	env, err := m.environment(u)
	if err != nil {
		return err
	}
	env = append(env, more...)
	values, err := m.values(u, env)
	if err != nil {
		return err
	}
	argv, err := m.command(e, values)
	if err != nil {
		return err
	}
	place := m.o.Inside
	if IsContainer(argv) {
		place = m.o.OnHost
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			m.say(u.Name, journal.PriorityInfo, "%s: %s", filepath.Base(argv[0]), lines.Text())
		}
		_ = r.Close()
	}()
	exit, err := place.Run(ctx, guestCommand(argv, env, m.workDir(u.Service), w))
	_ = w.Close()
	<-copied
	if err == nil && exit.Code != 0 {
		err = fmt.Errorf("%s: exit code %d", filepath.Base(argv[0]), exit.Code)
	}
	return err
}

func guestCommand(argv, env []string, dir string, out *os.File) guest.Command {
	return guest.Command{Argv: argv, Env: env, Dir: dir, Stdout: out, Stderr: out}
}
