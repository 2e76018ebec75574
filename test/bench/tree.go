package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// ticks is USER_HZ, which Linux has at 100 on all that Go runs on.
const ticks = 100

// process is a line of /proc.
type process struct {
	pid, parent int
	cpu         float64 // seconds, with those of children that were waited for
}

// tree lists a process and all below it.
func tree(root int) []process {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	all := map[int]process{}
	below := map[int][]int{}
	for _, f := range files {
		data, err := os.ReadFile(f) //nolint:gosec // /proc
		if err != nil {
			continue // it has ended
		}
		text := string(data)
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
		fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
		parent, _ := strconv.Atoi(fields[1])
		p := process{pid: pid, parent: parent}
		for _, at := range []int{11, 12, 13, 14} { // utime, stime, cutime, cstime of proc(5), after the name
			n, _ := strconv.ParseFloat(fields[at], 64)
			p.cpu += n / ticks
		}
		all[pid] = p
		below[parent] = append(below[parent], pid)
	}
	var out []process
	todo := []int{root}
	for len(todo) > 0 {
		pid := todo[0]
		todo = append(todo[1:], below[pid]...)
		if p, ok := all[pid]; ok {
			out = append(out, p)
		}
	}
	return out
}

// cpuOf is what a process and all below it have used, in seconds.
func cpuOf(root int) float64 {
	sum := 0.0
	for _, p := range tree(root) {
		sum += p.cpu
	}
	return sum
}

// peaks are the highest resident sizes by role, in kB.
type peaks struct {
	mu sync.Mutex
	of map[string]int64
}

// watch notes peaks of a tree until done is closed.
func (p *peaks) watch(root int, done <-chan struct{}) {
	for {
		for _, x := range tree(root) {
			p.note(x.pid)
		}
		select {
		case <-done:
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (p *peaks) note(pid int) {
	dir := fmt.Sprintf("/proc/%d/", pid)
	args, err := os.ReadFile(dir + "cmdline") //nolint:gosec // /proc
	if err != nil {
		return
	}
	env, _ := os.ReadFile(dir + "environ")   //nolint:gosec // /proc
	status, _ := os.ReadFile(dir + "status") //nolint:gosec // /proc
	role := roleOf(strings.Split(string(args), "\x00"), string(env))
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			p.mu.Lock()
			if p.of == nil {
				p.of = map[string]int64{}
			}
			p.of[role] = max(p.of[role], n)
			p.mu.Unlock()
		}
	}
}

func roleOf(args []string, env string) string {
	switch {
	case strings.Contains(args[0], "terraform"):
		return "terraform (not ours)"
	case strings.Contains(env, "SKYSAIL_TERRAFORM_RUN="):
		return "plugin"
	case len(args) > 1 && strings.Contains(args[1], "/jobs/"):
		return "supervisor"
	default:
		return "command"
	}
}

func (p *peaks) print() {
	if len(p.of) == 0 {
		return
	}
	fmt.Printf("\n| process | peak resident memory |\n|---|---|\n")
	for _, role := range slices.Sorted(maps.Keys(p.of)) {
		fmt.Printf("| %s | %d MB |\n", role, p.of[role]/1024)
	}
}
