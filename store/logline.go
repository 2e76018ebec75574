package store

import (
	"bytes"
	"cmp"
	"compress/flate"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// LogLine is a log line that was kept.
type LogLine struct {
	Time time.Time // to the microsecond
	// Instance is set in what is read; a batch has one for all.
	Instance string
	Source   string // journald, or the path of a file
	// Priority is that of syslog, 0 to 7; -1 where it is not known.
	Priority int
	Message  string // as the service wrote it, any bytes
}

// chunkSize bounds a chunk's lines before they are compressed, and so the
// memory that reading one takes.
const chunkSize = 1 << 20

// errChunk is a chunk of log lines that is damaged.
var errChunk = errors.New("kept log lines are damaged")

type logChunk struct {
	first, last int64 // microseconds
	lines       int
	data        []byte
}

// packLines compresses lines into chunks. A line is its time, its priority and
// the lengths of source and message as varints, then those two.
func packLines(lines []LogLine) []logChunk {
	var out []logChunk
	for len(lines) > 0 {
		var c logChunk
		var raw []byte
		for c.lines < len(lines) && (c.lines == 0 || len(raw)+len(lines[c.lines].Message) <= chunkSize) {
			l := lines[c.lines]
			at := l.Time.UnixMicro()
			if c.first = min(c.first, at); c.lines == 0 {
				c.first, c.last = at, at
			}
			c.last = max(c.last, at)
			raw = binary.AppendVarint(raw, at)
			raw = binary.AppendVarint(raw, int64(l.Priority))
			raw = binary.AppendUvarint(raw, uint64(len(l.Source)))
			raw = binary.AppendUvarint(raw, uint64(len(l.Message)))
			raw = append(append(raw, l.Source...), l.Message...)
			c.lines++
		}
		var b bytes.Buffer
		w, _ := flate.NewWriter(&b, flate.BestSpeed) // fails for unknown levels only
		_, _ = w.Write(raw)                          // a buffer takes all
		_ = w.Close()
		c.data = b.Bytes()
		out, lines = append(out, c), lines[c.lines:]
	}
	return out
}

func unpackLines(instance string, data []byte) ([]LogLine, error) {
	raw, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(data)), 4*chunkSize))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errChunk, err)
	}
	var out []LogLine
	r := bytes.NewReader(raw)
	for r.Len() > 0 {
		at, err1 := binary.ReadVarint(r)
		priority, err2 := binary.ReadVarint(r)
		source, err3 := binary.ReadUvarint(r)
		message, err4 := binary.ReadUvarint(r)
		if err := errors.Join(err1, err2, err3, err4); err != nil || source > uint64(len(raw)) || message > uint64(len(raw)) {
			return nil, errChunk
		}
		text := make([]byte, source+message)
		if _, err := io.ReadFull(r, text); err != nil {
			return nil, errChunk
		}
		out = append(out, LogLine{
			Time: time.UnixMicro(at).UTC(), Instance: instance, Source: string(text[:source]), Priority: int(priority), Message: string(text[source:]),
		})
	}
	return out, nil
}

// KeptLogs gives emit the kept log lines of a deployment that are not older
// than since, ordered by time; lines of the same time keep the order in which
// they were taken in. It stops with emit's error. Memory is bounded by the
// chunks whose times overlap.
func (s *Store) KeptLogs(ctx context.Context, deploymentID string, since time.Time, emit func(LogLine) error) error {
	type place struct{ seq, first int64 }
	var places []place
	from := int64(-1 << 62)
	if !since.IsZero() {
		from = since.UnixMicro()
	}
	rows, err := s.db.QueryContext(ctx, `SELECT seq, first_at FROM log_chunks WHERE deployment_id = ? AND last_at >= ? ORDER BY first_at, seq`, deploymentID, from)
	if err != nil {
		return s.writeError(err)
	}
	for rows.Next() {
		var p place
		if err := rows.Scan(&p.seq, &p.first); err != nil {
			return errors.Join(s.writeError(err), rows.Close())
		}
		places = append(places, p)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return s.writeError(err)
	}
	var waiting []LogLine // sorted
	give := func(before int64) error {
		n := 0
		for ; n < len(waiting) && waiting[n].Time.UnixMicro() < before; n++ {
			if !waiting[n].Time.Before(since) {
				if err := emit(waiting[n]); err != nil {
					return err
				}
			}
		}
		waiting = slices.Delete(waiting, 0, n)
		return ctx.Err()
	}
	for _, p := range places {
		if err := give(p.first); err != nil {
			return err
		}
		lines, err := s.logChunk(ctx, p.seq)
		if err != nil {
			return err
		}
		waiting = append(waiting, lines...)
		slices.SortStableFunc(waiting, func(a, b LogLine) int { return cmp.Compare(a.Time.UnixMicro(), b.Time.UnixMicro()) })
	}
	return give(1<<63 - 1)
}

func (s *Store) logChunk(ctx context.Context, seq int64) ([]LogLine, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT instance, data FROM log_chunks WHERE seq = ?`, seq)
	if err != nil {
		return nil, s.writeError(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	var out []LogLine
	for rows.Next() { // none when it was dropped meanwhile
		var instance string
		var data []byte
		if err := rows.Scan(&instance, &data); err != nil {
			return nil, s.writeError(err)
		}
		if out, err = unpackLines(instance, data); err != nil {
			return nil, err
		}
	}
	return out, s.writeError(rows.Err())
}
