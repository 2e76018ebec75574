//go:build !linux

package kube

import "syscall"

// childAttr gives a program its own session. The system cannot tie its life to
// ours; Sweep finds it by its environment.
func childAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
