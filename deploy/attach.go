package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"skysail/deploy/job"
	"skysail/internal/failure"
)

// Operation is what a supervisor did, or does, on a deployment.
type Operation struct {
	Op        string    `json:"op"` // deploy, destroy, recover, …
	Name      string    `json:"name"`
	StartedAt time.Time `json:"started_at"`
	// Dir holds its log and its events.
	Dir string `json:"dir"`
	// Running is what was found at first: a call that watched it to its end
	// says true.
	Running bool `json:"running"`
	// Value is what the operation returned, as JSON; nil for none.
	Value json.RawMessage `json:"value,omitempty"`
}

// job finds what works on a name, or else what did last. The lock tells: its
// file names the process and the folder, and the kernel whether it is held.
func (d *Deployer) job(ctx context.Context, name string) (j *job.Job, running bool, err error) {
	if row, err := d.store.Get(ctx, name); err == nil {
		name = row.Name // it may be an ID
	}
	unknown := failure.New(failure.Input, fmt.Sprintf("nothing was ever done with a deployment %q here", name), "",
		"`skysail list` shows what there is.")
	if filepath.Base(name) != name {
		return nil, false, unknown
	}
	if o, ok := d.owner(name); ok {
		if o.Job == "" {
			return nil, true, failure.New(failure.Busy, fmt.Sprintf("process %d works on deployment %q (%s)", o.Process.PID, name, o.Op),
				"It is no supervised operation, so it can not be watched.", "Wait until it ends.")
		}
		j, err := job.Open(o.Job)
		if err == nil {
			return j, true, nil
		}
		if !errors.Is(err, os.ErrNotExist) {
			return nil, true, err
		}
	}
	j, err = job.Latest(d.jobsOf(name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, false, unknown
	}
	if err != nil {
		return nil, false, err
	}
	// One that has not got its lock yet runs as well.
	return j, j.Running(), nil
}

// owner is who holds the lock of a name, by the kernel's word.
func (d *Deployer) owner(name string) (Owner, bool) {
	if d.ownerGone(name) {
		return Owner{}, false
	}
	var o Owner
	raw, err := os.ReadFile(d.lockPath(name))
	if err == nil {
		err = json.Unmarshal(raw, &o)
	}
	// A lock that is being taken has no name in it yet.
	return o, err == nil && o.Process.Running()
}

// Attach watches the operation that works on a deployment, from its first
// event on, and returns what it returned: its error as well. When nothing
// works on it, that is told of the last operation, without its events. When ctx ends Attach
// stops watching, with the cause of ctx, and the operation goes on. It may be
// called by any number of processes, at any time.
func (d *Deployer) Attach(ctx context.Context, name string) (Operation, error) {
	j, running, err := d.job(ctx, name)
	if err != nil {
		return Operation{}, err
	}
	return d.attach(ctx, j, running)
}

func (d *Deployer) attach(ctx context.Context, j *job.Job, running bool) (Operation, error) {
	m := j.Meta()
	op := Operation{Op: m.Op, Name: m.Name, StartedAt: m.StartedAt, Dir: j.Dir(), Running: running}
	var err error
	if running {
		op.Value, err = follow[json.RawMessage](ctx, ctx, d, j)
		return op, err
	}
	raw, err := j.Watch(ctx, job.Watcher{}) // what happened then is no news
	op.Value, err = conclude[json.RawMessage](j, raw, err)
	return op, err
}

// Cancel asks the operation that works on a deployment to stop in order, as
// an interrupt of its command does, and waits for its end. It returns the
// operation and how that ended: what was stopped is Interrupted. A clean-up
// that has begun is not stopped. When nothing works on it, Running is false
// and nothing was done. When ctx ends it waits no longer; the operation has
// been asked all the same. Repeating it asks nothing new.
func (d *Deployer) Cancel(ctx context.Context, name string) (Operation, error) {
	j, running, err := d.job(ctx, name)
	if err != nil {
		return Operation{}, err
	}
	if !running {
		m := j.Meta()
		return Operation{Op: m.Op, Name: m.Name, StartedAt: m.StartedAt, Dir: j.Dir()}, nil
	}
	if err := j.Interrupt(); err != nil {
		return Operation{}, failure.Wrap(err, failure.Failed, fmt.Sprintf("stopping the %s of %q", j.Meta().Op, name), "It goes on.", "")
	}
	return d.attach(ctx, j, true)
}
