package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"skysail/catalog"
	"skysail/clouds"
	"skysail/internal/failure"
)

// refreshTimeout bounds what one provider may take. AWS and Google Cloud have
// long lists.
const refreshTimeout = 5 * time.Minute

// RefreshState is how a refresh ended for one provider.
type RefreshState string

// The states.
const (
	Refreshed     RefreshState = "refreshed"
	RefreshSkip   RefreshState = "skipped" // there are no credentials
	RefreshFailed RefreshState = "failed"  // the old file is as it was
)

// Refresh is what asking one provider came to.
type Refresh struct {
	Provider string       `json:"provider"`
	State    RefreshState `json:"state"`
	// Reason says why it was skipped or failed, and how to mend it.
	Reason string `json:"reason,omitempty"`
	// Path is the file that was written; empty in a dry run.
	Path string `json:"path,omitempty"`
	// Offers is how many there are now; Changes is how they differ from what
	// was used before.
	Offers  int             `json:"offers,omitempty"`
	Changes catalog.Changes `json:"changes"`
	AsOf    string          `json:"as_of,omitempty"`
}

// RefreshQuery says what to refresh.
type RefreshQuery struct {
	// Providers are all that sell when empty. One that is named and has no
	// credentials is a failure; otherwise it is skipped.
	Providers []string
	// DryRun asks and compares, and writes nothing.
	DryRun bool
}

// openShop is a cloud that tells its offers to anybody.
type openShop interface{ PublicOffers() bool }

// RefreshCatalog asks providers side by side what they sell now, and writes
// the answers into the home folder, where the offers of all commands are then
// from. A provider that fails keeps its file and its dates, does not disturb
// the others, and makes the call fail after all have ended. It may be
// retried. With Options.Sandbox the simulated clouds are asked, and their
// answers kept apart.
func (d *Deployer) RefreshCatalog(ctx context.Context, q RefreshQuery) ([]Refresh, error) {
	if err := checkSellers(q.Providers); err != nil {
		return nil, err
	}
	names, err := catalog.Providers()
	if err != nil {
		return nil, err
	}
	if len(q.Providers) > 0 {
		names = slices.DeleteFunc(names, func(n string) bool { return !slices.Contains(q.Providers, n) })
	}
	env, err := d.environment(ctx, d.opts.Sandbox)
	if err != nil {
		return nil, err
	}
	out := make([]Refresh, len(names))
	var group sync.WaitGroup
	for i, name := range names {
		group.Go(func() {
			out[i] = d.refresh(ctx, env, name, q)
			d.tell(&out[i], q.DryRun)
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		return out, failure.Wrap(context.Cause(ctx), failure.Interrupted, "catalog refresh", "Files that were not written are as they were.", "")
	}
	return out, refreshFailure(out)
}

func (d *Deployer) refresh(ctx context.Context, env clouds.Env, name string, q RefreshQuery) Refresh {
	r := Refresh{Provider: name}
	c, err := d.cloud(name, env)
	if err != nil {
		return r.failed(err)
	}
	seller, ok := c.(Seller)
	if !ok {
		return r.failed(fmt.Errorf("this version of skysail can not ask %s for its offers", name))
	}
	if shop, ok := c.(openShop); !ok || !shop.PublicOffers() {
		if err := c.Credentials(); err != nil {
			r.State, r.Reason = RefreshSkip, err.Error()
			if slices.Contains(q.Providers, name) {
				r.State = RefreshFailed
			}
			return r
		}
	}
	d.emitProvider(EventStep, name, "asking")
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	file, err := seller.Offers(ctx)
	if err != nil {
		return r.failed(err)
	}
	if d.opts.Sandbox {
		for i := range file.Sources {
			file.Sources[i].Note = strings.TrimSpace("From the simulated cloud of the sandbox. " + file.Sources[i].Note)
		}
	}
	return d.writeCatalog(r, &file, q.DryRun)
}

// writeCatalog writes the file unless that is not wanted, and compares it with what
// is used now.
func (d *Deployer) writeCatalog(r Refresh, file *catalog.File, dry bool) Refresh {
	if file.Provider != r.Provider {
		return r.failed(fmt.Errorf("the answer is of %q", file.Provider))
	}
	dir := catalogDir(d.home, d.opts.Sandbox)
	before, err := catalog.LoadDir(dir, r.Provider)
	if err != nil {
		// A broken file is what a refresh mends.
		var broken *catalog.FileError
		if !errors.As(err, &broken) {
			return r.failed(err)
		}
		if before, err = catalog.LoadDir("", r.Provider); err != nil {
			return r.failed(err)
		}
	}
	after, err := catalog.Expand(file)
	if err != nil {
		return r.failed(err)
	}
	if !dry {
		if err := catalog.Save(dir, file); err != nil {
			return r.failed(err)
		}
		r.Path = catalog.Path(dir, r.Provider)
	}
	r.State, r.Offers, r.Changes = Refreshed, len(after), catalog.Diff(before.Offers, after)
	for i := range after {
		r.AsOf = max(r.AsOf, after[i].AsOf)
	}
	return r
}

func (r Refresh) failed(err error) Refresh {
	r.State, r.Reason = RefreshFailed, err.Error()
	return r
}

// tell reports how a provider ended, while others are still asked.
func (d *Deployer) tell(r *Refresh, dry bool) {
	switch r.State {
	case RefreshFailed:
		d.emitProvider(EventFault, r.Provider, "%s; the old prices stay, with their dates", r.Reason)
	case RefreshSkip:
		d.emitProvider(EventWarning, r.Provider, "skipped: %s", r.Reason)
	default:
		verb := "written"
		if dry {
			verb = "asked, nothing written"
		}
		d.emitProvider(EventReady, r.Provider, "%s: %d offers, %d added, %d removed, %d cheaper, %d dearer, %d changed otherwise", verb,
			r.Offers, r.Changes.Added, r.Changes.Removed, r.Changes.Cheaper, r.Changes.Dearer, r.Changes.Other)
	}
}

func refreshFailure(all []Refresh) error {
	var failed []string
	var reasons strings.Builder
	for i := range all {
		if all[i].State == RefreshFailed {
			failed = append(failed, all[i].Provider)
			fmt.Fprintf(&reasons, "\n  %s: %s", all[i].Provider, all[i].Reason)
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return failure.New(failure.Failed, "not refreshed: "+strings.Join(failed, ", ")+reasons.String(),
		"Their old prices stay in use, with their old dates; the other providers are not affected.",
		"Mend that and run `skysail catalog refresh "+strings.Join(failed, " ")+"`.")
}
