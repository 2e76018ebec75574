// Command pack builds the hello service and packs it as service.hcl expects
// it: dist/hello.tar.gz, the same bytes from the same source each time, and
// its digest in dist/hello.tar.gz.sha256.
//
//	go run ./examples/hello/pack                                # for this machine
//	go run ./examples/hello/pack -goos linux -goarch amd64      # for a cloud
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/google/renameio/v2"
)

func main() {
	out := flag.String("out", "", "folder for the archive (default: dist beside service.hcl)")
	goos := flag.String("goos", runtime.GOOS, "operating system to build for")
	goarch := flag.String("goarch", runtime.GOARCH, "architecture to build for")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	archive, digest, err := pack(ctx, *out, *goos, *goarch)
	if err != nil {
		fmt.Fprintf(os.Stderr, "pack: %v\n", err)
		os.Exit(1)
	}
	_, _ = fmt.Fprintf(os.Stdout, "%s  %s\n", digest, archive)
}

// pack returns the archive's path and digest.
func pack(ctx context.Context, out, goos, goarch string) (path, digest string, err error) {
	source, err := sourceFolder(ctx)
	if err != nil {
		return "", "", err
	}
	if out == "" {
		out = filepath.Join(source, "dist")
	}
	program, err := build(ctx, source, goos, goarch)
	if err != nil {
		return "", "", err
	}
	archive, err := compress("hello", program)
	if err != nil {
		return "", "", err
	}
	if err := os.MkdirAll(out, 0o700); err != nil {
		return "", "", err
	}
	sum := sha256.Sum256(archive)
	digest = hex.EncodeToString(sum[:])
	path = filepath.Join(out, "hello.tar.gz")
	// Two packs at once write the same bytes, each file in one step.
	for name, content := range map[string][]byte{path: archive, path + ".sha256": []byte(digest + "\n")} {
		if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, content) { //nolint:gosec // our own output
			continue
		}
		if err := renameio.WriteFile(name, content, 0o600); err != nil {
			return "", "", err
		}
	}
	return path, digest, nil
}

// sourceFolder finds the hello package, from any folder of the module.
func sourceFolder(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-f", "{{.Dir}}", "skysail/examples/hello")
	dir, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("finding the package skysail/examples/hello: %w%s; run this inside the skysail repository", err, stderr(err))
	}
	return strings.TrimSpace(string(dir)), nil
}

// build compiles the service so that neither the machine, the folder nor the
// state of the repository shows in the program.
func build(ctx context.Context, source, goos, goarch string) (_ []byte, err error) {
	dir, err := os.MkdirTemp("", "pack-*")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	program := filepath.Join(dir, "hello")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", program, ".") //nolint:gosec // arguments of our own
	cmd.Dir = source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+goarch, "GOFLAGS=")
	if _, err := cmd.Output(); err != nil {
		return nil, fmt.Errorf("go build: %w%s", err, stderr(err))
	}
	return os.ReadFile(program) //nolint:gosec // built just now
}

// compress makes a gzip-compressed tar archive of one program. No time and no
// owner is recorded.
func compress(name string, program []byte) ([]byte, error) {
	var buf bytes.Buffer
	zip, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	archive := tar.NewWriter(zip)
	header := &tar.Header{
		Typeflag: tar.TypeReg,
		Name:     name,
		Mode:     0o755,
		Size:     int64(len(program)),
		ModTime:  time.Unix(0, 0).UTC(),
		Format:   tar.FormatUSTAR,
	}
	if err := archive.WriteHeader(header); err != nil {
		return nil, err
	}
	if _, err := archive.Write(program); err != nil {
		return nil, err
	}
	if err := errors.Join(archive.Close(), zip.Close()); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// stderr is what a failed command said.
func stderr(err error) string {
	var e *exec.ExitError
	if !errors.As(err, &e) || len(e.Stderr) == 0 {
		return ""
	}
	return ":\n" + strings.TrimSpace(string(e.Stderr))
}
