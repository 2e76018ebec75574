package supervise

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"
)

// The files in a supervisor's folder.
const (
	specFile   = "spec.json"
	statusFile = "status.json"
	logFile    = "supervisor.log" // the supervisor's own stderr: empty unless it crashed
	callLock   = "call.lock"      // held by Start and Stop
	aliveLock  = "supervisor.lock"
)

// record is what spec.json holds: the spec and the token that proves which
// processes came of it.
type record struct {
	Spec  Spec   `json:"spec"`
	Token string `json:"token"`
}

func readRecord(dir string) (record, error) {
	var r record
	err := readJSON(filepath.Join(dir, specFile), &r)
	return r, err
}

func (r record) same(s Spec) bool {
	a, errA := json.Marshal(r.Spec)
	b, errB := json.Marshal(s)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

func readStatus(dir string) (Status, error) {
	var s Status
	err := readJSON(filepath.Join(dir, statusFile), &s)
	return s, err
}

func writeStatus(dir string, s Status) error {
	return writeJSON(filepath.Join(dir, statusFile), s)
}

func readJSON(path string, to any) error {
	b, err := os.ReadFile(path) //nolint:gosec // the caller's own folder
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, to); err != nil {
		return fmt.Errorf("%s is damaged: %w", path, err)
	}
	return nil
}

func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return renameio.WriteFile(path, append(b, '\n'), 0o600)
}

// lockCalls waits for its turn among the Starts and Stops of a folder.
func lockCalls(ctx context.Context, dir string) (unlock func(), err error) {
	l := flock.New(filepath.Join(dir, callLock), flock.SetPermissions(0o600))
	if ok, err := l.TryLockContext(ctx, 20*time.Millisecond); err != nil || !ok {
		return nil, fmt.Errorf("wait for another start or stop of %s: %w", dir, err)
	}
	return func() { _ = l.Close() }, nil
}

// Read returns the status of the program that was started with dir, or an
// error that is fs.ErrNotExist when none was. A supervisor that is gone
// without having said so shows as StateFailed.
func Read(dir string) (Status, error) {
	s, err := readStatus(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return Status{}, fmt.Errorf("nothing was started in %s: %w", dir, err)
	}
	if err != nil {
		return Status{}, err
	}
	if s.PID != 0 && !s.program().Running() {
		s.PID, s.PIDStart = 0, ""
	}
	alive := s.supervisor().Running()
	if !alive {
		reap(s.supervisor())
	}
	if s.Supervised() && !alive {
		s.State = StateFailed
		s.Detail = "the supervisor was killed or this machine was started anew; start it again"
		if s.PID != 0 {
			s.Detail = "the supervisor was killed, the program still runs without it; stop it and start it again"
		}
	}
	return s, nil
}
