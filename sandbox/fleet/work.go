package fleet

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"skysail/sandbox/world"
)

// retry is the pause before a step that failed is tried again.
const retry = time.Second

// work starts a worker on a server unless one is on it.
func (f *Fleet) work(ctx context.Context, key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.busy[key] || ctx.Err() != nil {
		return
	}
	f.busy[key] = true
	f.wg.Go(func() {
		defer func() {
			f.mu.Lock()
			delete(f.busy, key)
			f.mu.Unlock()
			// A change that came while this worker was ending found it
			// busy: look again.
			select {
			case f.idle <- struct{}{}:
			default:
			}
		}()
		for ctx.Err() == nil {
			changed := f.world.Changed()
			s := f.world.State().ServerByKey(key)
			if s == nil || s.Settled() {
				return
			}
			if wait := f.step(ctx, s); wait > 0 {
				pause(ctx, wait, changed)
			}
		}
	})
}

// step brings a server one step nearer to what its owner wants, or says how
// long to wait before the next try.
func (f *Fleet) step(ctx context.Context, s *world.Server) time.Duration {
	if wait := f.bootWait(s); wait > 0 {
		return wait
	}
	select {
	case f.slots <- struct{}{}:
		defer func() { <-f.slots }()
	case <-ctx.Done():
		return 0
	}
	var err error
	switch {
	case s.Deleting:
		err = f.remove(ctx, s)
	case !s.Powered:
		err = f.stop(ctx, s)
	default:
		err = f.boot(ctx, s)
	}
	if err != nil && ctx.Err() == nil {
		f.opts.Log.Error("a machine does not follow", "server", s.Key(), "err", err)
		return retry
	}
	return 0
}

// bootWait is how long the boot of s has to wait still.
func (f *Fleet) bootWait(s *world.Server) time.Duration {
	if s.Deleting || !s.Powered || s.Booted {
		return 0
	}
	ready := s.CreatedAt.Add(f.opts.BootTime)
	if s.HoldUntil.After(ready) {
		ready = s.HoldUntil
	}
	return ready.Sub(f.world.Now())
}

// pause waits, but no longer than until the world changes.
func pause(ctx context.Context, d time.Duration, changed <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	case <-changed:
	}
}

func (f *Fleet) boot(ctx context.Context, s *world.Server) error {
	began := time.Now()
	dir := f.Dir(s)
	// A machine that runs now is to be rebooted, or is what a daemon that
	// died while booting it left.
	err := f.halt(ctx, dir)
	if err == nil {
		err = f.writeFiles(s)
	}
	if err == nil {
		err = f.machine.Start(ctx, dir)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx) // whatever runs now is adopted by the next daemon
	}
	if err != nil {
		f.opts.Log.Error("a machine cannot boot", "server", s.Key(), "err", err)
		if err := f.halt(ctx, dir); err != nil {
			f.opts.Log.Error("stopping a machine that failed to boot", "server", s.Key(), "err", err)
		}
	}
	return f.settle(s, func(st *world.State, now *world.Server) {
		if err != nil {
			now.Phase, now.Problem, now.Reboot = world.Failed, err.Error(), false
			return
		}
		f.opts.Log.Info("booted", "server", s.Key(), "name", s.Name, "took", time.Since(began).Round(time.Millisecond))
		up(st, now, f.world.Now())
	})
}

// halt stops the machine in dir, if there ever was one.
func (f *Fleet) halt(ctx context.Context, dir string) error {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return f.machine.Stop(ctx, dir)
}

// up notes that a server's machine runs.
func up(st *world.State, s *world.Server, now time.Time) {
	s.Phase, s.Booted, s.Reboot, s.Problem = world.Running, true, false, ""
	st.CompleteActions(s, now)
}

func (f *Fleet) stop(ctx context.Context, s *world.Server) error {
	if err := f.halt(ctx, f.Dir(s)); err != nil {
		return err
	}
	return f.settle(s, func(st *world.State, now *world.Server) {
		if !now.Powered {
			now.Phase, now.Reboot = world.Off, false
			st.CompleteActions(now, f.world.Now())
		}
	})
}

func (f *Fleet) remove(ctx context.Context, s *world.Server) error {
	dir := f.Dir(s)
	if err := f.halt(ctx, dir); err != nil {
		return err
	}
	f.files.Lock()
	err := os.RemoveAll(dir)
	f.files.Unlock()
	if err != nil {
		return err
	}
	f.opts.Log.Info("removed", "server", s.Key(), "name", s.Name)
	return f.settle(s, func(st *world.State, now *world.Server) {
		st.CompleteActions(now, f.world.Now())
		st.RemoveServer(now.Provider, now.ID)
	})
}

// settle changes the server's current record, if there is one still.
func (f *Fleet) settle(s *world.Server, change func(*world.State, *world.Server)) error {
	return f.world.Update(func(st *world.State) error {
		if now := st.Server(s.Provider, s.ID); now != nil {
			change(st, now)
		}
		return nil
	})
}
