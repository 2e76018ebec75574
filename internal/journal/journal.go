// Package journal keeps a service's log lines in a file: one JSON object a
// line in the form of `journalctl -o json`, bounded in size, safe to write
// from several processes and to kill at any instruction. Every entry has a
// number, so a reader goes on from a cursor across rotation and restart and
// is told when lines are missing.
package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

const (
	// DefaultMax is the size at which a journal rotates when Open is given
	// none; with the old file kept, a journal takes twice that on disk.
	DefaultMax = 8 << 20
	minMax     = 4 << 10
	// maxMessage is where a longer message is cut into several entries.
	maxMessage = 48 << 10
	// maxLine bounds what a reader holds for one line: a message of control
	// characters grows sixfold in JSON.
	maxLine = 8*maxMessage + 4096
)

// Journal is a journal open for writing.
type Journal struct {
	path string
	max  int64

	mu   sync.Mutex
	lock *os.File
	file *os.File
	size int64
	last position
}

// Open opens or makes the journal at path, which rotates at max bytes.
func Open(path string, maxBytes int64) (*Journal, error) {
	if maxBytes <= 0 {
		maxBytes = DefaultMax
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the caller's own path
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	j := &Journal{path: path, max: max(maxBytes, minMax), lock: lock}
	if err := j.locked(func() error { return nil }); err != nil {
		return nil, errors.Join(fmt.Errorf("open journal %s: %w", path, err), j.Close())
	}
	return j, nil
}

// Close lets go of the journal's files.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var err error
	if j.file != nil {
		err = j.file.Close()
		j.file = nil
	}
	if j.lock != nil {
		err = errors.Join(err, j.lock.Close())
		j.lock = nil
	}
	return err
}

// Append writes entries in order. On an error nothing of the entry that
// failed is left in the file; those before it stay.
func (j *Journal) Append(entries ...Entry) error {
	if len(entries) == 0 {
		return nil
	}
	err := j.locked(func() error {
		var buf bytes.Buffer
		for _, e := range entries {
			for _, part := range split(e) {
				if err := j.encode(&buf, part); err != nil {
					return err
				}
			}
		}
		return j.flush(&buf)
	})
	if err != nil {
		return fmt.Errorf("write journal %s: %w", j.path, err)
	}
	return nil
}

// split cuts an entry with a very long message into several.
func split(e Entry) []Entry {
	if len(e.Message) <= maxMessage {
		return []Entry{e}
	}
	var parts []Entry
	for rest := e.Message; rest != ""; {
		n := min(len(rest), maxMessage)
		for back := n; back > n-utf8.UTFMax && n < len(rest); back-- {
			if utf8.RuneStart(rest[back]) {
				n = back
				break
			}
		}
		part := e
		part.Message, rest = rest[:n], rest[n:]
		parts = append(parts, part)
	}
	return parts
}

func (j *Journal) encode(buf *bytes.Buffer, e Entry) error {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	next := position{id: j.last.id, seq: j.last.seq + 1, at: e.Time}
	e.Cursor = next.String()
	line, err := e.MarshalJSON()
	if err != nil {
		return err
	}
	if j.size+int64(buf.Len()+len(line)+1) > j.max && j.size+int64(buf.Len()) > 0 {
		if err := j.flush(buf); err != nil {
			return err
		}
		if err := j.rotate(); err != nil {
			return err
		}
	}
	buf.Write(line)
	buf.WriteByte('\n')
	j.last = next
	return nil
}

func (j *Journal) flush(buf *bytes.Buffer) error {
	if buf.Len() == 0 {
		return nil
	}
	n, err := j.file.Write(buf.Bytes())
	if err != nil {
		// A full disk leaves a part of a line: take it back, or the next
		// line would be glued to it. The numbers are read anew from the file.
		err = errors.Join(err, j.file.Truncate(j.size), j.forget())
		return err
	}
	j.size += int64(n)
	buf.Reset()
	return nil
}

func (j *Journal) rotate() error {
	if err := os.Rename(j.path, oldPath(j.path)); err != nil {
		return err
	}
	if err := j.forget(); err != nil {
		return err
	}
	return j.create()
}

func (j *Journal) create() error {
	f, err := os.OpenFile(j.path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	j.file, j.size = f, 0
	return nil
}

func (j *Journal) forget() error {
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	return err
}

// locked runs do while no other process writes, with the current file open
// and its last number known: another writer may have rotated or appended.
func (j *Journal) locked(do func() error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.lock == nil {
		return fs.ErrClosed
	}
	if err := flock(j.lock, unix.LOCK_EX); err != nil {
		return err
	}
	defer func() { _ = flock(j.lock, unix.LOCK_UN) }()
	if err := j.current(); err != nil {
		return err
	}
	return do()
}

func (j *Journal) current() error {
	onDisk, err := os.Stat(j.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := j.forget(); err != nil {
			return err
		}
		if err := j.create(); err != nil {
			return err
		}
		return j.resume()
	case err != nil:
		return err
	}
	if j.file != nil {
		open, err := j.file.Stat()
		if err != nil {
			return err
		}
		if os.SameFile(open, onDisk) && open.Size() == j.size {
			return nil
		}
		if err := j.forget(); err != nil {
			return err
		}
	}
	if err := j.create(); err != nil {
		return err
	}
	return j.resume()
}

func oldPath(path string) string { return path + ".1" }

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
