package systemd

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"skysail/internal/journal"
)

// bindPaths reads BindPaths=: SOURCE:DESTINATION, options after it have no
// meaning here.
func (u *Unit) bindPaths(value string) error {
	if value == "" {
		u.Service.Binds = nil
		return nil
	}
	for _, field := range strings.Fields(value) {
		source, rest, _ := strings.Cut(strings.TrimPrefix(field, "-"), ":")
		destination, _, _ := strings.Cut(rest, ":")
		if destination == "" {
			destination = source
		}
		source, err := u.absolute(source)
		if err != nil {
			return err
		}
		if destination, err = u.absolute(destination); err != nil {
			return err
		}
		u.Service.Binds = append(u.Service.Binds, Bind{Source: filepath.Clean(source), Destination: filepath.Clean(destination)})
	}
	return nil
}

// bind makes a unit's bound folders seen. A process here has this machine's
// file system, so its arguments and the unit's own variables are pointed at the
// folder; paths that the program has by itself are this machine's.
func (m *Manager) bind(u *Unit, words []string) ([]string, error) {
	words = slices.Clone(words)
	for _, b := range u.Service.Binds {
		link := m.o.Root.Join(b.Destination)
		if err := os.MkdirAll(filepath.Dir(link), 0o700); err != nil {
			return nil, err
		}
		if err := os.Symlink(m.o.Root.Join(b.Source), link); err != nil && !errors.Is(err, os.ErrExist) {
			return nil, err
		}
		for i, w := range words {
			key, value, assigned := strings.Cut(w, "=")
			switch {
			case within(w, b.Destination):
				words[i] = m.o.Root.Join(w)
			case assigned && within(value, b.Destination):
				words[i] = key + "=" + m.o.Root.Join(value)
			}
		}
	}
	return words, nil
}

func within(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, folder+"/")
}

// sayBinds tells what of them is not simulated.
func (m *Manager) sayBinds(u *Unit) {
	for _, b := range u.Service.Binds {
		m.say(u.Name, journal.PriorityNotice, "simulated instance: %s is %s for the arguments of the service and Environment= of its unit; elsewhere that path is this machine's.",
			b.Destination, m.o.Root.Join(b.Destination))
	}
}
