package deploy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"skysail/deploy/review"
	"skysail/internal/failure"
	"skysail/runner"
	"skysail/selector"
)

// reviewed is what may be applied of a folder: a copy in the deployment's own
// folder, so that nobody changes it while it is applied.
type reviewed struct {
	dir     string
	entries []review.Entry
}

func (rv *reviewed) candidates() []selector.Candidate {
	out := make([]selector.Candidate, 0, len(rv.entries))
	for _, e := range rv.entries {
		out = append(out, e.Candidate)
	}
	return out
}

// of is the copy of a candidate's folder.
func (rv *reviewed) of(c *selector.Candidate) (string, error) {
	for _, e := range rv.entries {
		if e.Candidate.Offer == c.Offer && e.Candidate.Spot == c.Spot {
			return filepath.Join(rv.dir, e.Folder), nil
		}
	}
	return "", fmt.Errorf("%s %s in %s was not approved", c.Offer.Provider, c.Offer.Type, c.Offer.Region)
}

// stageReviewed copies what may be applied, each file held against the
// manifest as it is read.
func (d *Deployer) stageReviewed(dir string, m *review.Manifest) (*reviewed, error) {
	rv := &reviewed{dir: d.reviewedDir(m.ID), entries: m.Approved()}
	for i := range rv.entries {
		e := &rv.entries[i]
		bundle, private := m.Parts(e)
		to := filepath.Join(rv.dir, e.Folder)
		for sub, files := range map[string]map[string]string{"bundle": bundle, "private": private} {
			for rel, name := range files {
				b, err := m.Read(dir, name)
				if err == nil {
					err = writeFile(filepath.Join(to, sub, filepath.FromSlash(rel)), b)
				}
				if err != nil {
					return nil, errors.Join(err, d.removeFolder(m.ID))
				}
			}
		}
	}
	return rv, nil
}

func writeFile(name string, b []byte) error {
	if err := makePrivate(filepath.Dir(name)); err != nil {
		return err
	}
	if err := renameio.WriteFile(name, b, 0o600, renameio.IgnoreUmask()); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	return nil
}

// ready gets an attempt to where it can be applied: planned now, or taken from
// what was approved.
func (r *run) ready(ctx context.Context, a *attempt, step func(text string)) error {
	if r.reviewed != nil {
		return r.takeReviewed(ctx, a, step)
	}
	return r.d.ready(ctx, a, step)
}

func (r *run) takeReviewed(ctx context.Context, a *attempt, step func(text string)) error {
	from, err := r.reviewed.of(a.candidate)
	if err != nil {
		return err
	}
	if err := copyFolder(from, a.dir); err != nil {
		return err
	}
	lock, err := os.ReadFile(filepath.Join(from, "bundle", runner.LockFile)) //nolint:gosec // our own folder
	if err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	// The cache brings a lock file of its own; the approved one counts.
	if err := r.d.cacheProvider(ctx, a, a.bundle()); err != nil {
		return err
	}
	if err := writeFile(filepath.Join(a.bundle(), runner.LockFile), lock); err != nil {
		return err
	}
	step("init")
	if err := a.workspace.Init(ctx); err != nil {
		return err
	}
	// terraform-exec has no -lockfile=readonly.
	now, err := os.ReadFile(filepath.Join(a.bundle(), runner.LockFile))
	if err != nil || !bytes.Equal(lock, now) {
		return failure.New(failure.Failed, "init changed "+runner.LockFile,
			"The provider here is not the one that the plan was made with; nothing was made.",
			"Take the same providers and the same platform as for the plan, or plan again here.")
	}
	return nil
}

// copyFolder copies plain files; those that are there already are replaced.
func copyFolder(from, to string) error {
	return filepath.WalkDir(from, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("bundle: %w", err)
		}
		rel, err := filepath.Rel(from, name)
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(name) //nolint:gosec // our own folder
		if err != nil {
			return fmt.Errorf("bundle: %w", err)
		}
		return writeFile(filepath.Join(to, rel), b)
	})
}
