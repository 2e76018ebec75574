// Package proc names processes so that they cannot be mistaken for others: by
// pid and start time, by an entry of their environment, and by descent. It
// signals only what it has named.
package proc

import (
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// ErrGone says that a process does not run, or that its pid is another's now.
var ErrGone = errors.New("the process does not run")

// ID is a process's identity for as long as the machine remembers: a pid is
// given again, a pid with its start time is not.
type ID struct {
	PID   int    `json:"pid"`
	Start string `json:"start"`
}

// Info is what is known of a process.
type Info struct {
	ID
	PPID, PGID int
	// SID is 0 where the system does not tell it.
	SID  int
	Name string
	// Zombie marks a process that has ended and is not waited for yet.
	Zombie bool
	// CPU is processor time of the process and of those children that it has
	// waited for, to 10 ms; RSS is the bytes of memory that it holds. Both are
	// 0 where MeasuresUsage is false.
	CPU time.Duration
	RSS uint64
	// order sorts by start time: a child never starts before its parent.
	order uint64
}

// Identify returns the identity of the process that has the pid now.
func Identify(pid int) (ID, error) {
	info, err := Lookup(pid)
	return info.ID, err
}

// Self returns this process's own identity.
func Self() (ID, error) { return Identify(os.Getpid()) }

// Running reports whether this very process runs; one that has ended and is
// only not waited for does not.
func (id ID) Running() bool {
	if id.PID <= 0 || id.Start == "" {
		return false
	}
	info, err := Lookup(id.PID)
	return err == nil && info.Start == id.Start && !info.Zombie
}

// Signal sends a signal to this very process and to no other: where the
// system has process handles, the handle is taken first and the identity
// checked after, so that the pid cannot change hands in between. It returns
// ErrGone when the process does not run.
func (id ID) Signal(sig syscall.Signal) error {
	if id.PID <= 1 || id.Start == "" {
		return ErrGone
	}
	p, err := os.FindProcess(id.PID)
	if err != nil {
		return ErrGone
	}
	defer func() { _ = p.Release() }()
	if !id.Running() {
		return ErrGone
	}
	if err := p.Signal(sig); err != nil {
		if errors.Is(err, os.ErrProcessDone) || errors.Is(err, syscall.ESRCH) {
			return ErrGone
		}
		return err
	}
	return nil
}

// WithEnv returns the running processes that were started with one of the
// entries ("NAME=value") in their environment, this process excepted. Those
// of other users cannot be seen.
func WithEnv(entries ...string) ([]Info, error) {
	all, err := List()
	if err != nil {
		return nil, err
	}
	return withEnv(all, entries), nil
}

func withEnv(all []Info, entries []string) []Info {
	self := os.Getpid()
	return slices.DeleteFunc(slices.Clone(all), func(p Info) bool {
		return p.Zombie || p.PID == self || !hasEnv(p.PID, entries)
	})
}

func hasEnv(pid int, entries []string) bool {
	env, err := Environ(pid)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(env, func(e string) bool { return slices.Contains(entries, e) })
}

// Descendants returns the roots that run and everything that descends from
// them, by the parents that all shows.
func Descendants(all []Info, roots ...ID) []Info {
	known := map[int]Info{}
	for _, p := range all {
		if slices.Contains(roots, p.ID) {
			known[p.PID] = p
		}
	}
	for more := true; more; {
		more = false
		for _, p := range all {
			parent, ok := known[p.PPID]
			if _, done := known[p.PID]; done || !ok || p.order < parent.order {
				continue
			}
			known[p.PID] = p
			more = true
		}
	}
	out := make([]Info, 0, len(known))
	for _, p := range all {
		if _, ok := known[p.PID]; ok && !p.Zombie {
			out = append(out, p)
		}
	}
	return out
}

// Family returns the running processes that were started with the entry in
// their environment, the roots, and all that descends from either; never this
// process itself.
func Family(entry string, roots ...ID) ([]Info, error) {
	all, err := List()
	if err != nil {
		return nil, err
	}
	roots = slices.Clone(roots)
	if entry != "" {
		for _, p := range withEnv(all, []string{entry}) {
			roots = append(roots, p.ID)
		}
	}
	self := os.Getpid()
	return slices.DeleteFunc(Descendants(all, roots...), func(p Info) bool { return p.PID == self }), nil
}

// Names renders processes for a message: "123 (echo), 124 (sh)".
func Names(list []Info) string {
	parts := make([]string, len(list))
	for i, p := range list {
		parts[i] = p.String()
	}
	return strings.Join(parts, ", ")
}
