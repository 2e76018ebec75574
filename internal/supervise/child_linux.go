package supervise

import "syscall"

// childAttr gives a program its own session and group, and its death when the
// supervisor dies.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
}
