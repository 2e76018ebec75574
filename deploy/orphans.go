package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"skysail/clouds"
	"skysail/internal/failure"
	"skysail/policies"
	"skysail/store"
)

// copySlack is by how much the clocks of a provider and of this machine may
// differ, and a create may lag behind its request, when the time of a thing's
// creation is compared with the times of the attempt that should have made it.
const copySlack = time.Hour

// OrphanQuery says where Orphans looks.
type OrphanQuery struct {
	// Providers are asked; none are all clouds that have credentials.
	Providers []string
	// Sandbox asks the simulated clouds.
	Sandbox bool
}

// Orphan is a thing that carries a deployment's tag and that no live
// deployment of this store owns.
type Orphan struct {
	clouds.Resource
	// Owner is the deployment's name, where this store knows it.
	Owner string `json:"deployment_name,omitempty"`
	// Why says why nobody owns it.
	Why string `json:"why"`
	// Foreign says why it can not be proven to be of this store's making, so
	// that it is neither deleted nor adopted; empty when it is.
	Foreign string `json:"foreign,omitempty"`
}

// OrphanList is what Orphans found.
type OrphanList struct {
	Sandbox bool     `json:"sandbox"`
	Orphans []Orphan `json:"orphans"`
	// Asked are the providers that answered, Unasked those without
	// credentials, with the reason.
	Asked   []string          `json:"asked"`
	Unasked map[string]string `json:"unasked"`
}

// journalled is what the store has of a deployment.
type journalled struct {
	row      store.Deployment
	attempts []store.Attempt
}

// journal is that of all deployments, by ID.
type journal map[string]journalled

// Orphans asks providers for everything that carries a deployment's tag, and
// returns what no live deployment of this store owns. It changes nothing and
// may be repeated. A provider that does not answer is an error; what the
// others said is returned with it.
func (d *Deployer) Orphans(ctx context.Context, q OrphanQuery) (OrphanList, error) {
	out := OrphanList{Sandbox: q.Sandbox, Orphans: []Orphan{}, Asked: []string{}, Unasked: map[string]string{}}
	listers, err := d.listers(ctx, q, out.Unasked)
	if err != nil {
		return out, err
	}
	// What is made while we ask is in the store before it exists, and what is
	// removed is live there until it is gone: an orphan is one by both looks.
	before, err := d.journal(ctx)
	if err != nil {
		return out, err
	}
	found, failed := askAll(ctx, listers, &out)
	after, err := d.journal(ctx)
	if err != nil {
		return out, err
	}
	for _, r := range found {
		if _, orphan := before.judge(r, q.Sandbox); !orphan {
			continue
		}
		if o, orphan := after.judge(r, q.Sandbox); orphan {
			out.add(o)
		}
	}
	return out, failed
}

// add takes an orphan in, once: where two contexts lead to one cluster, as it
// is seen through the one that its attempt went by.
func (l *OrphanList) add(o Orphan) {
	i := slices.IndexFunc(l.Orphans, func(x Orphan) bool {
		return x.Provider == policies.Kubernetes && x.ID == o.ID && x.Kind == o.Kind && x.Deployment == o.Deployment
	})
	switch {
	case i < 0:
		l.Orphans = append(l.Orphans, o)
	case l.Orphans[i].Foreign != "":
		l.Orphans[i] = o
	}
}

// askAll asks providers one after the other; each asks in all its regions at
// once already.
func askAll(ctx context.Context, listers []lister, out *OrphanList) (found []clouds.Resource, err error) {
	var failed []error
	for _, l := range listers {
		list, err := l.FindAll(ctx)
		if err != nil {
			failed = append(failed, failure.Wrap(err, failure.Failed, l.name,
				"What this provider holds is not known; the others are not affected.", "Mend that and ask again."))
			continue
		}
		out.Asked = append(out.Asked, l.name)
		found = append(found, list...)
	}
	return found, errors.Join(failed...)
}

// lister is one that is asked: a provider, or one cluster of Kubernetes.
type lister struct {
	name string
	Lister
}

