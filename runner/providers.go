package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"
	"github.com/hashicorp/terraform-exec/tfexec"
)

// LockFile is the name of Terraform's dependency lock file.
const LockFile = ".terraform.lock.hcl"

// ProviderCache is an unpacked filesystem mirror that all bundles of a user
// share: each provider is downloaded once, and a bundle's init only links it.
// It is safe side by side, which Terraform's plugin_cache_dir is not: a
// version is fetched under a lock, put in place whole, and then only read.
type ProviderCache struct {
	Dir    string
	Engine Engine
	// Notice is told, in a sentence, that a download starts; may be nil.
	Notice func(string)
}

// provider is one version of one provider in the cache.
type provider struct{ host, source, version string }

func (p provider) String() string { return p.host + "/" + p.source + " " + p.version }

func (c ProviderCache) provider(source, version string) provider {
	return provider{host: c.Engine.Kind.Registry(), source: source, version: version}
}

func (c ProviderCache) path(p provider) string {
	return filepath.Join(c.Dir, p.host, filepath.FromSlash(p.source), p.version, runtime.GOOS+"_"+runtime.GOARCH)
}

func (c ProviderCache) lockPath(p provider) string {
	return filepath.Join(c.Dir, "locks", strings.ReplaceAll(p.host+"/"+p.source, "/", "_")+"_"+p.version+".hcl")
}

// Mirror is the provider's mirror; ok is false when it is not in the cache.
func (c ProviderCache) Mirror(source, version string) (m Mirror, ok bool) {
	p := c.provider(source, version)
	if !isFile(c.path(p)) || !isFile(c.lockPath(p)) {
		return Mirror{}, false
	}
	return Mirror{Dir: c.Dir, Include: []string{p.host + "/" + source}}, true
}

// Lock returns the dependency lock file of a provider in the cache. It has the
// registry's signed checksums of the provider for every platform, so that a
// bundle which carries it can be checked on another one too.
func (c ProviderCache) Lock(source, version string) ([]byte, error) {
	b, err := os.ReadFile(c.lockPath(c.provider(source, version)))
	if err != nil {
		return nil, fmt.Errorf("provider cache: %w", err)
	}
	return b, nil
}

// Ensure puts a provider into the cache unless it is there. The engine itself
// downloads it from its registry, and checks signature and checksums. Safe to
// call from several processes at once: one downloads, the others wait. It may
// be repeated after an error, which leaves nothing that looks finished; one of
// the engine is an *Error.
func (c ProviderCache) Ensure(ctx context.Context, source, version string) error {
	p := c.provider(source, version)
	if _, ok := c.Mirror(source, version); ok {
		return nil
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return fmt.Errorf("provider cache: %w", err)
	}
	lock := flock.New(filepath.Join(c.Dir, "fill.lock"), flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 200*time.Millisecond); err != nil {
		return fmt.Errorf("provider cache: %w", err)
	}
	defer func() { _ = lock.Unlock() }()
	if _, ok := c.Mirror(source, version); ok {
		return nil
	}
	// What others left is of one that was killed: this one holds the lock.
	for _, stale := range globs(filepath.Join(c.Dir, filling)) {
		_ = os.RemoveAll(stale)
	}
	if c.Notice != nil {
		c.Notice("fetching provider " + p.String())
	}
	return c.fill(ctx, p)
}

// filling is the pattern of folders that providers are fetched into.
const filling = ".fill-*"

func (c ProviderCache) fill(ctx context.Context, p provider) (err error) {
	tmp, err := os.MkdirTemp(c.Dir, filling)
	if err != nil {
		return fmt.Errorf("provider cache: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	bundle, private := filepath.Join(tmp, "bundle"), filepath.Join(tmp, "private")
	for _, dir := range []string{bundle, private} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return fmt.Errorf("provider cache: %w", err)
		}
	}
	cli := filepath.Join(private, "terraform.rc")
	err = errors.Join(
		os.WriteFile(filepath.Join(bundle, "versions.tf"), requirement(p), 0o600),
		os.WriteFile(cli, CLIConfig(nil, true), 0o600))
	if err != nil {
		return fmt.Errorf("provider cache: %w", err)
	}
	w := &Workspace{Engine: c.Engine, Dir: bundle, Private: private, CLIConfig: cli}
	_, err = command(ctx, w, "init", func(tf *tfexec.Terraform, _ io.Writer) (struct{}, error) {
		return struct{}{}, tf.Init(ctx, tfexec.Backend(false))
	})
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(c.Dir, c.path(p))
	if err != nil {
		return fmt.Errorf("provider cache: %w", err)
	}
	return c.keep(p, filepath.Join(private, dataDir, "providers", rel), filepath.Join(bundle, LockFile))
}

// keep puts what an init fetched in place: the lock file first, as a provider
// counts as there when both are.
func (c ProviderCache) keep(p provider, unpacked, lockFile string) error {
	lock, err := os.ReadFile(lockFile) //nolint:gosec // of our own temporary folder
	if err != nil {
		return fmt.Errorf("provider cache: %w", err)
	}
	if err := readOnly(unpacked); err != nil {
		return fmt.Errorf("provider cache: %w", err)
	}
	for _, dir := range []string{filepath.Dir(c.lockPath(p)), filepath.Dir(c.path(p))} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("provider cache: %w", err)
		}
	}
	if err := renameio.WriteFile(c.lockPath(p), lock, 0o400); err != nil {
		return fmt.Errorf("provider cache: %w", err)
	}
	if err := os.Rename(unpacked, c.path(p)); err != nil {
		return fmt.Errorf("provider cache: %w", err)
	}
	return nil
}

// readOnly takes the write permission from all files below dir.
func readOnly(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return os.Chmod(path, info.Mode().Perm()&^0o222) //nolint:gosec // below our own 0700 folder
	})
}

func requirement(p provider) []byte {
	return fmt.Appendf(nil, `terraform {
  required_providers {
    wanted = {
      source  = %s
      version = %s
    }
  }
}
`, quote(p.source), quote("= "+p.version))
}
