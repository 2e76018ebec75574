package vm

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"skysail/internal/supervise/proc"
)

// Reading is what an instance had used at a moment.
type Reading struct {
	At time.Time
	// Boot tells one run of the instance from the next: sums start anew with
	// it.
	Boot proc.ID
	// CPU is processor time of all processes of the instance since it booted,
	// those that have ended and were waited for included. Between two readings
	// it can go down a little, by a process that nobody waited for.
	CPU time.Duration
	// MemoryBytes is what the processes hold now: the sum of their resident
	// sets, in which what they share counts for each.
	MemoryBytes uint64
	// ReceivedBytes and SentBytes went over the connections to its address
	// since it booted; see traffic. They are up to a second old.
	ReceivedBytes, SentBytes uint64
	// Load1, Load5 and Load15 are the load averages that /proc/loadavg shows
	// inside the instance: it shares this machine's processors, and so its
	// load.
	Load1, Load5, Load15 float64
}

// Usage reads what the running instances in dirs use, with one look at the
// processes of this machine for all of them. An instance that does not run is
// left out. The processes of an instance are those that descend from its main
// process, which adopts orphans; containers of a daemon (docker) do not.
// Systems that do not tell a process's usage give errors.ErrUnsupported.
func Usage(dirs []string) (map[string]Reading, error) {
	if !proc.MeasuresUsage {
		return nil, fmt.Errorf("usage of simulated instances: %w", errors.ErrUnsupported)
	}
	if len(dirs) == 0 {
		return nil, nil
	}
	all, err := proc.List()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	load, err := loadAverages()
	if err != nil {
		return nil, err
	}
	tree := newTree(all)
	out := map[string]Reading{}
	var errs []error
	for _, dir := range dirs {
		boot, err := mainProcess(dir)
		if err != nil {
			errs = append(errs, fmt.Errorf("usage of %s: %w", filepath.Base(dir), err))
			continue
		}
		r := Reading{At: now, Boot: boot, Load1: load[0], Load5: load[1], Load15: load[2]}
		if !tree.sum(boot, &r) {
			continue
		}
		t, err := readTraffic(dir)
		if err != nil {
			errs = append(errs, fmt.Errorf("usage of %s: %w", filepath.Base(dir), err))
			continue
		}
		r.ReceivedBytes, r.SentBytes = t.Received, t.Sent
		out[dir] = r
	}
	return out, errors.Join(errs...)
}

// tree is the processes of this machine by their parents.
type tree struct {
	byPID    map[int]proc.Info
	children map[int][]proc.Info
}

func newTree(all []proc.Info) tree {
	t := tree{byPID: make(map[int]proc.Info, len(all)), children: map[int][]proc.Info{}}
	for _, p := range all {
		t.byPID[p.PID] = p
		t.children[p.PPID] = append(t.children[p.PPID], p)
	}
	return t
}

// sum adds up a process and what descends from it, and says whether it runs.
func (t tree) sum(root proc.ID, r *Reading) bool {
	main, ok := t.byPID[root.PID]
	if !ok || main.ID != root || main.Zombie {
		return false
	}
	todo, seen := []proc.Info{main}, map[int]bool{}
	for len(todo) > 0 {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[p.PID] { // the list is not of one instant
			continue
		}
		seen[p.PID] = true
		// One that has ended holds its time until it is waited for.
		r.CPU += p.CPU
		r.MemoryBytes += p.RSS
		todo = append(todo, t.children[p.PID]...)
	}
	return true
}

// loadAverages are those of 1, 5 and 15 minutes.
func loadAverages() ([3]float64, error) {
	var out [3]float64
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return out, err
	}
	fields := strings.Fields(string(b))
	for i := range out {
		if i >= len(fields) {
			return out, fmt.Errorf("unexpected /proc/loadavg: %q", b)
		}
		if out[i], err = strconv.ParseFloat(fields[i], 64); err != nil {
			return out, fmt.Errorf("unexpected /proc/loadavg: %q", b)
		}
	}
	return out, nil
}
