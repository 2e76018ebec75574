package tail

import "bytes"

// MaxLine is how many bytes of a line are kept; what is longer is cut.
const MaxLine = 64 << 10

// quietPolls is how often the last line of a rotated file is looked at again
// before it is taken as a line without a line feed.
const quietPolls = 5

// Line is one line of a file, without its line feed.
type Line struct {
	Text []byte
	// Size is how many bytes the line had; more than Text has when it was cut.
	Size int64
}

// Cut reports whether the line was longer than MaxLine.
func (l Line) Cut() bool { return l.Size > int64(len(l.Text)) }

// File is how far one file was read, whatever its name is by now.
type File struct {
	ID string `json:"id"` // device and inode
	// Key is ID and size and time, as the file was last seen; empty while these may
	// stay as they are although it changes.
	Key  string `json:"key"`
	Gzip bool   `json:"gzip,omitempty"`
	// Head is the beginning of the content, at most 512 bytes: what the file
	// is known by where its inode is another.
	Head   []byte `json:"head"`
	Offset int64  `json:"offset"` // of what was not taken yet
	Size   int64  `json:"size"`
	// Torn is how much of what follows Offset was seen and has no line feed.
	Torn int64 `json:"torn,omitempty"`
	// Long is the beginning of a line that is longer than MaxLine, and
	// LongSize how much of it lies before Offset.
	Long     []byte `json:"long,omitempty"`
	LongSize int64  `json:"long_size,omitempty"`
	// Rotated is set when the file does not have the log's own name any more.
	Rotated bool `json:"rotated,omitempty"`
	Quiet   int  `json:"quiet,omitempty"`
	// Missed counts the polls in which no file was this one.
	Missed int `json:"missed,omitempty"`
	// Shrunk counts the polls in which it was smaller than what was read.
	Shrunk int `json:"shrunk,omitempty"`
}

// settled reports whether nothing is left to read of the file as it was last
// seen.
func (f *File) settled() bool { return f.Offset >= f.Size && f.Long == nil }

// more reports whether there is content that was not looked at.
func (f *File) more() bool { return f.Offset+f.Torn < f.Size }

// take cuts content from Offset on into lines. Where it is full, and all one
// line, more of it would never be seen at once.
func (f *File) take(data []byte, full bool, out []Line) []Line {
	whole := len(data)
	f.Torn, f.Quiet = 0, 0
	for len(data) > 0 {
		end := bytes.IndexByte(data, '\n')
		if f.Long != nil {
			if end < 0 {
				f.LongSize, f.Offset = f.LongSize+int64(len(data)), f.Offset+int64(len(data))
				return out
			}
			out = append(out, Line{Text: f.Long, Size: f.LongSize + int64(end)})
			f.Long, f.LongSize = nil, 0
			f.Offset, data = f.Offset+int64(end)+1, data[end+1:]
			continue
		}
		// A writer that does not append goes on at its old place after a
		// truncation: what it leaves out reads as zeros.
		if data[0] == 0 {
			n := len(data) - len(bytes.TrimLeft(data, "\x00"))
			f.Offset, data = f.Offset+int64(n), data[n:]
			continue
		}
		switch {
		case end >= 0:
			out = append(out, line(data[:end]))
			f.Offset, data = f.Offset+int64(end)+1, data[end+1:]
		case len(data) > MaxLine, full && len(data) == whole:
			f.Long = bytes.Clone(data[:min(len(data), MaxLine)])
			f.LongSize = int64(len(data))
			f.Offset += f.LongSize
			return out
		default:
			f.Torn = int64(len(data))
			return out
		}
	}
	return out
}

// finish takes what has no line feed as a line: rest is what follows Offset.
func (f *File) finish(rest []byte, out []Line) []Line {
	if f.Long != nil {
		out = append(out, Line{Text: f.Long, Size: f.LongSize})
		f.Long, f.LongSize = nil, 0
	} else if len(rest) > 0 {
		out = append(out, line(rest))
		f.Offset += int64(len(rest))
	}
	f.Torn = 0
	return out
}

func line(b []byte) Line {
	b = bytes.TrimSuffix(b, []byte("\r"))
	return Line{Text: bytes.Clone(b[:min(len(b), MaxLine)]), Size: int64(len(b))}
}
