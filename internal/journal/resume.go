package journal

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
)

// resume takes away what a killed writer left unfinished and finds the last
// entry, in the old file when the current one is still empty.
func (j *Journal) resume() error {
	last, end, err := lastEntry(j.file)
	if err != nil {
		return err
	}
	if st, err := j.file.Stat(); err != nil {
		return err
	} else if st.Size() > end {
		if err := j.file.Truncate(end); err != nil {
			return err
		}
	}
	j.size = end
	if last.id == "" {
		if last, err = lastInOld(j.path); err != nil {
			return err
		}
	}
	switch {
	case last.id != "":
		j.last = last
	case j.last.id == "":
		j.last = position{id: newID()}
	}
	return nil
}

func lastInOld(path string) (position, error) {
	f, err := os.Open(oldPath(path))
	if errors.Is(err, fs.ErrNotExist) {
		return position{}, nil
	}
	if err != nil {
		return position{}, err
	}
	defer func() { _ = f.Close() }()
	last, _, err := lastEntry(f)
	return last, err
}

// lastEntry returns the position of the last whole entry, empty when there is
// none, and where the last whole line ends.
func lastEntry(f *os.File) (position, int64, error) {
	st, err := f.Stat()
	if err != nil {
		return position{}, 0, err
	}
	end := int64(-1)
	for chunk := int64(64 << 10); ; chunk *= 4 {
		start := max(st.Size()-chunk, 0)
		buf := make([]byte, st.Size()-start)
		if _, err := f.ReadAt(buf, start); err != nil && !errors.Is(err, io.EOF) {
			return position{}, 0, err
		}
		if i := bytes.LastIndexByte(buf, '\n'); i >= 0 {
			if end < 0 {
				end = start + int64(i) + 1
			}
			buf = buf[:i]
			for len(buf) > 0 {
				i := bytes.LastIndexByte(buf, '\n')
				if i < 0 && start > 0 {
					break // the line may begin before this chunk
				}
				if p, ok := linePosition(buf[i+1:]); ok {
					return p, end, nil
				}
				buf = buf[:max(i, 0)]
			}
		}
		if start == 0 {
			return position{}, max(end, 0), nil
		}
	}
}
