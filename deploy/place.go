package deploy

import (
	"context"
	"fmt"
	"strings"

	"skysail/internal/failure"
	"skysail/selector"
	"skysail/spec"
)

// Select returns where the service could go, best first, and why nothing
// else can. It changes nothing. No candidate is no error here.
func (d *Deployer) Select(ctx context.Context, svc *spec.Service) (selector.Result, error) {
	if !d.opts.Remote {
		return selector.Local(svc), nil
	}
	in, err := d.selection(ctx, svc)
	if err != nil {
		return selector.Result{}, err
	}
	return selector.Select(in), nil
}

// NothingFits is the failure for a selection without a candidate.
func NothingFits(svc *spec.Service, r selector.Result) error {
	var b strings.Builder
	fmt.Fprintf(&b, "nothing fits service %q (rule %s: %s)", svc.Name, r.Rule, r.Why)
	for _, x := range r.Refused {
		fmt.Fprintf(&b, "\n  %s: %s", x.Provider, x.Reason)
		if x.Count > 1 {
			fmt.Fprintf(&b, " (%d offers)", x.Count)
		}
	}
	if unusable(r) {
		return failure.New(failure.NothingFits, b.String(),
			"None of these providers can be used from here; nothing was created.",
			"`skysail doctor` tries what is set up and says how to get the rest. `--sandbox` needs no account.")
	}
	meaning := "No provider of the policy has what the service asks for; nothing was created."
	if r.Closest != "" {
		meaning = r.Closest + ".\n" + meaning
	}
	return failure.New(failure.NothingFits, b.String(), meaning,
		"Ask for less, or allow more providers, regions or dollars in the policy; `skysail select --explain` shows each refusal.")
}

// unusable says that not one offer was looked at: every provider of the rule is
// refused as a whole, for want of credentials above all.
func unusable(r selector.Result) bool {
	if r.Closest != "" || len(r.Refused) != len(r.Providers) {
		return false
	}
	for i, x := range r.Refused {
		if x.Provider != r.Providers[i] || x.Count != 1 {
			return false
		}
	}
	return true
}

// place is Select for a deployment: it fails when nothing fits or when the
// service can not be fetched from where it would run.
func (d *Deployer) place(ctx context.Context, svc *spec.Service) (selector.Result, error) {
	if n := svc.Source.Native; n != nil && d.opts.Remote && !d.opts.Sandbox && strings.HasPrefix(n.URL, "file:") {
		return selector.Result{}, failure.New(failure.Input,
			fmt.Sprintf("service %q: source.native.url is a file on this machine", svc.Name),
			"A cloud instance can not fetch it; nothing was created.",
			"Publish the archive and give its https URL. (The sandbox and local deployments read files.)")
	}
	r, err := d.Select(ctx, svc)
	if err != nil {
		return r, err
	}
	if len(r.Candidates) == 0 {
		return r, NothingFits(svc, r)
	}
	d.emitSelection(svc.Name, r)
	return r, nil
}
