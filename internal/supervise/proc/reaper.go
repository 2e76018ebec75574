package proc

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// reapPause bounds how often the process table is read for orphans.
const reapPause = 500 * time.Millisecond

// Reaper waits for the children that a long-lived process inherits or lets go
// of: as the parent of orphans it must, or they stay in the process table for
// ever. A child that somebody waits for is left to them.
type Reaper struct {
	mu   sync.Mutex
	kept map[int]bool
}

// Keep runs start and leaves the pid that it returns to the caller, who says
// Done when it was waited for.
func (r *Reaper) Keep(start func() (pid int, err error)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	pid, err := start()
	if err != nil {
		return err
	}
	if r.kept == nil {
		r.kept = map[int]bool{}
	}
	r.kept[pid] = true
	return nil
}

// Done says that the child was waited for.
func (r *Reaper) Done(pid int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.kept, pid)
}

// Start reaps until ctx ends.
func (r *Reaper) Start(ctx context.Context) {
	died := make(chan os.Signal, 1)
	signal.Notify(died, syscall.SIGCHLD)
	go func() {
		defer signal.Stop(died)
		for {
			select {
			case <-ctx.Done():
				return
			case <-died:
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(reapPause):
			}
			r.sweep()
		}
	}()
}

func (r *Reaper) sweep() {
	r.mu.Lock()
	defer r.mu.Unlock()
	all, err := List()
	if err != nil {
		return
	}
	self := os.Getpid()
	for _, p := range all {
		if p.Zombie && p.PPID == self && !r.kept[p.PID] {
			_, _ = syscall.Wait4(p.PID, nil, syscall.WNOHANG, nil)
		}
	}
}
