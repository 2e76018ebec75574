//go:build !linux

package supervise

import "syscall"

// childAttr gives a program its own session and group. The system cannot tie
// its life to the supervisor's; Stop finds it by pid and start time.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true}
}
