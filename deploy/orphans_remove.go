package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"skysail/clouds"
	"skysail/internal/failure"
	"skysail/policies"
	"skysail/store"
)

// Refusal is an orphan that was left alone, and why.
type Refusal struct {
	Orphan
	Reason string `json:"reason"`
}

// OrphanOutcome is what DeleteOrphans or AdoptOrphans did.
type OrphanOutcome struct {
	// Proofs are of deletions, one for each deployment and provider.
	Proofs []Proof `json:"proofs"`
	// Adopted are the names that are under management again.
	Adopted []string  `json:"adopted"`
	Refused []Refusal `json:"refused"`
}

// group is what of one deployment is at one provider, or on one cluster.
type group struct {
	id, name, provider string
	cluster            string // the kubeconfig context, "" for a cloud
	orphans            []Orphan
}

// clusterOf is the kubeconfig context that a thing is on.
func clusterOf(r *clouds.Resource) string {
	if r.Provider == policies.Kubernetes {
		return r.Region
	}
	return ""
}

// groups sorts out what may be touched; the rest is refused.
func groups(list []Orphan, out *OrphanOutcome) []*group {
	var gs []*group
	for _, o := range list {
		if o.Foreign != "" {
			out.Refused = append(out.Refused, Refusal{o, o.Foreign})
			continue
		}
		i := slices.IndexFunc(gs, func(g *group) bool {
			return g.id == o.Deployment && g.provider == o.Provider && g.cluster == clusterOf(&o.Resource)
		})
		if i < 0 {
			gs = append(gs, &group{id: o.Deployment, name: o.Owner, provider: o.Provider, cluster: clusterOf(&o.Resource)})
			i = len(gs) - 1
		}
		gs[i].orphans = append(gs[i].orphans, o)
	}
	return gs
}

func (out *OrphanOutcome) refuse(g *group, reason string) {
	for _, o := range g.orphans {
		out.Refused = append(out.Refused, Refusal{o, reason})
	}
}

// lockGroup locks the deployment of orphans. Where somebody works on it they
// are refused, and locked is false.
func (d *Deployer) lockGroup(g *group, out *OrphanOutcome) (unlock func(), locked bool, err error) {
	unlock, err = d.lockName(g.name, "orphans")
	if err != nil && failure.CodeOf(err) == failure.Busy {
		out.refuse(g, "somebody works on its deployment: "+firstCause(err))
		return nil, false, nil
	}
	return unlock, err == nil, err
}

// DeleteOrphans deletes orphans that Orphans listed and that are proven to be
// of this store's making: the ID in the tag is one that its journal knows, it
// has an attempt of that deployment at that provider, and where the provider
// tells the time of creation it fits. Each deployment is locked and looked up
// again first, and the provider is asked again after. What is foreign is
// refused with the reason. Idempotent; when something is left the failure's
// code is LeftBehind.
func (d *Deployer) DeleteOrphans(ctx context.Context, list OrphanList) (OrphanOutcome, error) {
	out := OrphanOutcome{Proofs: []Proof{}, Adopted: []string{}, Refused: []Refusal{}}
	var failed []error
	for _, g := range groups(list.Orphans, &out) {
		if err := d.deleteGroup(ctx, g, list.Sandbox, &out); err != nil {
			failed = append(failed, err)
		}
	}
	return out, errors.Join(failed...)
}

