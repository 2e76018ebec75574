// Package process is what benchmarks have in common: a child of the same
// program that serves while they measure, and the CPU time that they used.
package process

import (
	"context"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Serve starts this program again with args. The child tells on its output
// where it serves, and serves until its input ends: that is what end does.
func Serve(ctx context.Context, args ...string) (out io.Reader, end func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	child := exec.CommandContext(ctx, self, args...) //nolint:gosec // this program
	stdin, err := child.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		return nil, nil, err
	}
	return stdout, func() { _ = stdin.Close(); _ = child.Wait() }, nil
}

// CPU is what this process has used so far.
func CPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