func (d *Deployer) listers(ctx context.Context, q OrphanQuery, unasked map[string]string) ([]lister, error) {
	for _, p := range q.Providers {
		if p == policies.Local || !slices.Contains(policies.Providers(), p) {
			return nil, failure.New(failure.Input, fmt.Sprintf("%q is no cloud that can be asked", p), "Nothing was changed.",
				"Name aws, gcp, digitalocean, vultr or kubernetes.")
		}
	}
	env, err := d.environment(ctx, q.Sandbox)
	if err != nil {
		return nil, err
	}
	var out []lister
	for _, p := range policies.Providers() {
		if len(q.Providers) > 0 && !slices.Contains(q.Providers, p) {
			continue
		}
		if p == policies.Kubernetes {
			more, err := d.clusterListers(ctx, env, q, unasked)
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
			continue
		}
		c, err := d.cloud(p, env)
		l, lists := c.(Lister)
		if err != nil || !lists {
			continue
		}
		if err := c.Credentials(); err != nil {
			if len(q.Providers) > 0 {
				return nil, failure.Wrap(err, failure.Input, p+" can not be asked", "Nothing was changed.", "")
			}
			unasked[p] = err.Error()
			continue
		}
		out = append(out, lister{p, l})
	}
	return out, nil
}

func (d *Deployer) journal(ctx context.Context) (journal, error) {
	rows, err := d.store.List(ctx, true)
	if err != nil {
		return nil, err
	}
	out := journal{}
	for i := range rows {
		attempts, err := d.store.Attempts(ctx, rows[i].ID)
		if err != nil {
			return nil, err
		}
		out[rows[i].ID] = journalled{rows[i], attempts}
	}
	return out, nil
}

// judge says whether a thing is an orphan, and whose.
func (k journal) judge(r clouds.Resource, sandbox bool) (Orphan, bool) {
	o := Orphan{Resource: r}
	e, ok := k[r.Deployment]
	if !ok || e.row.Sandbox != sandbox {
		o.Why = "this store knows no such deployment: perhaps another installation's"
		o.Foreign = "its ID is not in this store, and a tag alone proves nothing"
		return o, true
	}
	o.Owner = e.row.Name
	here := slices.DeleteFunc(slices.Clone(e.attempts), func(a store.Attempt) bool { return a.Provider != r.Provider })
	if r.Provider == policies.Kubernetes {
		// Two contexts can lead to one cluster, where what is of one is seen
		// through the other as well.
		if slices.ContainsFunc(here, func(a store.Attempt) bool { return a.Phase != store.AttemptCleaned }) {
			return o, false
		}
		here = slices.DeleteFunc(here, func(a store.Attempt) bool { return a.Region != r.Region })
	}
	switch {
	case e.row.Phase.Ended():
		o.Why = fmt.Sprintf("its deployment is %s here", e.row.Phase)
	case len(here) > 0 && (e.row.Phase == store.Stuck || e.row.Phase == store.Destroying):
		return o, false // its destroy looks at every attempt
	case slices.ContainsFunc(here, func(a store.Attempt) bool { return owns(a, r) }):
		return o, false
	case len(here) == 0:
		o.Why = fmt.Sprintf("its deployment is %s, and never was at %s", e.row.Phase, r.Provider)
	default:
		o.Why = fmt.Sprintf("its deployment is %s, and its attempt there is cleaned", e.row.Phase)
	}
	o.Foreign = foreign(r, here)
	return o, true
}

// owns says that what an attempt made is still there, as far as the store
// knows, and that a thing can be of it. Some things are in no region.
func owns(a store.Attempt, r clouds.Resource) bool {
	return a.Phase != store.AttemptCleaned && (r.Region == "" || r.Region == "global" || r.Region == a.Region)
}

// foreign says what speaks against a thing with a known ID in its tag being
// made by one of the deployment's attempts at the provider: tags are copied
// with machines and disks, by people and by consoles.
func foreign(r clouds.Resource, here []store.Attempt) string {
	if len(here) == 0 {
		return "this store has no attempt of that deployment at " + r.Provider
	}
	if r.CreatedAt.IsZero() {
		return ""
	}
	first := slices.MinFunc(here, func(a, b store.Attempt) int { return a.StartedAt.Compare(b.StartedAt) })
	last := slices.MaxFunc(here, func(a, b store.Attempt) int { return cmp.Compare(a.EndedAt.UnixMilli(), b.EndedAt.UnixMilli()) })
	open := slices.ContainsFunc(here, func(a store.Attempt) bool { return a.EndedAt.IsZero() })
	switch {
	case r.CreatedAt.Before(first.StartedAt.Add(-copySlack)):
		return "it is older than the deployment's first attempt at " + r.Provider
	case !open && r.CreatedAt.After(last.EndedAt.Add(copySlack)):
		return "it was made after the deployment's last attempt at " + r.Provider + " had ended, so its tag is a copy"
	}
	return ""
}
