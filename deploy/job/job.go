// Package job runs an operation in a process of its own, its supervisor, which
// outlives the command that asked for it: it has its own session, and a folder
// with its log and its events. The command only watches, so that a closed
// terminal, a killed command or a lost connection does not touch Terraform.
//
// What is asked, credentials and secrets among it, goes to the supervisor
// through a pipe: it is in no file, no argument and no environment.
package job

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"

	"skysail/internal/supervise/proc"
)

// Names inside a job's folder.
const (
	metaFile   = "job.json"
	eventsFile = "events.jsonl"
	logFile    = "log"
)

// ErrDied is returned when a supervisor ended without a result: it was
// killed, or the machine stopped.
var ErrDied = errors.New("the process that worked on it ended without a result")

// ErrNobody is returned to a supervisor that asks something when the command
// that started it is gone.
var ErrNobody = errors.New("the command that could answer has ended")

// Meta says what a job is.
type Meta struct {
	Op        string    `json:"op"`
	Name      string    `json:"name"` // of the deployment
	Process   proc.ID   `json:"process"`
	StartedAt time.Time `json:"started_at"`
}

// order is the first line that a supervisor is sent.
type order struct {
	Op      string          `json:"op"`
	Name    string          `json:"name"`
	Request json.RawMessage `json:"request"`
}

// Kinds of lines in the file of events.
const (
	kindEvent    = "event"
	kindQuestion = "question"
	kindResult   = "result"
)

// line is one line of the file of events.
type line struct {
	Kind string          `json:"kind"`
	Data json.RawMessage `json:"data"`
}

// Job is a handle on a job, running or ended.
type Job struct {
	dir   string
	meta  Meta
	reply *os.File      // answers go here; nil for one that this process did not start
	ended chan struct{} // closed when a child of this process has ended; nil for another's
}

// Meta returns what the job is.
func (j *Job) Meta() Meta { return j.meta }

// Dir is the job's folder.
func (j *Job) Dir() string { return j.dir }

// Open returns a handle on the job in a folder.
func Open(dir string) (*Job, error) {
	b, err := os.ReadFile(filepath.Join(dir, metaFile)) //nolint:gosec // our own folder
	if err != nil {
		return nil, fmt.Errorf("job: %w", err)
	}
	j := &Job{dir: dir}
	if err := json.Unmarshal(b, &j.meta); err != nil {
		return nil, fmt.Errorf("job %s: %w", dir, err)
	}
	return j, nil
}

// Running says whether the supervisor runs: that very process, not another
// one that has its number now.
func (j *Job) Running() bool {
	if j.ended != nil {
		select {
		case <-j.ended:
			return false
		default:
			return true
		}
	}
	return j.meta.Process.Running()
}

func writeMeta(dir string, m Meta) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(dir, metaFile), append(b, '\n'), 0o600)
}
