package deploy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"skysail/internal/failure"
	"skysail/internal/supervise/proc"
)

// Owner is the process that works on a deployment, as its lock file names it.
type Owner struct {
	Process proc.ID   `json:"process"`
	Op      string    `json:"op"`
	Since   time.Time `json:"since"`
	// Job is the folder of its log and events, "" for one without.
	Job string `json:"job,omitempty"`
}

func (d *Deployer) lockPath(name string) string { return filepath.Join(d.home, "locks", name) }

// lockName keeps other processes from working on the deployment of that name.
// The kernel drops the lock when this process ends, however it ends, and no
// process that it starts inherits it.
func (d *Deployer) lockName(name, op string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Join(d.home, "locks"), 0o700); err != nil {
		return nil, fmt.Errorf("lock folder: %w", err)
	}
	f, err := os.OpenFile(d.lockPath(name), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	// ownerGone of another process holds the lock for a moment.
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	for range 5 {
		if !errors.Is(err, unix.EWOULDBLOCK) {
			break
		}
		time.Sleep(10 * time.Millisecond)
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}
	if err != nil {
		defer func() { _ = f.Close() }()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
		}
		return nil, busy(name, f)
	}
	if err := writeOwner(f, op, d.jobDir); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() {
		_ = f.Truncate(0)
		_ = f.Close()
	}, nil
}

func busy(name string, f io.Reader) error {
	who, next := "another skysail process", "Wait until it ends and run again."
	var o Owner
	if err := json.NewDecoder(f).Decode(&o); err == nil {
		who = fmt.Sprintf("process %d (%s, since %s)", o.Process.PID, o.Op, o.Since.Local().Format(time.TimeOnly))
		if o.Job != "" {
			next = fmt.Sprintf("Watch it with `skysail attach %s`, or wait until it ends and run again.", name)
		}
	}
	return failure.New(failure.Busy, fmt.Sprintf("%s works on deployment %q", who, name),
		"Two at once could undo each other's work; nothing was changed.", next)
}

func writeOwner(f *os.File, op, dir string) error {
	self, err := proc.Self()
	if err != nil {
		return err
	}
	b, err := json.Marshal(Owner{Process: self, Op: op, Since: time.Now().UTC(), Job: dir})
	if err != nil {
		return err
	}
	if err := f.Truncate(0); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	if _, err := f.WriteAt(append(b, '\n'), 0); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	return nil
}

// ownerGone says whether nobody works on the deployment of that name now. The
// kernel's own lock tells, not what stands in the file.
func (d *Deployer) ownerGone(name string) bool {
	f, err := os.Open(d.lockPath(name))
	if err != nil {
		return os.IsNotExist(err)
	}
	defer func() { _ = f.Close() }()
	return unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB) == nil
}
