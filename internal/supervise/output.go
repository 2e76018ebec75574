package supervise

import (
	"bytes"
	"fmt"
	"os"
	"sync"
	"time"

	"skysail/internal/journal"
)

const (
	// maxLine is where a line without an end is cut, as journald does.
	maxLine = 48 << 10
	// drainPatience is how long the last output is waited for when something
	// that could not be stopped holds the pipe.
	drainPatience = time.Second
)

// output carries a child's stdout and stderr into the journal.
type output struct {
	s              *supervisor
	stdout, stderr *os.File // the child's ends, closed once it has them
	readers        []*os.File
	copies         sync.WaitGroup
}

func newOutput(s *supervisor) (*output, error) {
	o := &output{s: s}
	for _, end := range []**os.File{&o.stdout, &o.stderr} {
		r, w, err := os.Pipe()
		if err != nil {
			o.abandon()
			return nil, err
		}
		o.readers = append(o.readers, r)
		*end = w
	}
	return o, nil
}

// abandon closes everything when there is no child.
func (o *output) abandon() {
	o.closeChildEnds()
	for _, r := range o.readers {
		_ = r.Close()
	}
}

func (o *output) closeChildEnds() {
	for _, w := range []*os.File{o.stdout, o.stderr} {
		if w != nil {
			_ = w.Close()
		}
	}
}

// copy starts to copy for the child with that pid.
func (o *output) copy(pid int) {
	o.closeChildEnds()
	for _, r := range o.readers {
		o.copies.Go(func() {
			l := lines{journal: o.s.journal, entry: journal.Entry{
				Priority:   journal.PriorityInfo,
				PID:        pid,
				Identifier: o.s.spec.Identifier,
				Unit:       o.s.spec.Unit,
			}}
			l.copy(r)
		})
	}
}

// drain waits for the last output of a child whose processes have all ended.
func (o *output) drain() {
	done := make(chan struct{})
	go func() {
		o.copies.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(drainPatience):
	}
	for _, r := range o.readers {
		_ = r.Close()
	}
	<-done
}

// lines cuts a stream into journal entries.
type lines struct {
	journal *journal.Journal
	entry   journal.Entry // all but the message
	lost    int           // entries that could not be written
}

func (l *lines) copy(r *os.File) {
	buf := make([]byte, 0, 4<<10)
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		rest := l.cut(buf, err != nil)
		buf = buf[:copy(buf, rest)]
		if err != nil {
			return
		}
	}
}

// cut writes the whole lines of b and returns what remains; at the end of the
// stream nothing does.
func (l *lines) cut(b []byte, end bool) []byte {
	var entries []journal.Entry
	for {
		i := bytes.IndexByte(b, '\n')
		switch {
		case i >= 0:
			entries = append(entries, l.line(b[:i]))
			b = b[i+1:]
			continue
		case len(b) >= maxLine || (end && len(b) > 0):
			entries = append(entries, l.line(b))
			b = nil
		}
		l.write(entries)
		return b
	}
}

// line makes an entry of a line. A leading "<N>" is its priority, as systemd
// reads it.
func (l *lines) line(b []byte) journal.Entry {
	e := l.entry
	if len(b) >= 3 && b[0] == '<' && b[1] >= '0' && b[1] <= '7' && b[2] == '>' {
		e.Priority = int(b[1] - '0')
		b = b[3:]
	}
	e.Message = string(bytes.TrimSuffix(b, []byte("\r")))
	return e
}

// write keeps the program going when the journal cannot be written, on a full
// disk: what is lost is counted and said when there is room again.
func (l *lines) write(entries []journal.Entry) {
	if len(entries) == 0 {
		return
	}
	if l.lost > 0 {
		notice := l.entry
		notice.Priority = journal.PriorityWarning
		notice.Message = fmt.Sprintf("%d lines before this one could not be written to the journal", l.lost)
		if l.journal.Append(notice) != nil {
			l.lost += len(entries)
			return
		}
		l.lost = 0
	}
	if err := l.journal.Append(entries...); err != nil {
		fmt.Fprintln(os.Stderr, "skysail: supervisor:", err)
		l.lost += len(entries)
	}
}