func (d *Deployer) deleteGroup(ctx context.Context, g *group, sandbox bool, out *OrphanOutcome) error {
	unlock, locked, err := d.lockGroup(g, out)
	if !locked {
		return err
	}
	defer unlock()
	known, err := d.journal(ctx)
	if err != nil {
		return err
	}
	for _, o := range g.orphans {
		if again, orphan := known.judge(o.Resource, sandbox); !orphan || again.Foreign != "" {
			out.refuse(g, "it is no orphan any more")
			return nil
		}
	}
	e := known[g.id]
	i := slices.IndexFunc(e.attempts, func(a store.Attempt) bool {
		return a.Provider == g.provider && (g.cluster == "" || a.Region == g.cluster)
	})
	env, err := d.environment(ctx, sandbox)
	if err != nil {
		return err
	}
	c, err := d.cloudOf(&e.attempts[i], env)
	if err != nil {
		return err
	}
	a := &attempt{dep: &e.row, row: e.attempts[i], cloud: onlyCloud{c, g.orphans}}
	ctx, cancel := cleanContext(ctx)
	defer cancel()
	proof := Proof{Provider: g.provider, Destroyed: []string{}}
	proof.Swept, proof.Left, err = d.sweep(ctx, a, true)
	if err == nil || len(proof.Left) > 0 {
		proof.AskedAt = time.Now().UTC()
	}
	out.Proofs = append(out.Proofs, proof)
	if err == nil {
		return nil
	}
	left := &LeftBehindError{Provider: g.provider, Left: proof.Left, Err: err}
	for _, r := range proof.Left {
		left.USDHour += r.PriceUSD
	}
	return failure.Wrap(left, failure.LeftBehind, "orphans of "+g.name, "What is listed may still exist.",
		"Run `skysail orphans --delete` again; when that fails as well, remove it in the provider's console.")
}

// onlyCloud is a cloud that shows nothing but the listed things.
type onlyCloud struct {
	Cloud
	orphans []Orphan
}

// Find implements Cloud.
func (c onlyCloud) Find(ctx context.Context, id string) ([]clouds.Resource, error) {
	list, err := c.Cloud.Find(ctx, id)
	return slices.DeleteFunc(list, func(r clouds.Resource) bool {
		return !slices.ContainsFunc(c.orphans, func(o Orphan) bool { return o.Kind == r.Kind && o.ID == r.ID })
	}), err
}

// AdoptOrphans puts deployments that this store takes for ended, and that
// still have things, under management again: they are stuck, with the things
// in the reason, so that they are shown with every list and Destroy removes
// them with proof. What is foreign, what is of a live deployment, and what is
// of a name that another live deployment has, is refused. Idempotent.
func (d *Deployer) AdoptOrphans(ctx context.Context, list OrphanList) (OrphanOutcome, error) {
	out := OrphanOutcome{Proofs: []Proof{}, Adopted: []string{}, Refused: []Refusal{}}
	var failed []error
	var all []*group // of all providers together
	for _, g := range groups(list.Orphans, &out) {
		i := slices.IndexFunc(all, func(other *group) bool { return other.id == g.id })
		if i < 0 {
			all = append(all, g)
			continue
		}
		all[i].orphans = append(all[i].orphans, g.orphans...)
	}
	for _, g := range all {
		if err := d.adopt(ctx, g, &out); err != nil {
			failed = append(failed, err)
		}
	}
	return out, errors.Join(failed...)
}

func (d *Deployer) adopt(ctx context.Context, g *group, out *OrphanOutcome) error {
	unlock, locked, err := d.lockGroup(g, out)
	if !locked {
		return err
	}
	defer unlock()
	holder, err := d.store.Get(ctx, g.name)
	switch {
	case err != nil:
		return err
	case holder.ID == g.id && !holder.Phase.Ended():
		out.refuse(g, "its deployment is live; --delete removes it alone, `skysail destroy "+g.name+"` all of it")
		return nil
	case !holder.Phase.Ended():
		out.refuse(g, fmt.Sprintf("its name is that of a live deployment (%s) now; --delete removes it", holder.ID))
		return nil
	}
	parts := make([]string, len(g.orphans))
	for i, o := range g.orphans {
		parts[i] = strings.Join(strings.Fields(o.Provider+" "+o.Kind+" "+o.ID+" "+o.Region), " ")
	}
	reason := fmt.Sprintf("adopted: it had ended, but of it there are still %d things\n%s", len(parts), strings.Join(parts, "\n"))
	if err := d.store.SetPhase(ctx, g.id, store.Stuck, reason); err != nil {
		return err
	}
	out.Adopted = append(out.Adopted, g.name)
	return nil
}
