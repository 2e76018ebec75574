// Package rootdir translates the paths of a simulated instance. The instance
// has no file system of its own: what was installed on it lies below a root
// folder, all else is this machine's. An absolute path that exists below the
// root means the file there.
package rootdir

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Root is the absolute path of an instance's root folder.
type Root string

// Join returns where the instance's path lies below the root.
func (r Root) Join(path string) string {
	return filepath.Join(string(r), filepath.Clean("/"+path))
}

// Glob returns the files below the root that match a pattern of the instance's
// paths, which is relative, sorted. The root's own path may hold anything.
func (r Root) Glob(pattern string) ([]string, error) {
	found, err := fs.Glob(os.DirFS(string(r)), pattern)
	for i, f := range found {
		found[i] = filepath.Join(string(r), f)
	}
	return found, err
}

// Existing returns the translation of an absolute path that exists below the
// root, and whether there is one.
func (r Root) Existing(path string) (string, bool) {
	if len(path) < 2 || path[0] != '/' || strings.ContainsRune(path, 0) || filepath.Clean(path) == "/" {
		return path, false
	}
	if r.holds(path) {
		return path, false // it is translated already
	}
	real := r.Join(path)
	if _, err := os.Lstat(real); err != nil {
		return path, false
	}
	return real, true
}

func (r Root) holds(path string) bool {
	return path == string(r) || strings.HasPrefix(path, string(r)+"/")
}

// Path is Existing without the question.
func (r Root) Path(path string) string {
	p, _ := r.Existing(path)
	return p
}

// Args translates the words of a command: whole paths, and paths after the
// "=" of an option or an assignment.
func (r Root) Args(args []string) []string {
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = r.arg(a)
	}
	return out
}

func (r Root) arg(a string) string {
	if p, ok := r.Existing(a); ok {
		return p
	}
	if key, value, ok := strings.Cut(a, "="); ok {
		if p, ok := r.Existing(value); ok {
			return key + "=" + p
		}
	}
	return a
}

// Line translates the paths that begin a word of a shell command, quoted or
// not. Paths in the middle of a word, as in "$root"/etc, are the command's own
// business.
func (r Root) Line(line string) string {
	var b strings.Builder
	start := true // at the start of a word
	var quote byte
	for i := 0; i < len(line); {
		c := line[i]
		if start && c == '/' {
			end := i
			for end < len(line) && pathByte(line[end], quote) {
				end++
			}
			b.WriteString(r.quoted(line[i:end], quote))
			i, start = end, false
			continue
		}
		switch {
		case c == '\\' && quote != '\'' && i+1 < len(line):
			b.WriteByte(c)
			i++
			c = line[i]
			start = false
		case quote != 0:
			if c == quote {
				quote = 0
			}
			start = false
		case c == '\'' || c == '"':
			quote = c
		default:
			start = strings.IndexByte(" \t\n;|&()<>=", c) >= 0
		}
		b.WriteByte(c)
		i++
	}
	return b.String()
}

func pathByte(c, quote byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c >= 0x80:
		return true
	case c == ' ':
		return quote != 0
	}
	return strings.IndexByte("/._-+@%,:", c) >= 0
}

// quoted translates a path that stands inside quotes, or outside when quote is
// zero, and keeps it one word whatever the root's own path holds.
func (r Root) quoted(path string, quote byte) string {
	real, ok := r.Existing(path)
	if !ok {
		return path
	}
	switch quote {
	case '\'':
		return strings.ReplaceAll(real, "'", `'\''`)
	case '"':
		return strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`").Replace(real)
	}
	return Quote(real)
}

// Quote makes text one word of a shell command.
func Quote(text string) string {
	safe := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("/._-+@%,:=", c)
	}
	if text != "" && strings.IndexFunc(text, func(c rune) bool { return !safe(c) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
