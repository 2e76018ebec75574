package test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// watcher looks at the arguments and the environments of all processes again
// and again.
type watcher struct {
	done chan struct{}
	wg   sync.WaitGroup
	once sync.Once

	rounds int
	// found are processes in which the secret must not be, by what they are.
	found map[string]bool
	seen  map[string]bool // programs
}

func watchProcesses(t *testing.T) *watcher {
	t.Helper()
	w := &watcher{done: make(chan struct{}), found: map[string]bool{}, seen: map[string]bool{}}
	if !w.supported() {
		return w
	}
	w.wg.Go(func() {
		for {
			select {
			case <-w.done:
				return
			default:
				w.look()
			}
		}
	})
	t.Cleanup(w.stop)
	return w
}

func (w *watcher) supported() bool {
	_, err := os.Stat("/proc/self/cmdline")
	return err == nil
}

func (w *watcher) stop() {
	w.once.Do(func() { close(w.done) })
	w.wg.Wait()
}

func (w *watcher) look() {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		cmdline, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil || len(cmdline) == 0 {
			continue // it has ended, or is the kernel's
		}
		args := strings.Split(strings.TrimRight(string(cmdline), "\x00"), "\x00")
		w.seen[filepath.Base(args[0])] = true
		if bytes.Contains(cmdline, []byte(canaryCore)) {
			w.found["in the arguments of "+strings.Join(args, " ")] = true
		}
		env, err := os.ReadFile(filepath.Join(dir, "environ"))
		if err == nil && bytes.Contains(env, []byte(canaryCore)) && !isService(dir, args) {
			w.found["in the environment of "+strings.Join(args, " ")] = true
		}
	}
	w.rounds++
}

// isService says that a process is the service itself or the container engine
// that hands the variables over by name, or was started by it: this test's
// engine is a script.
func isService(dir string, args []string) bool {
	if ours(args) {
		return true
	}
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return true // it has ended meanwhile; what it was can not be known
	}
	for line := range strings.Lines(string(status)) {
		if parent, ok := strings.CutPrefix(line, "PPid:"); ok {
			cmdline, err := os.ReadFile(filepath.Join("/proc", strings.TrimSpace(parent), "cmdline"))
			return err != nil || ours(strings.Split(string(cmdline), "\x00"))
		}
	}
	return false
}

func ours(args []string) bool {
	return filepath.Base(args[0]) == "hello" || slices.ContainsFunc(args, func(a string) bool { return filepath.Base(a) == "podman" })
}

func (w *watcher) report(t *testing.T, provider string) {
	t.Helper()
	if !w.supported() {
		return
	}
	for what := range w.found {
		t.Errorf("the secret is %s", what)
	}
	t.Logf("%d looks at all processes", w.rounds)
	for _, program := range []string{"terraform", "hello"} {
		if !w.seen[program] {
			t.Errorf("in %d looks no %s was seen: they show nothing of %s", w.rounds, program, provider)
		}
	}
}

// inAnEnvironment looks through the environments of this machine's processes.
func inAnEnvironment(entry string) bool {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, f := range files {
		env, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		for _, e := range bytes.Split(env, []byte{0}) {
			if string(e) == entry {
				return true
			}
		}
	}
	return false
}

// holding are the files below dir that hold a text: as it is, in base64, or
// inside a zip or gzip file, as saved plans and user-data are.
func holding(t *testing.T, dir, text string) []string {
	t.Helper()
	needles := inBase64(text)
	var out []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil //nolint:nilerr // files come and go beside us
		}
		data, err := os.ReadFile(path)
		if err == nil && slices.ContainsFunc(unpacked(data), func(part []byte) bool {
			return slices.ContainsFunc(needles, func(n string) bool { return bytes.Contains(part, []byte(n)) })
		}) {
			out = append(out, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// inBase64 is a text and what stands for its inside in base64, at each of the
// three places where it may begin in a group.
func inBase64(text string) []string {
	out := []string{text}
	for pad := range 3 {
		enc := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", pad) + text))
		from := 0
		if pad > 0 {
			from = 4 // its first group holds the padding too
		}
		to := (pad + len(text)) / 3 * 4
		out = append(out, enc[from:to])
	}
	return out
}

// unpacked is a file's content, and that of the files in it.
func unpacked(data []byte) [][]byte {
	out := [][]byte{data}
	if z, err := zip.NewReader(bytes.NewReader(data), int64(len(data))); err == nil {
		for _, f := range z.File {
			if r, err := f.Open(); err == nil {
				part, _ := io.ReadAll(r)
				out = append(out, part)
				_ = r.Close()
			}
		}
	}
	if z, err := gzip.NewReader(bytes.NewReader(data)); err == nil {
		part, _ := io.ReadAll(io.LimitReader(z, 64<<20))
		out = append(out, part)
	}
	return out
}

// TestHoldingFinds wants the search for the secret to see through what files
// wrap around it.
func TestHoldingFinds(t *testing.T) {
	dir := t.TempDir()
	var zipped, zipper bytes.Buffer
	z := zip.NewWriter(&zipped)
	f, err := z.Create("tfplan")
	if err != nil {
		t.Fatal(err)
	}
	g := gzip.NewWriter(&zipper)
	for _, w := range []io.Writer{f, g} {
		if _, err := io.WriteString(w, strings.Repeat("-", 1000)+canary+strings.Repeat("-", 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(z.Close(), g.Close()); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"plain": "x" + canary, "zip": zipped.String(), "gzip": zipper.String(),
		"base64-0": base64.StdEncoding.EncodeToString([]byte(canary)),
		"base64-1": base64.StdEncoding.EncodeToString([]byte("." + canary)),
		"base64-2": base64.StdEncoding.EncodeToString([]byte(".." + canary)),
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := holding(t, dir, canaryCore); len(got) != 1 || got[0] != path {
			t.Errorf("%s: found %v", name, got)
		}
		if err := os.WriteFile(path, []byte("nothing"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := holding(t, dir, canaryCore); len(got) != 0 {
			t.Errorf("%s: found %v in nothing", name, got)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// unpack lays out the program of the example's archive.
func unpack(t *testing.T, archive, dir string) {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(h.Name)), b, 0o700); err != nil {
			t.Fatal(err)
		}
	}
}
