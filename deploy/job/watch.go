package job

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"skysail/internal/supervise/proc"
)

// look is the pause between two looks at the events.
const look = 15 * time.Millisecond

// Watcher is told what a job does.
type Watcher struct {
	// Event gets every event in order, from the first; may be nil.
	Event func(data json.RawMessage)
	// Question is asked what the job can not decide. Only the process that
	// started the job is asked; nil answers nothing.
	Question func(ctx context.Context, data json.RawMessage) (answer any, err error)
}

// Watch follows the job to its end and returns its result, or ErrDied. When
// ctx ends it stops watching and the job goes on.
func (j *Job) Watch(ctx context.Context, w Watcher) (json.RawMessage, error) {
	t := &tailer{path: filepath.Join(j.dir, eventsFile)}
	defer t.close()
	for {
		running := j.Running() // before reading: what it wrote last is read then
		lines, err := t.read()
		if err != nil {
			return nil, fmt.Errorf("job: %w", err)
		}
		for _, l := range lines {
			switch l.Kind {
			case kindResult:
				return l.Data, nil
			case kindEvent:
				if w.Event != nil {
					w.Event(l.Data)
				}
			case kindQuestion:
				if err := j.answer(ctx, w, l.Data); err != nil {
					return nil, err
				}
			}
		}
		if !running {
			return nil, fmt.Errorf("%s of %q: %w", j.meta.Op, j.meta.Name, ErrDied)
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(look):
		}
	}
}

func (j *Job) answer(ctx context.Context, w Watcher, question json.RawMessage) error {
	if j.reply == nil || w.Question == nil {
		return nil
	}
	a, err := w.Question(ctx, question)
	if err != nil {
		// Nobody answers any more, and the job ends by that.
		return errors.Join(j.reply.Close(), j.await(err))
	}
	return json.NewEncoder(j.reply).Encode(a)
}

// await waits for a job whose question nobody answers.
func (j *Job) await(cause error) error {
	for j.Running() {
		time.Sleep(look)
	}
	return cause
}

// Interrupt asks the job to stop in order; once more asks nothing new. What
// has ended is no error.
func (j *Job) Interrupt() error {
	err := j.meta.Process.Signal(syscall.SIGINT)
	if errors.Is(err, proc.ErrGone) {
		return nil
	}
	return err
}

// tailer reads whole lines of a growing file.
type tailer struct {
	path string
	file *os.File
	in   *bufio.Reader
	rest []byte
}

func (t *tailer) read() ([]line, error) {
	if t.file == nil {
		f, err := os.Open(t.path)
		if errors.Is(err, os.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		t.file, t.in = f, bufio.NewReader(f)
	}
	var out []line
	for {
		b, err := t.in.ReadBytes('\n')
		t.rest = append(t.rest, b...)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		var l line
		if err := json.Unmarshal(t.rest, &l); err != nil {
			return out, fmt.Errorf("%s: %w", t.path, err)
		}
		t.rest = nil
		out = append(out, l)
	}
}

func (t *tailer) close() {
	if t.file != nil {
		_ = t.file.Close()
	}
}
