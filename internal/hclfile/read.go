package hclfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
)

var (
	errFolder  = errors.New("it is a folder, not a file")
	errSpecial = errors.New("it is not a regular file")
	errTooBig  = fmt.Errorf("it is larger than %d KiB", MaxSize>>10)
)

// read returns the content of a regular file of at most MaxSize bytes. It
// never waits: a FIFO or a device is refused before it is opened, and opening
// does not block should one take the file's place in between.
func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if err := regular(info); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) //nolint:gosec // the path is the user's own choice
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	if info, err = file.Stat(); err != nil {
		return nil, err
	}
	if err := regular(info); err != nil {
		return nil, err
	}
	src, err := io.ReadAll(io.LimitReader(file, MaxSize+1))
	if err != nil {
		return nil, err
	}
	if len(src) > MaxSize {
		return nil, errTooBig
	}
	return src, nil
}

func regular(info fs.FileInfo) error {
	switch {
	case info.IsDir():
		return errFolder
	case !info.Mode().IsRegular():
		return errSpecial
	case info.Size() > MaxSize:
		return errTooBig
	}
	return nil
}

// reason is a read error without the path, which the message names already.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return err.Error()
}

// unreadable is the error for a service or policy file that cannot be read.
func unreadable(path, kind string, err error) error {
	d := diagnostic{
		Summary: "The " + kind + " file cannot be read",
		Detail:  fmt.Sprintf("%s: %s.", printable(path), reason(err)),
		cause:   err,
	}
	switch {
	case path == "":
		d.Detail = "No path was given."
		d.Hint = fmt.Sprintf("name the file, for example ./%s.hcl", kind)
	case errors.Is(err, fs.ErrNotExist):
		d.Summary = "There is no such " + kind + " file"
		d.Detail = printable(path) + " does not exist."
		d.Hint = "write a commented starter with `skysail init`, or give the path of another file"
		if near := neighbour(path, kind); near != "" {
			d.Hint = fmt.Sprintf("did you mean %s? `skysail init` writes a commented starter", printable(near))
		}
	case errors.Is(err, fs.ErrPermission):
		d.Hint = "give yourself the right to read it (chmod u+r), or give the path of another file"
	case errors.Is(err, errFolder):
		d.Hint = fmt.Sprintf("give the path of the file in it, for example %s", printable(filepath.Join(path, kind+".hcl")))
	case errors.Is(err, errSpecial):
		d.Detail = fmt.Sprintf("%s: it is a pipe, a device or a socket, not a regular file.", printable(path))
		d.Hint = "save the content in a file first"
	case errors.Is(err, errTooBig):
		d.Summary = "The " + kind + " file is too large"
		d.Hint = fmt.Sprintf("a %s file is a page of text; is this the right path?", kind)
	}
	return &Error{path: path, diags: []diagnostic{d}}
}

// neighbour is a file beside path that its name may have been meant to be.
func neighbour(path, kind string) string {
	dir := filepath.Dir(path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ""
	}
	var names []string
	for _, e := range entries {
		ext := strings.ToLower(filepath.Ext(e.Name()))
		if !e.IsDir() && (ext == ".hcl" || ext == ".json") {
			names = append(names, e.Name())
		}
	}
	sort.Strings(names)
	near := Suggest(filepath.Base(path), names)
	for _, usual := range []string{kind + ".json", kind + ".hcl"} {
		for _, n := range names {
			if near == "" && n == usual {
				near = n
			}
		}
	}
	if near == "" {
		return ""
	}
	return filepath.Join(dir, near)
}
