package systemd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// acts are the commands that change something.
func (m *Manager) acts() map[string]func(context.Context, string, options) error {
	start := func(ctx context.Context, n string, _ options) error { return m.Start(ctx, n) }
	stop := func(ctx context.Context, n string, _ options) error { return m.Stop(ctx, n) }
	restart := func(ctx context.Context, n string, _ options) error { return m.Restart(ctx, n) }
	tryRestart := func(ctx context.Context, n string, _ options) error {
		if !m.Active(n) {
			return nil
		}
		return m.Restart(ctx, n)
	}
	return map[string]func(context.Context, string, options) error{
		"start":                 start,
		"stop":                  stop,
		"restart":               restart,
		"try-restart":           tryRestart,
		"condrestart":           tryRestart,
		"reload-or-restart":     restart,
		"try-reload-or-restart": tryRestart,
		"enable":                m.enable,
		"disable":               m.disable,
		"reset-failed":          func(_ context.Context, n string, _ options) error { return m.ResetFailed(n) },
		"daemon-reload":         nil, // units are read anew at each start
		"daemon-reexec":         nil,
	}
}

func (m *Manager) act(c Call, verb string, do func(context.Context, string, options) error, names []string, o options) Reply {
	if !c.Root {
		what := verb
		if len(names) > 0 {
			what = verb + " " + names[0]
		}
		return Reply{Code: codeFailed, Stderr: fmt.Sprintf("Failed to %s: Interactive authentication required.\nSee system logs for details.\n", what)}
	}
	if do == nil {
		return Reply{}
	}
	if len(names) == 0 && verb != "reset-failed" {
		return Reply{Code: codeFailed, Stderr: "Too few arguments.\n"}
	}
	done, err := m.job()
	if err != nil {
		return Reply{Code: codeFailed, Stderr: fmt.Sprintf("Failed to %s: %v\n", verb, err)}
	}
	if o.noBlock {
		go func() {
			defer done()
			for _, name := range names {
				_ = do(m.ctx, name, o) // the journal tells of its failure
			}
		}()
		return Reply{}
	}
	defer done()
	var r Reply
	for _, name := range names {
		if err := do(m.ctx, name, o); err != nil {
			code, text := m.explain(verb, name, err)
			r.Code = max(r.Code, code)
			r.Stderr += text + "\n"
		} else if verb == "enable" && !o.quiet {
			r.Stderr += m.linked(name)
		}
	}
	return r
}

func (m *Manager) explain(verb, name string, err error) (int, string) {
	var job *jobError
	switch {
	case errors.As(err, &job):
		return codeFailed, job.Error()
	case errors.Is(err, errNotFound) && (verb == "enable" || verb == "disable"):
		return codeFailed, fmt.Sprintf("Failed to %s unit: Unit file %s does not exist.", verb, name)
	case errors.Is(err, errNotFound):
		return codeNoUnit, fmt.Sprintf("Failed to %s %s: Unit %s not found.", verb, name, name)
	}
	return codeFailed, fmt.Sprintf("Failed to %s %s: %v", verb, name, err)
}

func (m *Manager) enable(ctx context.Context, name string, o options) error {
	if _, ok := m.o.Builtin[name]; ok {
		return nil
	}
	u, err := Load(string(m.o.Root), name)
	if err != nil {
		return err
	}
	for _, target := range u.WantedBy {
		if !validName(target) {
			return fmt.Errorf("WantedBy=%s is no unit", target)
		}
		link := m.wants(target, name)
		if err := os.MkdirAll(filepath.Dir(link), 0o700); err != nil {
			return err
		}
		if err := os.Symlink(m.inside(u.Path), link); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	if o.now {
		return m.Start(ctx, name)
	}
	return nil
}

func (m *Manager) linked(name string) string {
	u, err := Load(string(m.o.Root), name)
	if err != nil {
		return ""
	}
	var b strings.Builder
	for _, target := range u.WantedBy {
		fmt.Fprintf(&b, "Created symlink %s → %s.\n", m.inside(m.wants(target, name)), m.inside(u.Path))
	}
	return b.String()
}

func (m *Manager) disable(ctx context.Context, name string, o options) error {
	if !validName(name) {
		return fmt.Errorf("unit %s: %w", name, errNotFound)
	}
	links, err := m.o.Root.Glob("etc/systemd/system/*.wants/" + strings.ReplaceAll(name, `\`, `\\`))
	if err != nil {
		return fmt.Errorf("unit %s: %w", name, errNotFound)
	}
	for _, link := range links {
		if err := os.Remove(link); err != nil {
			return err
		}
	}
	if o.now {
		return m.Stop(ctx, name)
	}
	return nil
}
