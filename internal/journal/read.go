package journal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// Query chooses entries.
type Query struct {
	// AfterCursor leaves out what is not after this place.
	AfterCursor string
	// Since leaves out what is older.
	Since time.Time
	// Unit leaves out what belongs to another unit; empty means all.
	Unit string
	// First and Last, when positive, keep that many of the oldest or of the
	// newest entries of those that remain. For Follow they bound what is
	// there at its start.
	First, Last int
}

// Read returns the entries that match, oldest first. A journal that does not
// exist yet has none. When entries between AfterCursor and the oldest one left
// were rotated away, or a line cannot be read, an entry in their place says
// how many are missing.
func Read(path string, q Query) ([]Entry, error) {
	r, err := newReader(path, q)
	if err != nil {
		return nil, err
	}
	defer r.close()
	var out []Entry
	err = r.backlog(func(e Entry) error {
		out = append(out, e)
		return nil
	})
	return out, err
}

// errEnough ends a scan that has what the query asked for.
var errEnough = errors.New("enough entries")

// reader walks a journal forward, over rotations.
type reader struct {
	path  string
	query Query
	after position // of AfterCursor
	last  position // of the last entry seen, matching or not
	file  *os.File // the file it stands in, nil before there is one
	buf   *bufio.Reader
	off   int64  // where the last whole line ended
	part  []byte // of a line longer than the buffer
}

func newReader(path string, q Query) (*reader, error) {
	r := &reader{path: path, query: q}
	if q.AfterCursor != "" {
		p, err := parseCursor(q.AfterCursor)
		if err != nil {
			return nil, err
		}
		r.after, r.last = p, p
	}
	return r, nil
}

func (r *reader) close() {
	if r.file != nil {
		_ = r.file.Close()
		r.file = nil
	}
}

// enter goes on with another file.
func (r *reader) enter(f *os.File) {
	r.close()
	r.file = f
	r.off = 0
	if r.buf == nil {
		r.buf = bufio.NewReaderSize(f, 64<<10)
	} else {
		r.buf.Reset(f)
	}
}

// open returns the old and the current file, nil for one that is missing. The
// current one is opened first: a rotation in between then shows the same file
// twice, which the numbers sort out, and never hides one.
func (r *reader) open() (old, current *os.File, err error) {
	if current, err = openIfThere(r.path); err != nil {
		return nil, nil, err
	}
	if old, err = openIfThere(oldPath(r.path)); err != nil {
		if current != nil {
			_ = current.Close()
		}
		return nil, nil, err
	}
	return old, current, nil
}

func openIfThere(path string) (*os.File, error) {
	f, err := os.Open(path) //nolint:gosec // the caller's own journal
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	return f, nil
}

// backlog gives fn what is there now and leaves the reader at the end of it.
func (r *reader) backlog(fn func(Entry) error) error {
	old, current, err := r.open()
	if err != nil {
		return err
	}
	var ring []Entry
	count := 0
	take := func(e Entry) error {
		if n := r.query.Last; n > 0 {
			if len(ring) < n {
				ring = append(ring, e)
			} else {
				ring[count%n] = e
			}
			count++
			return nil
		}
		if err := fn(e); err != nil {
			return err
		}
		if count++; r.query.First > 0 && count >= r.query.First {
			return errEnough
		}
		return nil
	}
	for _, f := range []*os.File{old, current} {
		if f == nil || err != nil {
			continue
		}
		r.enter(f)
		if f == old {
			old = nil
		} else {
			current = nil
		}
		err = r.drain(take)
	}
	for _, f := range []*os.File{old, current} {
		if f != nil {
			_ = f.Close()
		}
	}
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	if count > len(ring) && len(ring) > 0 {
		ring = append(ring[count%len(ring):], ring[:count%len(ring)]...)
	}
	for _, e := range ring {
		if err := fn(e); err != nil {
			return err
		}
	}
	return nil
}

// drain reads whole lines up to the end of the current file.
func (r *reader) drain(fn func(Entry) error) error {
	r.part = r.part[:0]
	size := 0 // of the line so far, also of what is not kept of it
	for {
		chunk, err := r.buf.ReadSlice('\n')
		size += len(chunk)
		switch {
		case err == nil:
			line := chunk
			if len(r.part) > 0 {
				r.part = append(r.part, chunk...)
				line = r.part
			}
			r.off += int64(size)
			if size <= maxLine {
				if err := r.line(line, fn); err != nil {
					return err
				}
			}
			r.part, size = r.part[:0], 0
		case errors.Is(err, bufio.ErrBufferFull):
			if size <= maxLine {
				r.part = append(r.part, chunk...)
			}
		case errors.Is(err, io.EOF):
			if size == 0 {
				return nil
			}
			// The line is not whole: its writer is in the middle of it, or
			// was killed there and the next one will write in its place.
			return r.seek(r.off)
		default:
			return fmt.Errorf("read journal: %w", err)
		}
	}
}

func (r *reader) seek(off int64) error {
	if _, err := r.file.Seek(off, io.SeekStart); err != nil {
		return fmt.Errorf("read journal: %w", err)
	}
	r.off = off
	r.buf.Reset(r.file)
	return nil
}

// line gives fn the entry of one line if it is new and matches. A line that
// is no entry was torn by a crash; the numbers tell what it held.
func (r *reader) line(line []byte, fn func(Entry) error) error {
	p, ok := linePosition(line)
	if !ok || (r.last.id != "" && !p.follows(r.last)) {
		return nil
	}
	var e Entry
	if err := json.Unmarshal(bytes.TrimSpace(line), &e); err != nil {
		return nil //nolint:nilerr // a damaged line is told of by the gap in the numbers
	}
	lost := uint64(0)
	if r.last.id == p.id && p.seq > r.last.seq+1 {
		lost = p.seq - r.last.seq - 1
	}
	r.last = p
	if lost > 0 {
		if err := fn(r.gap(p, e, lost)); err != nil {
			return err
		}
	}
	if !r.matches(e) {
		return nil
	}
	return fn(e)
}

func (r *reader) matches(e Entry) bool {
	if r.query.Unit != "" && e.Unit != r.query.Unit {
		return false
	}
	return r.query.Since.IsZero() || !e.Time.Before(r.query.Since.Truncate(time.Microsecond))
}

// gap stands for entries that are gone. Its cursor is the place just before
// the entry that follows it.
func (r *reader) gap(p position, next Entry, lost uint64) Entry {
	before := position{id: p.id, seq: p.seq - 1, at: p.at}
	return Entry{
		Cursor:     before.String(),
		Time:       next.Time,
		Priority:   PriorityWarning,
		Identifier: "skysail",
		Unit:       r.query.Unit,
		Message:    fmt.Sprintf("%d earlier journal lines are missing: they were rotated away before they were read, or damaged", lost),
	}
}
