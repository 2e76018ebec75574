package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// bootID tells this boot's pids and start times from those of the last one.
var bootID = sync.OnceValues(func() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("identify this boot: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
})

// MeasuresUsage says whether Info.CPU and Info.RSS are known on this system.
const MeasuresUsage = true

// userHZ is the unit of times in /proc, the same on every architecture that Go
// runs on (USER_HZ of the kernel's asm/param.h).
const userHZ = 100

var pageSize = uint64(os.Getpagesize())

// Lookup returns what is known of the process that has the pid now, or
// ErrGone.
func Lookup(pid int) (Info, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			return Info{}, ErrGone
		}
		return Info{}, fmt.Errorf("look at process %d: %w", pid, err)
	}
	return parseStat(b)
}

// parseStat reads /proc/PID/stat. The program's name stands in parentheses
// and may hold anything, parentheses too.
func parseStat(b []byte) (Info, error) {
	bad := func() (Info, error) { return Info{}, fmt.Errorf("unexpected /proc/PID/stat: %q", b) }
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 1 || end < open {
		return bad()
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b[:open])))
	// After the name: state ppid pgrp session … and the start time as field
	// 22 of all, 20 of these; proc_pid_stat(5) names the others.
	fields := strings.Fields(string(b[end+1:]))
	if err != nil || len(fields) < 22 {
		return bad()
	}
	var numbers [3]int
	for i := range numbers {
		if numbers[i], err = strconv.Atoi(fields[1+i]); err != nil {
			return bad()
		}
	}
	start, err := strconv.ParseUint(fields[19], 10, 64)
	if err != nil {
		return bad()
	}
	var ticks uint64
	for _, f := range fields[11:15] { // utime stime cutime cstime
		n, err := strconv.ParseUint(f, 10, 64)
		if err != nil {
			return bad()
		}
		ticks += n
	}
	pages, err := strconv.ParseUint(fields[21], 10, 64)
	if err != nil {
		return bad()
	}
	boot, err := bootID()
	if err != nil {
		return Info{}, err
	}
	return Info{
		ID:     ID{PID: pid, Start: boot + ":" + fields[19]},
		PPID:   numbers[0],
		PGID:   numbers[1],
		SID:    numbers[2],
		Name:   string(b[open+1 : end]),
		Zombie: fields[0] == "Z" || fields[0] == "X",
		CPU:    time.Duration(ticks) * (time.Second / userHZ), //nolint:gosec // ticks since the boot
		RSS:    pages * pageSize,
		order:  start,
	}, nil
}

// List returns every process that can be seen.
func List() ([]Info, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	defer func() { _ = dir.Close() }()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var out []Info
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		// One that ends while we look is not in the list.
		if info, err := Lookup(pid); err == nil {
			out = append(out, info)
		}
	}
	return out, nil
}

// Environ returns the environment that a process was started with.
func Environ(pid int) ([]string, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return nil, fmt.Errorf("read the environment of process %d: %w", pid, err)
	}
	return strings.Split(strings.TrimRight(string(b), "\x00"), "\x00"), nil
}
