package plugin

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"skysail/internal/tfplugin"
)

// Bounds of what comes out of an archive.
const (
	maxUnpacked = 8 << 30
	maxFiles    = 100_000
)

// unpack writes a gzip-compressed tar archive into a new folder. Nothing in it
// can lead out of that folder.
func unpack(ctx context.Context, archive, dir string) error {
	if err := extract(ctx, archive, dir); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return &tfplugin.Problem{
			Summary: fmt.Sprintf("the archive can not be unpacked: %v", err),
			Detail:  "It has to be a gzip-compressed tar archive of files, folders and links among them.",
			Err:     err,
		}
	}
	return nil
}

func extract(ctx context.Context, archive, dir string) error {
	f, err := os.Open(archive) //nolint:gosec // in the service's own folder
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	zr, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // a handle for looking up names
	x := &extractor{root: root, left: maxUnpacked}
	tr := tar.NewReader(zr)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if err := x.entry(h, tr); err != nil {
			return fmt.Errorf("%q: %w", h.Name, err)
		}
	}
}

type extractor struct {
	root  *os.Root
	left  int64
	files int
}

func (x *extractor) entry(h *tar.Header, content io.Reader) error {
	if x.files++; x.files > maxFiles {
		return fmt.Errorf("it holds more than %d files", maxFiles)
	}
	name := filepath.Clean(filepath.FromSlash(h.Name))
	if !filepath.IsLocal(name) {
		return errors.New("its path leads out of the archive")
	}
	if name == "." {
		return nil
	}
	if err := x.root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return x.root.MkdirAll(name, 0o700)
	case tar.TypeReg:
		return x.file(name, h, content)
	case tar.TypeSymlink:
		if target := filepath.Join(filepath.Dir(name), filepath.FromSlash(h.Linkname)); filepath.IsAbs(h.Linkname) || !filepath.IsLocal(target) {
			return errors.New("its target leads out of the archive")
		}
		return x.fresh(name, func() error { return x.root.Symlink(h.Linkname, name) })
	case tar.TypeLink:
		target := filepath.Clean(filepath.FromSlash(h.Linkname))
		if !filepath.IsLocal(target) {
			return errors.New("its target leads out of the archive")
		}
		return x.fresh(name, func() error { return x.root.Link(target, name) })
	case tar.TypeXGlobalHeader:
		return nil
	default:
		return fmt.Errorf("it is neither file, folder nor link (tar type %q)", h.Typeflag)
	}
}

func (x *extractor) file(name string, h *tar.Header, content io.Reader) error {
	if x.left -= h.Size; x.left < 0 {
		return fmt.Errorf("it holds more than %d GiB", maxUnpacked>>30)
	}
	// Owner bits only: the service runs as the user who deploys it.
	mode := fs.FileMode(h.Mode)&0o700 | 0o600 //nolint:gosec // masked to the owner's bits
	return x.fresh(name, func() error {
		out, err := x.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if err != nil {
			return err
		}
		_, err = io.CopyN(out, content, h.Size)
		return errors.Join(err, out.Close())
	})
}

// fresh makes a name anew: in a tar archive the last entry of a name counts.
func (x *extractor) fresh(name string, create func() error) error {
	if err := x.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return create()
}
