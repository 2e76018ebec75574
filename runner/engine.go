package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	version "github.com/hashicorp/go-version"
	install "github.com/hashicorp/hc-install"
	"github.com/hashicorp/hc-install/fs"
	"github.com/hashicorp/hc-install/product"
	"github.com/hashicorp/hc-install/releases"
	"github.com/hashicorp/hc-install/src"

	"skysail/internal/failure"
)

// EngineConstraint is the range of Terraform versions that bundles work with;
// InstallVersion is the one that is installed when PATH has none of them.
const (
	EngineConstraint = ">= 1.6.0, < 2.0.0"
	InstallVersion   = "1.11.4"
)

// Engine is a Terraform executable.
type Engine struct {
	Path string
	// Installed says that skysail fetched it, rather than found it.
	Installed bool
}

// EngineFinder looks for Terraform, and fetches it when there is none.
type EngineFinder struct {
	// ExecPath, when set, is used as it is and nothing is looked for.
	ExecPath string
	// Dir is where an engine that was fetched is kept.
	Dir string
	// BaseURL replaces https://releases.hashicorp.com, for mirrors.
	BaseURL string
	// Notice is told, in a sentence, that a download starts; may be nil.
	Notice func(string)
}

// Find returns an engine that satisfies EngineConstraint: from PATH, else
// from Dir, else from HashiCorp's releases (checksum and signature checked by
// hc-install), written to Dir so that a killed download leaves nothing that
// looks finished. Safe to call from several processes at once.
func (f EngineFinder) Find(ctx context.Context) (Engine, error) {
	if f.ExecPath != "" {
		path, err := exec.LookPath(f.ExecPath)
		if err != nil {
			return Engine{}, failure.Wrap(err, failure.Failed, "engine",
				"The Terraform executable that was asked for can not be run.",
				"Give the path of a Terraform executable, or leave it out to use the one on PATH.")
		}
		return Engine{Path: path}, nil
	}
	constraint, err := version.NewConstraint(EngineConstraint)
	if err != nil {
		return Engine{}, err
	}
	found, pathErr := install.NewInstaller().Ensure(ctx, []src.Source{
		&fs.Version{Product: product.Terraform, Constraints: constraint, Timeout: 20 * time.Second},
	})
	if pathErr == nil {
		return Engine{Path: found}, nil
	}
	if ctx.Err() != nil {
		return Engine{}, ctx.Err()
	}
	return f.installed(ctx)
}

func (f EngineFinder) installed(ctx context.Context) (Engine, error) {
	dir := filepath.Join(f.Dir, "terraform-"+InstallVersion)
	target := filepath.Join(dir, product.Terraform.BinaryName())
	if _, err := os.Stat(target); err == nil {
		return Engine{Path: target, Installed: true}, nil
	}
	if err := os.MkdirAll(f.Dir, 0o700); err != nil {
		return Engine{}, fmt.Errorf("engine folder: %w", err)
	}
	lock := flock.New(filepath.Join(f.Dir, "install.lock"))
	if _, err := lock.TryLockContext(ctx, 200*time.Millisecond); err != nil {
		return Engine{}, fmt.Errorf("engine lock: %w", err)
	}
	defer func() { _ = lock.Unlock() }()
	if _, err := os.Stat(target); err == nil {
		return Engine{Path: target, Installed: true}, nil
	}
	if f.Notice != nil {
		f.Notice("no Terraform " + EngineConstraint + " on PATH: fetching " + InstallVersion)
	}
	if err := f.fetch(ctx, dir); err != nil {
		if ctx.Err() != nil {
			return Engine{}, ctx.Err()
		}
		return Engine{}, failure.Wrap(err, failure.Failed, "no Terraform "+EngineConstraint+" on PATH, and fetching it failed",
			"skysail needs Terraform to plan, apply and destroy; nothing was changed.",
			"Install Terraform "+EngineConstraint+" and put it on PATH, or run again with network access to releases.hashicorp.com.")
	}
	return Engine{Path: target, Installed: true}, nil
}

func (f EngineFinder) fetch(ctx context.Context, dir string) (err error) {
	tmp, err := os.MkdirTemp(f.Dir, ".fetch-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	v, err := version.NewVersion(InstallVersion)
	if err != nil {
		return err
	}
	ev := &releases.ExactVersion{
		Product: product.Terraform, Version: v, InstallDir: tmp, Timeout: 5 * time.Minute, ApiBaseURL: f.BaseURL,
	}
	if _, err := install.NewInstaller().Install(ctx, []src.Installable{ev}); err != nil {
		return err
	}
	if err := os.Chmod(tmp, 0o700); err != nil { //nolint:gosec // a folder: it needs the execute bit
		return err
	}
	return os.Rename(tmp, dir)
}
