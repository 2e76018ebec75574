// Package world keeps what the simulated clouds consist of: servers, SSH
// keys, firewalls, tags and the faults that were ordered. It is the one truth
// of the sandbox: every change is on disk before anybody sees it.
package world

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/renameio/v2"
)

// version is the form of world.json. A daemon reads only its own.
const version = 1

// World holds the current State and changes it one step at a time.
type World struct {
	path string
	now  func() time.Time

	mu      sync.Mutex // one change at a time
	raw     []byte     // what is on disk
	state   atomic.Pointer[State]
	changed chan struct{} // closed at the next change
	hooks   []func()
}

// Open reads the world at path, or makes a new one there with fresh tokens.
// The clock stamps what is created; nil is time.Now.
func Open(path string, clock func() time.Time) (*World, error) {
	if clock == nil {
		clock = time.Now
	}
	w := &World{path: path, now: clock, changed: make(chan struct{})}
	raw, err := os.ReadFile(path) //nolint:gosec // the sandbox's own file
	if errors.Is(err, fs.ErrNotExist) {
		return w, w.create()
	}
	if err != nil {
		return nil, fmt.Errorf("sandbox state: %w", err)
	}
	var st State
	if err := json.Unmarshal(raw, &st); err != nil {
		return nil, fmt.Errorf("sandbox state %s is damaged: %w\nthe simulated clouds cannot be restored; start over with `skysail sandbox down --purge`", path, err)
	}
	if st.Version != version {
		return nil, fmt.Errorf("sandbox state %s has version %d, this skysail reads version %d\nuse the skysail that made it, or start over with `skysail sandbox down --purge`", path, st.Version, version)
	}
	w.raw = raw
	w.state.Store(&st)
	// One that an older skysail made lacks the providers that it did not have.
	return w, w.Update(func(st *State) error { st.fillTokens(); return nil })
}

func (w *World) create() error {
	if err := os.MkdirAll(filepath.Dir(w.path), 0o700); err != nil {
		return fmt.Errorf("sandbox state: %w", err)
	}
	w.state.Store(&State{})
	return w.Update(func(st *State) error {
		*st = State{Version: version, Tokens: map[string]string{}, Seq: firstSeq()}
		st.fillTokens()
		return nil
	})
}

// State returns the current state. It must not be changed.
func (w *World) State() *State { return w.state.Load() }

// Now is the world's clock.
func (w *World) Now() time.Time { return w.now() }

// Changed returns a channel that is closed at the next change.
func (w *World) Changed() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changed
}

// OnChange registers a function that runs after each change, before Update
// returns. It must not call Update. Register before the world is shared.
func (w *World) OnChange(f func()) { w.hooks = append(w.hooks, f) }

// Update changes the state: change works on a copy, which is written to disk
// and then becomes the current state. When change or the disk fails, nothing
// has changed.
func (w *World) Update(change func(*State) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	next, err := w.state.Load().clone()
	if err != nil {
		return err
	}
	if err := change(next); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(next, "", " ")
	if err != nil {
		return fmt.Errorf("sandbox state: %w", err)
	}
	if bytes.Equal(raw, w.raw) {
		return nil
	}
	if err := renameio.WriteFile(w.path, raw, 0o600, renameio.WithStaticPermissions(0o600)); err != nil {
		return fmt.Errorf("sandbox state: %w", err)
	}
	w.raw = raw
	w.state.Store(next)
	for _, f := range w.hooks {
		f()
	}
	close(w.changed)
	w.changed = make(chan struct{})
	return nil
}

func (st *State) clone() (*State, error) {
	raw, err := json.Marshal(st)
	if err != nil {
		return nil, fmt.Errorf("sandbox state: %w", err)
	}
	var next State
	if err := json.Unmarshal(raw, &next); err != nil {
		return nil, fmt.Errorf("sandbox state: %w", err)
	}
	return &next, nil
}
