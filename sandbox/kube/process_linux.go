package kube

import "syscall"

// childAttr gives a program its own session, so that Ctrl-C reaches only us,
// and its death when the thread that started it ends.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
}
