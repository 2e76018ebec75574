// Package tail follows log files on another machine over rename rotation,
// copytruncate and gzip, so that each line is given once. It is pure: State is
// where the reading stands, Call is the line of a shell script that asks for
// what is new, Step turns what the script printed into lines and the next
// State. Whoever keeps the State together with the lines, in one transaction,
// loses none and has none twice, at whatever point it is killed.
//
// A file is known by device and inode as long as its beginning stays the same,
// and by its beginning alone (512 bytes) where it was copied or compressed.
//
// One loss cannot be seen by any reader: with copytruncate, lines that are
// written between the copy and the truncation are in neither file (logrotate(8)
// says so of its option copytruncate).
package tail

import (
	"bytes"
	"slices"
	"strings"
	"time"
)

// State is how far a log with all its rotated files was read. The zero value
// is a log that was never read; its rotated files are read as well.
type State struct {
	// Seen is the sum of the listing that nothing is left of.
	Seen string `json:"seen,omitempty"`
	// Files are oldest first; the one with the log's own name is the last.
	Files []File `json:"files,omitempty"`
	// Passed are keys of files that are no whole gzip files.
	Passed []string `json:"passed,omitempty"`
}

// Result is what a step found beside the next state.
type Result struct {
	Lines []Line
	// More is set when there is content that was not read for the limit.
	More bool
	// Lost is how many bytes went away before they were read.
	Lost int64
	// Notes say what a person should know.
	Notes []string
}

const (
	// shrunkPolls is how often a file that is smaller than what was read, and
	// begins as before, is looked at again before it is taken as a new one.
	shrunkPolls = 3
	// missedPolls is after how many polls without it a file is said to be gone.
	missedPolls = 5
)

// Step returns the state after a listing that was asked for with limit, and
// what it brought. A line that fills limit is cut there. s itself is not
// changed.
func (s *State) Step(path string, limit int, l Listing) (*State, Result) {
	next := &State{Seen: s.Seen, Files: slices.Clone(s.Files), Passed: s.Passed}
	if l.Same {
		return next, Result{}
	}
	m := &match{path: path, limit: limit, state: next, found: distinct(l.Files), seen: l.Sum, now: l.Now}
	m.owner = make([]int, len(m.found))
	for i := range m.owner {
		m.owner[i] = nobody
	}
	for _, name := range l.Unreadable {
		m.res.Notes = append(m.res.Notes, "no permission to read "+name)
	}
	if l.Many {
		m.res.Notes = append(m.res.Notes, "there are more rotated files than are looked at")
	}
	m.byID()
	m.byHead()
	m.fresh()
	m.settle()
	m.read()
	m.forget()
	if next.Seen = m.seen; m.res.More {
		next.Seen = "-"
	}
	return next, m.res
}

// distinct leaves out files that were found twice, under the old and the new
// name, or have no use.
func distinct(files []Found) []Found {
	ids := map[string]bool{}
	var out []Found
	for _, f := range files {
		if !ids[f.ID] {
			ids[f.ID] = true
			out = append(out, f)
		}
	}
	return out
}

const (
	nobody = -1
	// passed marks a found file that is not to be read.
	passed = -2
)

// match finds out which found file is which known one.
type match struct {
	path  string
	limit int
	state *State
	found []Found
	owner []int // of each found file, its place in state.Files
	seen  string
	now   time.Time
	res   Result
}

func (m *match) owned(file int) bool { return slices.Contains(m.owner, file) }

// byID takes files that have their inode and their beginning still.
func (m *match) byID() {
	for i, c := range m.found {
		if c.Bad {
			m.owner[i] = passed
			continue
		}
		for j := range m.state.Files {
			f := &m.state.Files[j]
			if f.ID != c.ID || f.Gzip != c.Gzip || m.owned(j) {
				continue
			}
			if c.Size < 0 && f.Key == c.Key {
				c.Size = f.Size
				m.found[i].Size = f.Size
			}
			if c.Head == nil {
				if f.Key == c.Key {
					m.owner[i] = j
				}
				continue
			}
			if !bytes.HasPrefix(c.Head, f.Head) {
				continue
			}
			if c.Size >= f.Offset {
				f.Shrunk = 0
				m.owner[i] = j
				break
			}
			// Truncated just now, or replaced by one that begins the same.
			if f.Shrunk++; f.Shrunk < shrunkPolls {
				m.owner[i], m.seen = passed, "-"
			}
		}
	}
}

// byHead takes copies of files whose own inode is gone.
func (m *match) byHead() {
	for j := range m.state.Files {
		f := &m.state.Files[j]
		if m.owned(j) || len(f.Head) == 0 {
			continue
		}
		best := nobody
		for i, c := range m.found {
			if m.owner[i] != nobody || c.Head == nil || !bytes.HasPrefix(c.Head, f.Head) || (c.Name == m.path && c.Size < f.Offset) {
				continue
			}
			if best == nobody || better(c, m.found[best], f.Offset) {
				best = i
			}
		}
		if best != nobody {
			m.owner[best] = j
			f.Shrunk = 0
		}
	}
}

// better prefers what holds all that was read, and then what is not compressed.
func better(a, b Found, offset int64) bool {
	if holdsA, holdsB := a.Size >= offset, b.Size >= offset; holdsA != holdsB {
		return holdsA
	}
	return !a.Gzip && b.Gzip
}

