package proc

import (
	"errors"

	"golang.org/x/sys/unix"
)

// AdoptOrphans makes this process the parent of whatever loses its own below
// it, so that a daemon that detaches itself stays in reach.
func AdoptOrphans() error {
	return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
}

// AwaitExit returns when a child has ended and leaves it to be waited for.
func AwaitExit(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}
