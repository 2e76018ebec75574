package job

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"skysail/internal/supervise/proc"
)

// Session is a supervisor's side of its job.
type Session struct {
	dir     string
	mu      sync.Mutex
	events  *os.File
	answers chan json.RawMessage // closed when nobody can answer any more
}

// Dir is the job's folder.
func (s *Session) Dir() string { return s.dir }

// Main is the body of a supervisor. It reads its order, hands it to run and
// writes the result that run returns. An interrupt cancels run's context; a
// hang-up does nothing.
func Main(args []string, run func(ctx context.Context, s *Session, op string, request json.RawMessage) (result any)) int {
	if len(args) != 1 {
		fmt.Fprintln(os.Stderr, "a supervisor has one argument, its folder")
		return 2
	}
	proc.Shield(syscall.SIGHUP, syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, args[0], run); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func serve(ctx context.Context, dir string, run func(context.Context, *Session, string, json.RawMessage) any) error {
	in := bufio.NewReader(os.Stdin)
	first, err := in.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("no order came: %w", err)
	}
	var o order
	if err := json.Unmarshal(first, &o); err != nil {
		return fmt.Errorf("the order can not be read: %w", err)
	}
	self, err := proc.Self()
	if err != nil {
		return err
	}
	if err := writeMeta(dir, Meta{Op: o.Op, Name: o.Name, Process: self, StartedAt: time.Now().UTC()}); err != nil {
		return err
	}
	s := &Session{dir: dir, answers: make(chan json.RawMessage, 1)}
	s.events, err = os.OpenFile(filepath.Join(dir, eventsFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600) //nolint:gosec // our own folder
	if err != nil {
		return err
	}
	go s.readAnswers(in)
	result := run(ctx, s, o.Op, o.Request)
	return errors.Join(s.write(kindResult, result), s.events.Close())
}

func (s *Session) readAnswers(in *bufio.Reader) {
	defer close(s.answers)
	for {
		b, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		s.answers <- b
	}
}

// Event writes an event for whoever watches. One that can not be written is
// no reason to stop what runs.
func (s *Session) Event(data any) {
	if err := s.write(kindEvent, data); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// Ask asks the process that started the job, and returns ErrNobody when that
// has ended.
func (s *Session) Ask(ctx context.Context, question any) (json.RawMessage, error) {
	if err := s.write(kindQuestion, question); err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case a, ok := <-s.answers:
		if !ok {
			return nil, ErrNobody
		}
		return a, nil
	}
}

func (s *Session) write(kind string, data any) error {
	raw, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("job: %s: %w", kind, err)
	}
	b, err := json.Marshal(line{Kind: kind, Data: raw})
	if err != nil {
		return fmt.Errorf("job: %s: %w", kind, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err = s.events.Write(append(b, '\n'))
	return err
}
