package fleet

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"skysail/sandbox/api"
	"skysail/sandbox/world"
)

const (
	// samplePause is between two looks at what machines use; a look may not
	// take more than a sampleShare-th of the time, or the pause grows.
	samplePause = time.Second
	sampleShare = 100
	// diskPause is between two looks at how much of its disk a machine uses.
	diskPause = time.Minute
)

// Reading is what a machine used at a moment.
type Reading struct {
	api.Usage
	// Boot tells one run of a machine from the next, at which its sums start
	// anew.
	Boot string
}

// usage is what the machines were seen to use. It lives as long as the daemon.
type usage struct {
	mu       sync.Mutex
	machines map[string]*history // by server key
}

// Usage returns what a server's machine was seen to use, oldest first: each
// second of the last two minutes, every ten of the last hour, and the last of
// each UTC day of the last month. Sums go on over a reboot. Those of CPU and
// network begin with the machine's boot, also when the daemon that watches it
// is younger.
func (f *Fleet) Usage(provider, id string) []api.Usage {
	f.usage.mu.Lock()
	defer f.usage.mu.Unlock()
	h := f.usage.machines[(&world.Server{Provider: provider, ID: id}).Key()]
	if h == nil {
		return nil
	}
	return slices.Clone(h.readings)
}

// sample looks at what machines use until ctx ends.
func (f *Fleet) sample(ctx context.Context, m Meter) {
	for ctx.Err() == nil {
		began := time.Now()
		switch err := f.look(m); {
		case errors.Is(err, errors.ErrUnsupported):
			f.opts.Log.Info("this system does not tell what machines use; their metrics stay empty", "err", err)
			return
		case err != nil:
			f.opts.Log.Warn("looking at what machines use", "err", err)
		}
		wait := max(f.opts.Sample, sampleShare*time.Since(began))
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// look notes one reading of each machine that runs.
func (f *Fleet) look(m Meter) error {
	dirs := map[string]string{} // key by folder
	gone := map[string]bool{}
	f.usage.mu.Lock()
	for key := range f.usage.machines {
		gone[key] = true
	}
	f.usage.mu.Unlock()
	for _, s := range f.world.State().Servers {
		delete(gone, s.Key())
		if s.Phase == world.Running {
			dirs[f.Dir(s)] = s.Key()
		}
	}
	readings, err := m.Usage(slices.Sorted(maps.Keys(dirs)))
	f.usage.mu.Lock()
	defer f.usage.mu.Unlock()
	for key := range gone {
		delete(f.usage.machines, key)
	}
	for dir, r := range readings {
		h := f.usage.machines[dirs[dir]]
		if h == nil {
			h = &history{}
			f.usage.machines[dirs[dir]] = h
		}
		if r.At.Sub(h.diskAt) >= diskPause {
			h.disk, h.diskAt = folderSize(dir), r.At
		}
		r.DiskBytes = h.disk
		h.add(r)
	}
	return err
}

// folderSize adds up the files of a folder. What cannot be read, or goes while
// it looks, is not in the sum.
func folderSize(dir string) uint64 {
	var sum uint64
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // see above
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			sum += uint64(info.Size()) //nolint:gosec // sizes of files
		}
		return nil
	})
	return sum
}
