package cli

import (
	"encoding/json"
	"io"
	"sync"

	"skysail/deploy"
	"skysail/internal/failure"
)

// eventStream is `-o jsonl`: one JSON object a line, events as they come, and
// at the end the object that `-o json` prints. docs/events.md describes it.
type eventStream struct {
	mu     sync.Mutex
	enc    *json.Encoder
	result map[string]any
}

// eventLine is an event on the stream.
type eventLine struct {
	Version int `json:"version"`
	deploy.Event
}

func newEventStream(w io.Writer) *eventStream {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return &eventStream{enc: enc}
}

func (s *eventStream) event(ev deploy.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.enc.Encode(eventLine{Version: 1, Event: ev}) // a reader that is gone does not stop the work
}

// end writes the last line and returns the exit status. Without a stream it
// only does the latter.
func (s *eventStream) end(status int, f *failure.Error) int {
	if s == nil {
		return status
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.result == nil {
		s.result = map[string]any{"version": 1}
	}
	s.result["type"], s.result["exit_status"] = "result", status
	if f != nil {
		s.result["error"] = errorJSON{Code: f.Code, Cause: f.Cause, Meaning: f.Meaning, Next: f.Next}
	}
	if err := s.enc.Encode(s.result); err != nil && status == 0 {
		return failure.Failed.ExitStatus() // whoever waits for the result has not got it
	}
	return status
}
