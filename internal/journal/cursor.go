package journal

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ErrCursor says that a text is not a cursor of a journal.
var ErrCursor = errors.New("not a journal cursor")

// position is what a cursor holds: the journal's own ID, the number of the
// entry in it, and its time for when the journal was made anew since.
type position struct {
	id  string
	seq uint64
	at  time.Time
}

func (p position) String() string {
	return "s=" + p.id + ";i=" + strconv.FormatUint(p.seq, 16) + ";t=" + strconv.FormatInt(p.at.UnixMicro(), 16)
}

func parseCursor(s string) (position, error) {
	var p position
	for part := range strings.SplitSeq(s, ";") {
		key, value, _ := strings.Cut(part, "=")
		var err error
		switch key {
		case "s":
			p.id = value
		case "i":
			p.seq, err = strconv.ParseUint(value, 16, 64)
		case "t":
			var micros int64
			micros, err = strconv.ParseInt(value, 16, 64)
			p.at = time.UnixMicro(micros)
		}
		if err != nil {
			return position{}, fmt.Errorf("%w: %q", ErrCursor, s)
		}
	}
	if p.id == "" || p.seq == 0 {
		return position{}, fmt.Errorf("%w: %q", ErrCursor, s)
	}
	return p, nil
}

// linePosition reads the cursor that starts a line of the file without
// decoding the line.
func linePosition(line []byte) (position, bool) {
	const start = `{"__CURSOR":"`
	rest, ok := bytes.CutPrefix(line, []byte(start))
	if !ok {
		return position{}, false
	}
	end := bytes.IndexByte(rest, '"')
	if end < 0 {
		return position{}, false
	}
	p, err := parseCursor(string(rest[:end]))
	return p, err == nil
}

// follows reports whether an entry at p comes after the place c was taken.
func (p position) follows(c position) bool {
	if p.id == c.id {
		return p.seq > c.seq
	}
	return p.at.After(c.at)
}

func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, by its documentation
	return hex.EncodeToString(b[:])
}
