package runner

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// EventKind says what an Event reports.
type EventKind string

// The kinds, named after the "type" field of Terraform's machine-readable UI
// (https://developer.hashicorp.com/terraform/internals/machine-readable-ui).
const (
	EventPlanned    EventKind = "planned_change"
	EventSummary    EventKind = "change_summary"
	EventStart      EventKind = "apply_start"
	EventProgress   EventKind = "apply_progress"
	EventComplete   EventKind = "apply_complete"
	EventErrored    EventKind = "apply_errored"
	EventDiagnostic EventKind = "diagnostic"
)

// Event is one message of a running Terraform command.
type Event struct {
	Op         string // init, plan, apply or destroy
	Kind       EventKind
	Address    string // resource address, empty for summaries and diagnostics
	Action     string // create, update, delete, replace, read
	Elapsed    time.Duration
	Message    string // Terraform's own sentence
	Diagnostic *Diagnostic
}

// Diagnostic is an error or warning of Terraform or of a provider. The source
// snippet that Terraform attaches is dropped: it can quote a secret.
type Diagnostic struct {
	Severity string `json:"severity"`
	Summary  string `json:"summary"`
	Detail   string `json:"detail,omitempty"`
	Address  string `json:"address,omitempty"`
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
}

// Text is summary and detail in one line for fault tables and people.
func (d Diagnostic) Text() string {
	if d.Detail == "" {
		return d.Summary
	}
	return d.Summary + ": " + d.Detail
}

type message struct {
	Type    EventKind `json:"type"`
	Message string    `json:"@message"`
	Hook    *struct {
		Resource struct {
			Addr string `json:"addr"`
		} `json:"resource"`
		Action  string  `json:"action"`
		Elapsed float64 `json:"elapsed_seconds"`
	} `json:"hook"`
	Change *struct {
		Resource struct {
			Addr string `json:"addr"`
		} `json:"resource"`
		Action string `json:"action"`
	} `json:"change"`
	Diagnostic *struct {
		Severity string `json:"severity"`
		Summary  string `json:"summary"`
		Detail   string `json:"detail"`
		Address  string `json:"address"`
		Range    *struct {
			Filename string `json:"filename"`
			Start    struct {
				Line int `json:"line"`
			} `json:"start"`
		} `json:"range"`
	} `json:"diagnostic"`
}

// decodeEvent reads one line of the stream; ok is false for a line that is
// not a message this package reports.
func decodeEvent(op string, line []byte) (ev Event, ok bool) {
	var m message
	if err := json.Unmarshal(line, &m); err != nil {
		return Event{}, false
	}
	ev = Event{Op: op, Kind: m.Type, Message: m.Message}
	switch {
	case m.Diagnostic != nil:
		d := Diagnostic{
			Severity: m.Diagnostic.Severity,
			Summary:  m.Diagnostic.Summary,
			Detail:   m.Diagnostic.Detail,
			Address:  m.Diagnostic.Address,
		}
		if r := m.Diagnostic.Range; r != nil {
			d.File, d.Line = r.Filename, r.Start.Line
		}
		ev.Diagnostic, ev.Address = &d, d.Address
	case m.Hook != nil:
		ev.Address, ev.Action = m.Hook.Resource.Addr, m.Hook.Action
		ev.Elapsed = time.Duration(m.Hook.Elapsed * float64(time.Second))
	case m.Change != nil:
		ev.Address, ev.Action = m.Change.Resource.Addr, m.Change.Action
	case m.Type != EventSummary:
		return Event{}, false
	}
	return ev, true
}

// stream is the writer Terraform's output goes to. It never returns an error
// and never blocks on the receiver, since either would stop Terraform's own
// writes in the middle of an apply: events queue up without bound, and one
// goroutine hands them on.
type stream struct {
	op     string
	emit   func(Event)
	mu     sync.Mutex
	cond   *sync.Cond
	queue  []Event
	closed bool
	rest   []byte
	diags  []Diagnostic
	broken error // the receiver's panic
	done   chan struct{}
}

func newStream(op string, emit func(Event)) *stream {
	s := &stream{op: op, emit: emit, done: make(chan struct{})}
	s.cond = sync.NewCond(&s.mu)
	go s.deliver()
	return s
}

func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rest = append(s.rest, p...)
	for {
		i := bytes.IndexByte(s.rest, '\n')
		if i < 0 {
			break
		}
		s.take(s.rest[:i])
		s.rest = s.rest[i+1:]
	}
	return len(p), nil
}

func (s *stream) take(line []byte) {
	ev, ok := decodeEvent(s.op, line)
	if !ok {
		return
	}
	if ev.Diagnostic != nil {
		s.diags = append(s.diags, *ev.Diagnostic)
	}
	s.queue = append(s.queue, ev)
	s.cond.Signal()
}

func (s *stream) deliver() {
	defer close(s.done)
	for {
		s.mu.Lock()
		for len(s.queue) == 0 && !s.closed {
			s.cond.Wait()
		}
		if len(s.queue) == 0 {
			s.mu.Unlock()
			return
		}
		batch := s.queue
		s.queue = nil
		s.mu.Unlock()
		s.hand(batch)
	}
}

// hand gives events to the receiver. One that panics gets no more: Terraform
// must reach its end all the same.
func (s *stream) hand(batch []Event) {
	if s.emit == nil || s.broken != nil {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			s.broken = fmt.Errorf("the receiver of terraform's events panicked: %v", p)
		}
	}()
	for _, ev := range batch {
		s.emit(ev)
	}
}

// finish flushes a last line without newline, waits until every event was
// handed on, and returns the diagnostics and what broke the receiver.
func (s *stream) finish() (diags []Diagnostic, broken error) {
	s.mu.Lock()
	if len(s.rest) > 0 {
		s.take(s.rest)
		s.rest = nil
	}
	s.closed = true
	s.cond.Signal()
	diags = s.diags
	s.mu.Unlock()
	<-s.done
	return diags, s.broken
}

// tail is a writer that keeps the end of what was written.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const tailSize = 16 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if n := len(t.buf) - tailSize; n > 0 {
		t.buf = append(t.buf[:0], t.buf[n:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}
