// Package fleet makes the machines of the sandbox follow its world: it boots
// what was created, stops what was deleted or powered off, and keeps each
// machine's firewall as the clouds' rules have it.
package fleet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"skysail/sandbox/world"
)

// Machine runs simulated instances, each in a folder of its own that holds
// config.json and firewall.json. An instance outlives the process that
// started it.
type Machine interface {
	// Start boots the instance and returns when it is up or cannot come up.
	Start(ctx context.Context, dir string) error
	// Stop ends every process of the instance; no error means none is left.
	// An instance that does not run is stopped already.
	Stop(ctx context.Context, dir string) error
	// Running says whether the instance runs.
	Running(dir string) (bool, error)
}

// Meter is a Machine that says what its instances use. Of any other Usage
// knows nothing.
type Meter interface {
	// Usage reads what the instances in dirs use; those that do not run are
	// left out. With an error it may still return what it could read, and
	// errors.ErrUnsupported means that it never can.
	Usage(dirs []string) (map[string]Reading, error)
}

// Options are how a fleet works; the zero value is how the daemon uses it.
type Options struct {
	// BootTime is how long a boot takes at least: in the clouds nothing is
	// up at once, and clients that believe so must fail here too.
	BootTime time.Duration
	// Watch is the pause between looks at whether machines still run.
	Watch time.Duration
	// Sample is the pause between looks at what machines use.
	Sample time.Duration
	Log    *slog.Logger
}

// bootsAtOnce bounds how many machines boot or stop side by side.
const bootsAtOnce = 4

// Fleet follows a world.
type Fleet struct {
	world   *world.World
	machine Machine
	dir     string
	opts    Options
	slots   chan struct{}

	mu   sync.Mutex
	busy map[string]bool // servers with a worker on them
	idle chan struct{}   // a worker ended
	wg   sync.WaitGroup

	files sync.Mutex // writers of machine folders
	usage usage
}

// New makes a fleet whose machines live in folders of dir. Run starts it.
func New(w *world.World, m Machine, dir string, opts Options) *Fleet {
	if opts.BootTime == 0 {
		opts.BootTime = 300 * time.Millisecond
	}
	if opts.Watch == 0 {
		opts.Watch = 3 * time.Second
	}
	if opts.Sample == 0 {
		opts.Sample = samplePause
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	f := &Fleet{
		world: w, machine: m, dir: dir, opts: opts,
		slots: make(chan struct{}, bootsAtOnce), busy: map[string]bool{}, idle: make(chan struct{}, 1),
		usage: usage{machines: map[string]*history{}},
	}
	w.OnChange(f.syncFirewalls)
	return f
}

// Dir is the folder of a server's machine.
func (f *Fleet) Dir(s *world.Server) string { return filepath.Join(f.dir, s.Key()) }

// Run adopts and follows.
func (f *Fleet) Run(ctx context.Context) error {
	if err := f.Adopt(ctx); err != nil {
		return err
	}
	f.Follow(ctx)
	return nil
}

// Follow makes the machines follow the world until ctx ends. They keep
// running when it returns.
func (f *Fleet) Follow(ctx context.Context) {
	defer f.wg.Wait()
	if m, ok := f.machine.(Meter); ok {
		f.wg.Go(func() { f.sample(ctx, m) })
	}
	tick := time.NewTicker(f.opts.Watch)
	defer tick.Stop()
	for {
		changed := f.world.Changed()
		for _, s := range f.world.State().Servers {
			if !s.Settled() {
				f.work(ctx, s.Key())
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-f.idle:
		case <-tick.C:
			f.watch()
			f.expire()
		}
	}
}

// Adopt compares the world with what an earlier daemon left: machines of
// servers that are gone are stopped, machines that run are left alone, and a
// server whose machine stopped with the host is to boot again.
func (f *Fleet) Adopt(ctx context.Context) error {
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return fmt.Errorf("sandbox instances: %w", err)
	}
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return fmt.Errorf("sandbox instances: %w", err)
	}
	st := f.world.State()
	for _, e := range entries {
		if st.ServerByKey(e.Name()) != nil {
			continue
		}
		dir := filepath.Join(f.dir, e.Name())
		f.opts.Log.Warn("removing a machine that no server has", "dir", e.Name())
		if err := f.machine.Stop(ctx, dir); err != nil {
			return fmt.Errorf("sandbox instance %s belongs to no server and cannot be stopped: %w", e.Name(), err)
		}
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("sandbox instances: %w", err)
		}
	}
	runs := map[string]bool{}
	for _, s := range st.Servers {
		if runs[s.Key()], err = f.machine.Running(f.Dir(s)); err != nil {
			return fmt.Errorf("sandbox instance %s: %w", s.Key(), err)
		}
	}
	return f.world.Update(func(st *world.State) error {
		for _, s := range st.Servers {
			switch {
			case s.Deleting || !s.Powered:
			case runs[s.Key()]:
				if s.Phase == world.Booting {
					up(st, s, f.world.Now())
				}
			case s.Phase == world.Running:
				s.Phase = world.Booting
			}
		}
		return nil
	})
}

// watch finds machines that stopped without being asked to.
func (f *Fleet) watch() {
	var dead []string
	for _, s := range f.world.State().Servers {
		if !s.Settled() || s.Phase != world.Running {
			continue
		}
		if runs, err := f.machine.Running(f.Dir(s)); err == nil && !runs {
			dead = append(dead, s.Key())
		}
	}
	if len(dead) == 0 {
		return
	}
	err := f.world.Update(func(st *world.State) error {
		for _, key := range dead {
			if s := st.ServerByKey(key); s != nil && s.Settled() && s.Phase == world.Running {
				f.opts.Log.Warn("a machine stopped by itself", "server", key)
				s.Phase, s.Powered = world.Off, false
			}
		}
		return nil
	})
	if err != nil {
		f.opts.Log.Error("noting stopped machines", "err", err)
	}
}

// Settled waits until a server is as its owner wants it, or gone.
func (f *Fleet) Settled(ctx context.Context, provider, id string) error {
	for {
		changed := f.world.Changed()
		s := f.world.State().Server(provider, id)
		if s == nil || s.Settled() {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-changed:
		}
	}
}

// StopAll stops every machine, side by side. The world still says that they
// run: the next Run boots them again.
func (f *Fleet) StopAll(ctx context.Context) error {
	return StopAll(ctx, f.machine, f.dir)
}

// StopAll stops every machine that lives in a folder of dir.
func StopAll(ctx context.Context, m Machine, dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("sandbox instances: %w", err)
	}
	errs := make([]error, len(entries))
	var wg sync.WaitGroup
	for i, e := range entries {
		wg.Go(func() {
			if err := m.Stop(ctx, filepath.Join(dir, e.Name())); err != nil {
				errs[i] = fmt.Errorf("sandbox instance %s still runs: %w", e.Name(), err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