// fresh makes known files of those that are new, oldest first.
func (m *match) fresh() {
	var names []string
	var own []byte // the beginning of what has the log's own name
	for i, c := range m.found {
		names = append(names, c.Name)
		if c.Name == m.path {
			if own = c.Head; own == nil && m.owner[i] >= 0 {
				own = m.state.Files[m.owner[i]].Head
			}
		}
	}
	var places []int
	for i, c := range m.found {
		if m.owner[i] != nobody || len(c.Head) == 0 {
			continue
		}
		if c.Name != m.path {
			plain, compressed := strings.CutSuffix(c.Name, ".gz")
			// A copy that copytruncate or gzip is making of a file that is
			// read already. It is its turn when that one is gone.
			if copyOf(own, c.Head) || (compressed && slices.Contains(names, plain)) {
				continue
			}
		}
		places = append(places, i)
	}
	slices.SortStableFunc(places, func(a, b int) int {
		x, y := m.found[a], m.found[b]
		if (x.Name == m.path) != (y.Name == m.path) {
			return map[bool]int{true: 1, false: -1}[x.Name == m.path]
		}
		return int(min(max(x.modified()-y.modified(), -1), 1))
	})
	for _, i := range places {
		m.owner[i] = len(m.state.Files)
		m.state.Files = append(m.state.Files, File{})
	}
}

// copyOf reports whether one beginning goes on as the other.
func copyOf(a, b []byte) bool {
	n := min(len(a), len(b))
	return n > 0 && bytes.Equal(a[:n], b[:n])
}

// settle writes down what the known files look like now.
func (m *match) settle() {
	m.state.Passed = nil
	for i, c := range m.found {
		if c.young(m.now) {
			m.seen, c.Key = "-", ""
		}
		if c.Bad && c.Key != "" {
			m.state.Passed = append(m.state.Passed, c.Key)
		}
		if m.owner[i] < 0 {
			continue
		}
		for j := range m.state.Files {
			if g := &m.state.Files[j]; g.ID == c.ID {
				g.ID, g.Key = "", "" // the inode has another file now
			}
		}
		f := &m.state.Files[m.owner[i]]
		if c.Size != f.Size {
			f.Quiet = 0
		}
		f.ID, f.Key, f.Gzip, f.Size, f.Missed = c.ID, c.Key, c.Gzip, c.Size, 0
		f.Rotated = c.Name != m.path
		if len(c.Head) > len(f.Head) {
			f.Head = c.Head
		}
	}
	// The one with the log's own name goes last.
	order := make([]int, 0, len(m.state.Files))
	for j := range m.state.Files {
		order = append(order, j)
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := m.current(a), m.current(b)
		return map[bool]int{true: 1}[x && !y] - map[bool]int{true: 1}[y && !x]
	})
	files := make([]File, len(order))
	moved := make([]int, len(order))
	for to, from := range order {
		files[to], moved[from] = m.state.Files[from], to
	}
	m.state.Files = files
	for i, o := range m.owner {
		if o >= 0 {
			m.owner[i] = moved[o]
		}
	}
}

func (m *match) current(file int) bool {
	i := slices.Index(m.owner, file)
	return i >= 0 && m.found[i].Name == m.path
}

// read takes the content that came along, older files first.
func (m *match) read() {
	for j := range m.state.Files {
		i := slices.Index(m.owner, j)
		if i < 0 {
			continue
		}
		f, c := &m.state.Files[j], m.found[i]
		var rest []byte
		if c.Data != nil && c.Offset == f.Offset && f.Offset <= c.Size {
			if !c.Gzip && c.Size < c.Offset+int64(len(c.Data)) {
				m.seen = "-" // truncated while it was read
				m.res.More = true
				return
			}
			had := f.Torn
			quiet := f.Quiet
			m.res.Lines = f.take(c.Data, len(c.Data) >= m.limit, m.res.Lines)
			rest = c.Data[int64(len(c.Data))-f.Torn:]
			if f.Torn == had {
				f.Quiet = quiet
			}
		}
		if f.more() {
			m.res.More = true
			if f.Rotated {
				return // newer lines come after these
			}
			continue
		}
		if f.Rotated && !f.settled() {
			if f.Quiet++; f.Gzip || f.Quiet >= quietPolls {
				if int64(len(rest)) == f.Torn {
					m.res.Lines = f.finish(rest, m.res.Lines)
				}
			}
		}
	}
}

// forget counts the files that are gone, and keeps their number bounded. A
// file that is missed once may be between two names.
func (m *match) forget() {
	for j := range m.state.Files {
		f := &m.state.Files[j]
		if m.owned(j) {
			continue
		}
		f.Rotated = true
		if f.Missed++; f.Missed == missedPolls && !f.settled() {
			m.res.Lost += max(f.Size-f.Offset, 0)
			m.res.Notes = append(m.res.Notes, "a rotated file was removed before it was read to its end")
		}
	}
	extra := len(m.state.Files) - 2*maxFiles
	if extra <= 0 {
		return
	}
	kept := m.state.Files[:0:0]
	for j, f := range m.state.Files {
		if extra > 0 && !m.owned(j) && f.Missed >= missedPolls {
			extra--
			continue
		}
		kept = append(kept, f)
	}
	m.state.Files = kept
}
