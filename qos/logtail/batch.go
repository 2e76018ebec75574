package logtail

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"
	"time"

	"skysail/qos/journald"
	"skysail/qos/logline"
	"skysail/qos/logrule"
	"skysail/qos/tail"
	"skysail/store"
)

// SourceJournal is the source of lines of the journal; those of files have the
// file's path.
const SourceJournal = "journald"

// batch is what one answer brings.
type batch struct {
	target Target
	state  *state
	now    time.Time
	skew   time.Duration
	totals *logrule.Totals
	lines  []store.LogLine
	res    Result
}

// add takes a line. at is by the instance's clock, or zero.
func (b *batch) add(source string, at time.Time, priority int, message string, size int64) {
	if at.IsZero() {
		at = b.now
	} else {
		at = at.Add(-b.skew)
	}
	if size > int64(len(message)) {
		message += fmt.Sprintf(" […cut by skysail: the line has %d bytes]", size)
		b.totals.Count(logrule.LinesCut, 1, b.now, "log", source)
	}
	b.lines = append(b.lines, store.LogLine{Time: at, Source: source, Priority: priority, Message: message})
	b.totals.Count(logrule.Lines, 1, b.now, "log", source)
	b.totals.Line(message, at)
}

// journal takes what journalctl printed.
func (b *batch) journal(out tail.Output) {
	j := &b.state.Journal
	if said := string(out.Sections["trouble"]); strings.Contains(said, "insufficient permissions") || strings.Contains(said, "not seeing messages from other users") {
		b.res.Notes = append(b.res.Notes, "the login may not read the journal: add it to the group systemd-journal")
	} else if j.Failed && said != "" {
		line, _, _ := strings.Cut(said, "\n")
		b.res.Notes = append(b.res.Notes, "journalctl says: "+line)
		if strings.Contains(said, "cursor") {
			// The journal that it was of is gone. What is there now is new.
			*j = journalState{}
			b.res.More = true
			return
		}
	}
	if text, asked := out.Sections["skip"]; asked {
		if e, err := journald.Parse(bytes.TrimSpace(text)); err == nil {
			b.add(SourceJournal, e.Time, e.Priority, "skysail: a journal entry is left out here: it is larger than is read at once", 0)
			j.Cursor = e.Cursor
		}
		j.Skip, b.res.More = false, true
		return
	}
	text, asked := out.Sections["journal"]
	if !asked {
		return
	}
	j.Failed = false
	ended, some := false, false
	for len(text) > 0 {
		line, rest, whole := bytes.Cut(text, []byte("\n"))
		if text = rest; !whole {
			break
		}
		if status, ok := bytes.CutPrefix(line, []byte("@exit ")); ok {
			ended, j.Failed = true, string(status) != "0"
			break
		}
		if !bytes.HasPrefix(line, []byte("{")) {
			continue // "-- No entries --" and the like
		}
		e, err := journald.Parse(line)
		if err != nil || e.Cursor == j.Cursor {
			continue
		}
		b.entry(SourceJournal, e)
		some = true
	}
	if !ended {
		b.res.More = true
		j.Skip = !some
	}
}

// entry takes one entry of the journal.
func (b *batch) entry(source string, e journald.Entry) {
	message := e.Message[:min(len(e.Message), tail.MaxLine)]
	b.add(source, e.Time, e.Priority, message, int64(len(e.Message)))
	if e.Cursor != "" { // what stands for entries that are missing has none
		b.state.Journal.Cursor = e.Cursor
	}
}

// entries takes what a log without a journal has.
func (b *batch) entries(all []Entry) {
	for _, e := range all {
		b.entry(cmp.Or(e.Source, SourceJournal), e.Entry)
	}
}

// files takes what the scripts said of each file, in the order of the calls.
func (b *batch) files(out tail.Output, limit int) error {
	files := b.target.files()
	if len(out.Families) != len(files) {
		return fmt.Errorf("%w: it tells of %d files and was asked for %d", tail.ErrOutput, len(out.Families), len(files))
	}
	for i, f := range files {
		fs := b.state.file(f.Path)
		next, res := fs.Tail.Step(f.Path, limit, out.Families[i])
		fs.Tail = next
		b.res.More = b.res.More || res.More
		b.res.Notes = append(b.res.Notes, res.Notes...)
		if res.Lost > 0 {
			b.totals.Count(logrule.LostBytes, float64(res.Lost), b.now, "log", f.Path)
		}
		for _, l := range res.Lines {
			b.record(f.Path, f.Format, fs, l)
		}
	}
	return nil
}

// record takes one line of a file: a whole line, or a piece of one.
func (b *batch) record(path, format string, fs *fileState, l tail.Line) {
	r := logline.ParseRecord(format, string(l.Text))
	size := int64(len(r.Message))
	if l.Cut() {
		size = l.Size
	}
	if p, goesOn := fs.Parts[r.Stream]; goesOn {
		delete(fs.Parts, r.Stream)
		size += p.Size
		r.Message = string(p.Text) + r.Message
	}
	r.Message = r.Message[:min(len(r.Message), tail.MaxLine)]
	if r.Part {
		if fs.Parts == nil {
			fs.Parts = map[string]part{}
		}
		fs.Parts[r.Stream] = part{Text: []byte(r.Message), Size: size}
		return
	}
	b.add(path, r.Time, logline.Level(r.Message), r.Message, size)
}
