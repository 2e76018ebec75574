package logtail

import (
	"encoding/json"
	"fmt"

	"skysail/qos/tail"
)

// state is how far the logs of one instance were read, as the store keeps it.
type state struct {
	Journal journalState          `json:"journal"`
	Files   map[string]*fileState `json:"files,omitempty"`
}

type journalState struct {
	Cursor string `json:"cursor,omitempty"`
	// Skip is set when the next entry is larger than is read at once.
	Skip bool `json:"skip,omitempty"`
	// Failed is set when journalctl ended with an error.
	Failed bool `json:"failed,omitempty"`
}

type fileState struct {
	Tail *tail.State `json:"tail"`
	// Parts are beginnings of lines that docker or the kubelet cut into
	// records, by stream.
	Parts map[string]part `json:"parts,omitempty"`
}

type part struct {
	Text []byte `json:"text"`
	Size int64  `json:"size"`
}

func load(b []byte) (*state, error) {
	s := &state{}
	if len(b) > 0 {
		if err := json.Unmarshal(b, s); err != nil {
			return nil, fmt.Errorf("the kept place in the logs is damaged: %w", err)
		}
	}
	return s, nil
}

func (s *state) file(path string) *fileState {
	if s.Files == nil {
		s.Files = map[string]*fileState{}
	}
	f := s.Files[path]
	if f == nil {
		f = &fileState{}
		s.Files[path] = f
	}
	if f.Tail == nil {
		f.Tail = &tail.State{}
	}
	return f
}
