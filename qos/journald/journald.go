// Package journald asks systemd's journal on an instance: the command line to
// run there, and the reading of what it prints.
package journald

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"skysail/qos/internal/shell"
)

// Query chooses entries of one unit.
type Query struct {
	Unit string
	// Last keeps the newest entries; 0 keeps all. It is not used together with
	// Since or AfterCursor: what journalctl makes of both differs from version
	// to version.
	Last int
	// Since leaves out what is older, to the second. AfterCursor goes before
	// it: journalctl takes only one of them.
	Since       time.Time
	AfterCursor string
	// Follow goes on with new entries as they are written.
	Follow bool
}

// Args returns the command and its arguments.
func Args(q Query) []string {
	// --all: without it a line longer than 4096 bytes comes as null.
	args := []string{"journalctl", "-u", q.Unit, "-o", "json", "--no-pager", "--all"}
	switch {
	case q.AfterCursor != "":
		args = append(args, "--after-cursor="+q.AfterCursor)
	case !q.Since.IsZero():
		// Seconds since the epoch mean the same in every time zone.
		args = append(args, "--since=@"+strconv.FormatInt(q.Since.Unix(), 10))
	case q.Last > 0:
		args = append(args, "-n", strconv.Itoa(q.Last))
	}
	if q.Follow {
		// -f alone would start with the ten newest only.
		args = append(args, "-f", "--no-tail")
	}
	return args
}

// Command returns the command line, quoted for a shell.
func Command(q Query) string { return "exec " + shell.Quote(Args(q)...) }

// Entry is one entry of the journal.
type Entry struct {
	Time    time.Time
	Message string
	// Priority is that of syslog, 0 to 7; -1 when the entry has none.
	Priority int
	Cursor   string
}

// ErrEntry is a line that is no entry.
var ErrEntry = errors.New("not a journal entry")

// Parse reads one line of `journalctl -o json`.
func Parse(line []byte) (Entry, error) {
	var f struct {
		Cursor   field `json:"__CURSOR"`
		Time     field `json:"__REALTIME_TIMESTAMP"`
		Priority field `json:"PRIORITY"`
		Message  field `json:"MESSAGE"`
	}
	if err := json.Unmarshal(line, &f); err != nil {
		return Entry{}, fmt.Errorf("%w: %w", ErrEntry, err)
	}
	micros, err := strconv.ParseInt(string(f.Time), 10, 64)
	if err != nil || f.Cursor == "" {
		return Entry{}, fmt.Errorf("%w: it has no cursor or no time", ErrEntry)
	}
	e := Entry{Time: time.UnixMicro(micros), Message: string(f.Message), Priority: -1, Cursor: string(f.Cursor)}
	if p, err := strconv.Atoi(string(f.Priority)); err == nil && p >= 0 && p <= 7 {
		e.Priority = p
	}
	return e, nil
}

// field is the value of a field: a string; an array of byte values when it is
// not valid UTF-8; null when journalctl did not want to print it; and an array
// of such values when the entry has the field more than once.
type field string

// UnmarshalJSON takes all of these forms.
func (f *field) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	if len(b) == 0 || b[0] != '[' {
		var s *string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		if s != nil {
			*f = field(*s)
		}
		return nil
	}
	var numbers []uint8AsNumber
	if err := json.Unmarshal(b, &numbers); err == nil {
		raw := make([]byte, len(numbers))
		for i, n := range numbers {
			raw[i] = byte(n)
		}
		*f = field(raw)
		return nil
	}
	var several []field
	if err := json.Unmarshal(b, &several); err != nil {
		return err
	}
	texts := make([]string, len(several))
	for i, s := range several {
		texts[i] = string(s)
	}
	*f = field(strings.Join(texts, "\n"))
	return nil
}

// uint8AsNumber keeps encoding/json from reading a []byte as base64.
type uint8AsNumber uint8
