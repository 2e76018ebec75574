package deploy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// bundleOf is a bundle's folder beside the attempt's own: "next" while it is
// only planned, rN while revision N is applied, "old" while N takes its place.
func (a *attempt) bundleOf(what string) string { return filepath.Join(a.dir, "bundle-"+what) }

func (a *attempt) bundleOfRevision(n int) string { return a.bundleOf(fmt.Sprintf("r%d", n)) }

// settleBundle makes the bundle of the revision that the store has the
// attempt's own, and removes those of others: what an update that died left
// undone, or that one is about to do. At each moment of it the old bundle or
// the new one is whole. It is idempotent. The caller holds the name's lock.
func (a *attempt) settleBundle() error {
	committed := a.bundleOfRevision(a.dep.Revision)
	switch _, err := os.Stat(committed); {
	case err == nil:
		if a.hasBundle() {
			if err := errors.Join(os.RemoveAll(a.bundleOf("old")), os.Rename(a.bundle(), a.bundleOf("old"))); err != nil {
				return fmt.Errorf("bundle: %w", err)
			}
		}
		if err := os.Rename(committed, a.bundle()); err != nil {
			return fmt.Errorf("bundle: %w", err)
		}
	case !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("bundle: %w", err)
	}
	rest, err := filepath.Glob(a.bundleOf("*"))
	for _, dir := range rest {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}

// hasBundle says whether the attempt's own bundle is in its place.
func (a *attempt) hasBundle() bool {
	_, err := os.Stat(a.bundle())
	return err == nil
}
