package qos

import "bytes"

// lineWriter cuts a stream into lines. What follows the last line feed is not
// a line: it was torn off by a cut.
type lineWriter struct {
	take func(line []byte, whole bool) error
	part []byte
	over bool
}

// maxLine bounds what is held for one line.
const maxLine = 4 << 20

// Write takes the next part of the stream.
func (w *lineWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		line, after, found := bytes.Cut(rest, []byte{'\n'})
		if len(w.part)+len(line) > maxLine {
			w.over, w.part = true, nil
		}
		if !w.over {
			w.part = append(w.part, line...)
		}
		if rest = after; !found {
			break
		}
		whole := w.part
		w.part = w.part[:0]
		over := w.over
		w.over = false
		if err := w.take(whole, !over); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}
