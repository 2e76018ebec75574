package proc

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// stateZombie is SZOMB of <sys/proc.h>.
const stateZombie = 5

// MeasuresUsage says whether Info.CPU and Info.RSS are known on this system.
const MeasuresUsage = false

// Lookup returns what is known of the process that has the pid now, or
// ErrGone.
func Lookup(pid int) (Info, error) {
	k, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil || int(k.Proc.P_pid) != pid {
		// An unknown pid is an empty answer, which the call reports as EIO.
		return Info{}, ErrGone
	}
	return info(k), nil
}

func info(k *unix.KinfoProc) Info {
	start := k.Proc.P_starttime
	name := k.Proc.P_comm[:]
	if i := bytes.IndexByte(name, 0); i >= 0 {
		name = name[:i]
	}
	return Info{
		ID:     ID{PID: int(k.Proc.P_pid), Start: strconv.FormatInt(start.Sec, 10) + "." + strconv.FormatInt(int64(start.Usec), 10)},
		PPID:   int(k.Eproc.Ppid),
		PGID:   int(k.Eproc.Pgid),
		Name:   string(name),
		Zombie: k.Proc.P_stat == stateZombie,
		order:  uint64(start.Sec)*1_000_000 + uint64(start.Usec), //nolint:gosec // times after 1970
	}
}

// List returns every process that can be seen.
func List() ([]Info, error) {
	all, err := unix.SysctlKinfoProcSlice("kern.proc.all")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	out := make([]Info, len(all))
	for i := range all {
		out[i] = info(&all[i])
	}
	return out, nil
}

// Environ returns the environment that a process was started with. The system
// hides it for its own protected programs; those give an empty one.
func Environ(pid int) ([]string, error) {
	b, err := unix.SysctlRaw("kern.procargs2", pid)
	if err != nil {
		return nil, fmt.Errorf("read the environment of process %d: %w", pid, err)
	}
	if len(b) < 4 {
		return nil, fmt.Errorf("read the environment of process %d: the answer is too short", pid)
	}
	// The count of arguments, the program's path, padding, the arguments, the
	// environment: each text ends with a zero byte.
	argc := int(binary.NativeEndian.Uint32(b))
	_, rest, _ := bytes.Cut(b[4:], []byte{0})
	rest = bytes.TrimLeft(rest, "\x00")
	parts := strings.Split(string(rest), "\x00")
	if argc > len(parts) {
		return nil, nil
	}
	var env []string
	for _, e := range parts[argc:] {
		if e == "" {
			break
		}
		env = append(env, e)
	}
	return env, nil
}
