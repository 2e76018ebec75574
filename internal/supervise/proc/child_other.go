//go:build !linux

package proc

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// AdoptOrphans does nothing where the system gives orphans to init only.
func AdoptOrphans() error { return nil }

// AwaitExit returns when a child has ended and leaves it to be waited for.
func AwaitExit(pid int) {
	kq, err := unix.Kqueue()
	if err != nil {
		pollExit(pid)
		return
	}
	defer func() { _ = unix.Close(kq) }()
	var change unix.Kevent_t
	unix.SetKevent(&change, pid, unix.EVFILT_PROC, unix.EV_ADD|unix.EV_ONESHOT)
	change.Fflags = unix.NOTE_EXIT
	events := make([]unix.Kevent_t, 1)
	for {
		n, err := unix.Kevent(kq, []unix.Kevent_t{change}, events, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil || n == 0:
			pollExit(pid) // it may have ended before it was watched
			return
		default:
			return
		}
	}
}

func pollExit(pid int) {
	for {
		p, err := Lookup(pid)
		if err != nil || p.Zombie {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}
