package deploy

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"skysail/catalog"
	"skysail/generator"
	"skysail/selector"
)

// salvage makes what is on disk of an attempt usable before it is cleaned: the
// best state there is in its place, and a bundle to run on it. What it can not
// mend it leaves, for the sweep finds by tag what Terraform can not. An error
// says that a state is lost, or in a place where it is of no use.
func (d *Deployer) salvage(ctx context.Context, a *attempt) error {
	if a.workspace.Remote {
		if !a.exists() {
			return nil // it never came to an init, so there is no state
		}
		return d.openState(ctx, a)
	}
	did, err := a.workspace.Salvage()
	for _, text := range did {
		d.emit(EventWarning, a, "%s", text)
	}
	if err != nil {
		return err
	}
	state, err := a.workspace.Resources(ctx)
	if err != nil || len(state) == 0 || a.whole() {
		return err
	}
	// For a destroy the bundle has to say which provider and where; its keys
	// are those of instances that go.
	o := &catalog.Offer{Provider: a.row.Provider, Region: a.row.Region, Type: a.row.Type}
	if a.row.Zone != "" {
		o.Zones = []string{a.row.Zone}
	}
	a.candidate = &selector.Candidate{Offer: o, Spot: a.row.Spot}
	if err := d.generate(ctx, a); err != nil {
		d.emit(EventWarning, a, "parts of the bundle are missing and can not be made again: %v", err)
		return nil // destroy says it
	}
	d.emit(EventWarning, a, "parts of the bundle were missing and are made again")
	return nil
}

// whole says that nothing is missing that Terraform wants of a bundle.
func (a *attempt) whole() bool {
	for _, path := range []string{
		filepath.Join(a.bundle(), "main.tf"), filepath.Join(a.bundle(), "versions.tf"), filepath.Join(a.bundle(), "backend.tf"),
		filepath.Join(a.bundle(), generator.VariablesFile), filepath.Join(a.private(), generator.PrivateVariablesFile),
	} {
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) && (a.row.Provider != "local" || filepath.Dir(path) == a.bundle()) {
			return false
		}
	}
	return true
}
