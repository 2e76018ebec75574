package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// pollInterval is how often Follow looks for new lines. Polling works on
// every file system and costs one stat a turn.
const pollInterval = 100 * time.Millisecond

// Follow gives fn the entries that match, first those that are there, then
// each new one as it is written, over rotations and restarts of the writer,
// until ctx ends or fn returns an error, which it returns. A journal that does
// not exist yet is waited for.
func Follow(ctx context.Context, path string, q Query, fn func(Entry) error) error {
	r, err := newReader(path, q)
	if err != nil {
		return err
	}
	defer r.close()
	give := func(e Entry) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return fn(e)
	}
	// First would stop the reader in the middle of the files.
	r.query.First = 0
	if n := q.First; n > 0 {
		all := give
		given := 0
		give = func(e Entry) error {
			if given++; given > n {
				return nil
			}
			return all(e)
		}
	}
	if err := r.backlog(give); err != nil {
		return err
	}
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if err := r.advance(fn); err != nil {
			return err
		}
	}
}

// advance gives fn what was written since. The file that it stands in is
// still open after a rotation, so its last lines are read before the next
// file is.
func (r *reader) advance(fn func(Entry) error) error {
	if r.file == nil {
		return r.next(fn)
	}
	rotated, err := r.rotated()
	if err != nil {
		return err
	}
	if err := r.drain(fn); err != nil {
		return err
	}
	if !rotated {
		return nil
	}
	return r.next(fn)
}

// rotated reports whether the file it stands in is no longer the current one.
// It is asked before the drain: nothing is written to a file after it was
// rotated, so the drain that follows is complete.
func (r *reader) rotated() (bool, error) {
	onDisk, err := os.Stat(r.path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil // between the two steps of a rotation
	}
	if err != nil {
		return false, fmt.Errorf("follow journal: %w", err)
	}
	mine, err := r.file.Stat()
	if err != nil {
		return false, fmt.Errorf("follow journal: %w", err)
	}
	if mine.Size() < r.off {
		// Cut by something that is not a Journal: what is new starts anew.
		if err := r.seek(0); err != nil {
			return false, err
		}
	}
	return !os.SameFile(mine, onDisk), nil
}

// next reads the files that are there now, passing over what was seen.
func (r *reader) next(fn func(Entry) error) error {
	old, current, err := r.open()
	if err != nil {
		return err
	}
	for _, f := range []*os.File{old, current} {
		if f == nil {
			continue
		}
		if err != nil {
			_ = f.Close()
			continue
		}
		r.enter(f)
		err = r.drain(fn)
	}
	return err
}
