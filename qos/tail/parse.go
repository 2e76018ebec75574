package tail

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Listing is what the script told of one path and its rotated files.
type Listing struct {
	Now        time.Time // the clock of the machine, zero when it has none
	Sum        string    // the sizes, times and names of all files
	Same       bool      // the sum is the one that was known: nothing else is told
	Many       bool      // there are more files than are looked at
	Unreadable []string
	Files      []Found
}

// Found is one file of a listing.
type Found struct {
	Name string
	Gzip bool
	Bad  bool   // not a whole gzip file (yet)
	Key  string // device, inode, size and time
	ID   string // device and inode
	Size int64  // bytes of the content; -1 for what is compressed and known
	// Data is content from Offset on; nil when none was read.
	Data   []byte
	Offset int64
	// Head is the beginning, read after Data, and nil where the key was known;
	// Size was read after it.
	Head []byte
}

// Output is all that a script printed.
type Output struct {
	// Now is the clock of the machine, to the second; zero when it has none.
	Now time.Time
	// Missing are programs that the machine lacks.
	Missing  []string
	Families []Listing
	// Sections are the other sections, by name.
	Sections map[string][]byte
}

// ErrOutput is output that no script of this package prints: torn, damaged, or
// larger than was asked for.
var ErrOutput = errors.New("the answer of the log script is damaged")

// Parse reads what a script printed. No part of it may be larger than limit
// bytes and Slack, and all content together no larger than total.
func Parse(out []byte, limit, total int) (Output, error) {
	p := &parser{r: bufio.NewReader(bytes.NewReader(out)), limit: limit + Slack, total: total}
	p.out.Sections = map[string][]byte{}
	for {
		line, err := p.r.ReadString('\n')
		if err != nil {
			return Output{}, fmt.Errorf("%w: it has no end", ErrOutput)
		}
		if line == "end\n" {
			return p.out, nil
		}
		if err := p.line(strings.TrimSuffix(line, "\n")); err != nil {
			return Output{}, fmt.Errorf("%w: %w", ErrOutput, err)
		}
	}
}

type parser struct {
	r            *bufio.Reader
	limit, total int
	out          Output
}

func (p *parser) line(line string) error {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "now":
		seconds, err := strconv.ParseInt(rest, 10, 64)
		if err == nil {
			p.out.Now = time.Unix(seconds, 0)
		}
		return nil
	case "missing":
		p.out.Missing = append(p.out.Missing, rest)
		return nil
	case "section":
		data, err := p.member(p.limit)
		p.out.Sections[rest] = data
		return err
	case "family":
		p.out.Families = append(p.out.Families, Listing{Sum: rest, Now: p.out.Now})
		return nil
	}
	n := len(p.out.Families)
	if n == 0 {
		return fmt.Errorf("the line %.60q", line)
	}
	l := &p.out.Families[n-1]
	switch word {
	case "same":
		l.Same = true
		return nil
	case "unreadable":
		l.Unreadable = append(l.Unreadable, rest)
		return nil
	case "file":
		f, err := found(rest)
		l.Files = append(l.Files, f)
		l.Many = l.Many || len(l.Files) >= maxFiles
		return err
	}
	if len(l.Files) == 0 {
		return fmt.Errorf("the line %.60q", line)
	}
	f := &l.Files[len(l.Files)-1]
	var err error
	switch word {
	case "data":
		if f.Offset, err = strconv.ParseInt(rest, 10, 64); err == nil {
			f.Data, err = p.member(p.limit)
		}
	case "head":
		f.Head, err = p.member(headSize)
	case "size":
		f.Size, err = strconv.ParseInt(strings.TrimSpace(rest), 10, 64)
	default:
		err = fmt.Errorf("the line %.60q", line)
	}
	return err
}

// found reads the line of a file: its kind, key, size and name.
func found(line string) (Found, error) {
	parts := strings.SplitN(line, " ", 4)
	if len(parts) != 4 {
		return Found{}, fmt.Errorf("the file %.60q", line)
	}
	f := Found{Name: parts[3], Key: parts[1], Gzip: parts[0] == "gz", Bad: parts[0] == "bad"}
	id := strings.SplitN(f.Key, ":", 3)
	if len(id) != 3 {
		return Found{}, fmt.Errorf("the key %.60q", f.Key)
	}
	f.ID = id[0] + ":" + id[1]
	var err error
	f.Size, err = strconv.ParseInt(strings.TrimSpace(parts[2]), 10, 64)
	return f, err
}

// member reads one gzip member; what is behind it stays. It is never nil.
func (p *parser) member(limit int) ([]byte, error) {
	z, err := gzip.NewReader(p.r)
	if err != nil {
		return nil, err
	}
	z.Multistream(false)
	limit = min(limit, p.total)
	data, err := io.ReadAll(io.LimitReader(z, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if len(data) > limit {
		return nil, fmt.Errorf("content of more than %d bytes", limit)
	}
	// The checksum at the end is read with the end of the content.
	if _, err := z.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("content of more than %d bytes", limit)
	}
	p.total -= len(data)
	return append([]byte{}, data...), nil
}

// young reports whether the file may change once more without another key: as
// its time is told in seconds, that is as long as its last one goes on. What the
// kernel notes may lag behind the clock.
func (f Found) young(now time.Time) bool {
	return now.IsZero() || f.modified() >= now.Unix()-1
}

// modified is the time in the key, in seconds.
func (f Found) modified() int64 {
	_, text, _ := strings.Cut(strings.TrimPrefix(f.Key, f.ID+":"), ":")
	n, _ := strconv.ParseInt(text, 10, 64) // 0 sorts first
	return n
}
