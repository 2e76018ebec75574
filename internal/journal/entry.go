package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// Priorities of an entry, as syslog and journald number them.
const (
	PriorityError   = 3
	PriorityWarning = 4
	PriorityNotice  = 5
	PriorityInfo    = 6
)

// Entry is one line of a journal. Its JSON form is the one of
// `journalctl -o json`, so one reader serves local services, simulated
// instances and real machines.
type Entry struct {
	// Cursor names the entry's place; Append sets it.
	Cursor string
	// Time has microseconds; Append sets it when it is zero.
	Time     time.Time
	Priority int
	PID      int
	// Identifier is the name of the program that wrote the line.
	Identifier string
	// Unit is the systemd unit that the line belongs to, if any.
	Unit    string
	Message string
}

// wire has the field order of the file: the cursor stands first, so that a
// reader can skip lines by it without decoding them.
type wire struct {
	Cursor     string  `json:"__CURSOR"`
	Realtime   string  `json:"__REALTIME_TIMESTAMP"`
	Priority   string  `json:"PRIORITY"`
	PID        string  `json:"_PID,omitempty"`
	Identifier string  `json:"SYSLOG_IDENTIFIER,omitempty"`
	Unit       string  `json:"_SYSTEMD_UNIT,omitempty"`
	Message    message `json:"MESSAGE"`
}

// message is a string, or an array of byte values when it is not valid
// UTF-8, as journalctl prints it.
type message string

func (m message) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(m)) {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(string(m)); err != nil {
			return nil, err
		}
		return bytes.TrimRight(b.Bytes(), "\n"), nil
	}
	out := make([]byte, 0, 4*len(m)+2)
	out = append(out, '[')
	for i := range len(m) {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendUint(out, uint64(m[i]), 10)
	}
	return append(out, ']'), nil
}

func (m *message) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '[' {
		var values []int
		if err := json.Unmarshal(b, &values); err != nil {
			return err
		}
		raw := make([]byte, len(values))
		for i, v := range values {
			if v < 0 || v > 255 {
				return fmt.Errorf("byte value %d is out of range", v)
			}
			raw[i] = byte(v)
		}
		*m = message(raw)
		return nil
	}
	// journalctl prints null for a field that is too large to show.
	var s *string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	if s != nil {
		*m = message(*s)
	}
	return nil
}

// MarshalJSON writes the form of `journalctl -o json`.
func (e Entry) MarshalJSON() ([]byte, error) {
	w := wire{
		Cursor:     e.Cursor,
		Realtime:   strconv.FormatInt(e.Time.UnixMicro(), 10),
		Priority:   strconv.Itoa(e.Priority),
		Identifier: e.Identifier,
		Unit:       e.Unit,
		Message:    message(e.Message),
	}
	if e.PID > 0 {
		w.PID = strconv.Itoa(e.PID)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(w); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// UnmarshalJSON reads the form of `journalctl -o json`, a real one's too:
// fields that it does not know are passed over.
func (e *Entry) UnmarshalJSON(b []byte) error {
	var w wire
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	if w.Cursor == "" || w.Realtime == "" {
		return errors.New("not a journal entry: it has no __CURSOR or no __REALTIME_TIMESTAMP")
	}
	micros, err := strconv.ParseInt(w.Realtime, 10, 64)
	if err != nil {
		return fmt.Errorf("__REALTIME_TIMESTAMP: %w", err)
	}
	*e = Entry{
		Cursor:     w.Cursor,
		Time:       time.UnixMicro(micros),
		Priority:   PriorityInfo,
		Identifier: w.Identifier,
		Unit:       w.Unit,
		Message:    string(w.Message),
	}
	if w.Priority != "" {
		if e.Priority, err = strconv.Atoi(w.Priority); err != nil {
			return fmt.Errorf("PRIORITY: %w", err)
		}
	}
	if w.PID != "" {
		if e.PID, err = strconv.Atoi(w.PID); err != nil {
			return fmt.Errorf("_PID: %w", err)
		}
	}
	return nil
}
