package proc

import (
	"os"
	"slices"
	"strings"
)

// WithEnvPrefix is WithEnv for entries of which only the beginning is known,
// such as "NAME=value/".
func WithEnvPrefix(prefix string) ([]Info, error) {
	all, err := List()
	if err != nil {
		return nil, err
	}
	self := os.Getpid()
	return slices.DeleteFunc(all, func(p Info) bool {
		return p.Zombie || p.PID == self || !HasEnvPrefix(p.PID, prefix)
	}), nil
}

// HasEnvPrefix says whether a process was started with an entry that begins
// so; of one that has ended, or is another user's, it is not known and false.
func HasEnvPrefix(pid int, prefix string) bool {
	env, err := Environ(pid)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(env, func(e string) bool { return strings.HasPrefix(e, prefix) })
}
