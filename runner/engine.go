package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

// Engine is a Terraform or OpenTofu executable.
type Engine struct {
	Path string
	Kind EngineKind
	// Installed says that skysail fetched it, rather than found it.
	Installed bool
}

// Version asks the engine for its version.
func (e Engine) Version(ctx context.Context) (string, error) {
	v, err := engineVersion(ctx, e.Path)
	if err != nil {
		return "", fmt.Errorf("%s does not say its version: %w", e.Path, err)
	}
	return v.String(), nil
}

// EngineFinder looks for an engine. Terraform is fetched when there is none.
type EngineFinder struct {
	// Kind is what to look for; empty is Terraform.
	Kind EngineKind
	// ExecPath, when set, is used as it is and nothing is looked for.
	ExecPath string
	// Dir is where an engine that was fetched is kept.
	Dir string
	// BaseURL replaces https://releases.hashicorp.com, for mirrors.
	BaseURL string
	// Notice is told, in a sentence, that a download starts; may be nil.
	Notice func(string)
}

// Find returns an engine that satisfies its kind's constraint: from PATH, else
// (Terraform only) from Dir, else from HashiCorp's releases (checksum and signature checked by
// hc-install), written to Dir so that a killed download leaves nothing that
// looks finished. Safe to call from several processes at once.
func (f EngineFinder) Find(ctx context.Context) (Engine, error) {
	e, missing, err := f.Look(ctx)
	if err != nil || e.Path != "" {
		return e, err
	}
	if f.Kind == OpenTofu {
		return Engine{}, notFetched(missing)
	}
	path, err := f.installed(ctx, missing)
	switch {
	case err == nil:
		return Engine{Path: path, Kind: Terraform, Installed: true}, nil
	case ctx.Err() != nil:
		return Engine{}, ctx.Err()
	default:
		return Engine{}, failure.Wrap(err, failure.Failed, missing+", and fetching it failed",
			"skysail needs Terraform to plan, apply and destroy; nothing was changed.",
			"Install Terraform "+EngineConstraint+" and put it on PATH, or run again with network access to releases.hashicorp.com.")
	}
}

// Look is Find without a download: where there is no engine yet it returns
// none, and says in words what was looked for.
func (f EngineFinder) Look(ctx context.Context) (e Engine, missing string, err error) {
	if f.Kind == "" {
		f.Kind = Terraform
	}
	if f.ExecPath != "" {
		path, err := exec.LookPath(f.ExecPath)
		if err == nil { // it is run in another folder
			path, err = filepath.Abs(path)
		}
		if err != nil {
			return Engine{}, "", failure.Wrap(err, failure.Failed, "engine",
				"The "+f.Kind.Name()+" executable that was asked for can not be run.",
				"Give the path of an executable, or leave it out to use the one on PATH.")
		}
		return Engine{Path: path, Kind: f.Kind}, "", nil
	}
	path, tooOld, err := f.onPath(ctx)
	if err != nil || path != "" {
		return Engine{Path: path, Kind: f.Kind}, "", err
	}
	if f.Kind == Terraform && isFile(f.target()) {
		return Engine{Path: f.target(), Kind: f.Kind, Installed: true}, "", nil
	}
	return Engine{}, "no " + f.Kind.Name() + " " + f.Kind.Constraint() + " on PATH" + tooOld, nil
}

// target is where an engine that was fetched is.
func (f EngineFinder) target() string {
	return filepath.Join(f.Dir, "terraform-"+InstallVersion, product.Terraform.BinaryName())
}

// onPath returns the first engine of the kind on PATH that will do, or else,
// in words, those that will not.
func (f EngineFinder) onPath(ctx context.Context) (path, refused string, err error) {
	constraint, err := version.NewConstraint(f.Kind.Constraint())
	if err != nil {
		return "", "", err
	}
	var others otherEngines
	wanted := f.Kind.product()
	wanted.GetVersion = func(ctx context.Context, path string) (*version.Version, error) {
		v, err := f.askOnce(ctx, path)
		if err != nil || !constraint.Check(v) {
			others.add(path, v, err)
		}
		return v, err
	}
	path, err = install.NewInstaller().Ensure(ctx, []src.Source{
		&fs.Version{Product: wanted, Constraints: constraint, Timeout: 20 * time.Second},
	})
	switch {
	case err == nil:
		return path, "", nil
	case ctx.Err() != nil:
		return "", "", ctx.Err()
	case len(others) > 0:
		refused = " (" + strings.Join(others, ", ") + ")"
	}
	return "", refused, nil
}

// engineVersion asks an engine for its version as it will be run: without the
// caller's TF_ variables, and without a call home.
func engineVersion(ctx context.Context, path string) (*version.Version, error) {
	cmd := exec.CommandContext(ctx, path, "version", "-json")
	cmd.WaitDelay = time.Second
	cmd.Env = []string{"CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE=" + os.DevNull}
	for k, v := range BaseEnv(os.LookupEnv) {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var answer struct {
		Version *version.Version `json:"terraform_version"`
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		return nil, err
	}
	if answer.Version == nil {
		return nil, errors.New("no terraform_version in the answer")
	}
	return answer.Version, nil
}

func (f EngineFinder) installed(ctx context.Context, missing string) (string, error) {
	target := f.target()
	dir := filepath.Dir(target)
	if err := os.MkdirAll(f.Dir, 0o700); err != nil {
		return "", fmt.Errorf("engine folder: %w", err)
	}
	lock := flock.New(filepath.Join(f.Dir, "install.lock"))
	if _, err := lock.TryLockContext(ctx, 200*time.Millisecond); err != nil {
		return "", fmt.Errorf("engine lock: %w", err)
	}
	defer func() { _ = lock.Unlock() }()
	if _, err := os.Stat(target); err == nil {
		return target, nil
	}
	if f.Notice != nil {
		f.Notice(missing + ": fetching " + InstallVersion)
	}
	// Whoever holds the lock is the only one who fetches: what is there is of
	// one that was killed.
	for _, stale := range globs(filepath.Join(f.Dir, fetching)) {
		_ = os.RemoveAll(stale)
	}
	return target, f.fetch(ctx, dir)
}

// fetching is the pattern of folders that an engine is fetched into.
const fetching = ".fetch-*"

func globs(pattern string) []string {
	names, _ := filepath.Glob(pattern) // the only error is that of a bad pattern
	return names
}

func (f EngineFinder) fetch(ctx context.Context, dir string) (err error) {
	tmp, err := os.MkdirTemp(f.Dir, fetching)
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
