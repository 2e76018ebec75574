package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"skysail/clouds/faults"
	"skysail/generator"
	"skysail/guardrails"
	"skysail/internal/failure"
	"skysail/selector"
	"skysail/store"
)

// maxDenied bounds how many candidates are planned only to be denied.
const maxDenied = 20

// errDenied says that a candidate was planned, denied and left out.
var errDenied = errors.New("denied by the guardrails")

// Denial is a candidate that the guardrails keep from being applied.
type Denial struct {
	Provider string   `json:"provider"`
	Region   string   `json:"region"`
	Type     string   `json:"type"`
	Spot     bool     `json:"spot"`
	Reasons  []string `json:"reasons"`
}

func (x Denial) String() string {
	return fmt.Sprintf("%s %s in %s: %s", x.Provider, x.Type, x.Region, strings.Join(x.Reasons, "; "))
}

// checkRules reads the policy's rules before anything else is done: a mistake
// in them is one of the input.
func (d *Deployer) checkRules() error {
	_, err := guardrails.Compile(d.policy.Guardrails)
	return err
}

// judge asks the guardrails about an attempt's plan. Whatever applies a plan
// has asked before: a denied one is not applied.
func (d *Deployer) judge(ctx context.Context, a *attempt, plan *tfjson.Plan) (guardrails.Verdict, error) {
	raw, err := json.Marshal(plan)
	if err != nil {
		return guardrails.Verdict{}, fmt.Errorf("plan: %w", err)
	}
	v, err := guardrails.Evaluate(ctx, guardrails.Input{Plan: raw, Facts: factsOf(a.dep, a.candidate), Rules: a.dep.Policy.Guardrails})
	if err != nil {
		return v, err
	}
	for _, w := range v.WarnTexts() {
		d.emit(EventWarning, a, "%s", w)
	}
	return v, nil
}

// factsOf is what rules are told of a candidate.
func factsOf(dep *store.Deployment, c *selector.Candidate) guardrails.Facts {
	price := c.TotalUSD
	f := guardrails.Facts{
		Deployment: dep.ID,
		Service:    guardrails.ServiceOf(&dep.Service),
		Candidate: &guardrails.Candidate{
			Provider: c.Offer.Provider, Region: c.Offer.Region, Zone: c.Zone(), Type: c.Offer.Type, Spot: c.Spot, PriceUSDHour: &price,
		},
		Limits:    guardrails.LimitsOf(&dep.Policy),
		Providers: generator.Pins(),
	}
	if price > 0 {
		f.Candidate.AsOf = c.AsOf()
	}
	return f
}

// denials are the candidates that were denied so far.
type denials []Denial

func (ds *denials) add(c *selector.Candidate, v guardrails.Verdict) Denial {
	x := Denial{Provider: c.Offer.Provider, Region: c.Offer.Region, Type: c.Offer.Type, Spot: c.Spot, Reasons: v.DenyTexts()}
	*ds = append(*ds, x)
	return x
}

// hopeless says that a provider was denied twice for the very same reasons:
// its other candidates would be, too.
func (ds denials) hopeless(provider string) bool {
	for i, x := range ds {
		for _, y := range ds[:i] {
			if x.Provider == provider && y.Provider == provider && slices.Equal(x.Reasons, y.Reasons) {
				return true
			}
		}
	}
	return false
}

func (ds denials) has(c *selector.Candidate) bool {
	return slices.ContainsFunc(ds, func(x Denial) bool {
		return x.Provider == c.Offer.Provider && x.Region == c.Offer.Region && x.Type == c.Offer.Type && x.Spot == c.Spot
	})
}

// failure is that of a service of which every candidate is denied.
func (ds denials) failure(name string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "the guardrails deny every candidate for %q", name)
	for _, x := range ds {
		fmt.Fprintf(&b, "\n  %s %s in %s", x.Provider, x.Type, x.Region)
		for _, reason := range x.Reasons {
			fmt.Fprintf(&b, "\n    %s", reason)
		}
	}
	return failure.New(failure.NothingFits, b.String(), "They were planned, and nothing was created.",
		"Change the service or the policy so that the rules hold, or the policy's rules under guardrails; docs/guardrails.md tells those that are built in.")
}

// denied leaves out a candidate whose plan the guardrails deny: nothing was
// begun, so it is no attempt, and is kept for explain as one that was skipped.
func (r *run) denied(ctx context.Context, a *attempt, v guardrails.Verdict) error {
	x := r.denials.add(a.candidate, v)
	reason := strings.Join(x.Reasons, "; ")
	r.d.emit(EventDenied, a, "%s", reason)
	r.history = append(r.history, "denied: "+x.String())
	hopeless := r.denials.hopeless(x.Provider)
	r.mu.Lock()
	r.queue.denied(hopeless)
	r.mu.Unlock()
	k := store.Skip{
		Provider: x.Provider, Region: x.Region, Type: x.Type, Spot: x.Spot, Candidates: 1, Reason: "the guardrails deny it: " + reason,
	}
	if err := r.d.store.AddSkip(context.WithoutCancel(ctx), r.dep.ID, k); err != nil {
		return fmt.Errorf("what was denied is not recorded: %w", err)
	}
	if err := os.RemoveAll(a.dir); err != nil {
		return fmt.Errorf("folder of a denied candidate: %w", err)
	}
	return errDenied
}

// none ends a run that has no candidate left.
func (r *run) none(ctx context.Context) error {
	if len(r.denials) > 0 && len(r.denials) == len(r.history) {
		return r.abandon(ctx, r.denials.failure(r.dep.Name))
	}
	return r.exhausted(ctx)
}

// denied takes the candidate that was handed out last back: it was no attempt.
// Hopeless ones of its provider are not handed out any more.
func (q *queue) denied(hopeless bool) {
	last := q.slots[q.last]
	q.unused()
	q.again = false
	for i, s := range q.slots { // its other zones have the same plan
		q.used[i] = q.used[i] || s.Candidate == last.Candidate
	}
	if hopeless {
		q.blocked[last.in(faults.ScopeProvider)] = true
	}
}

// planAllowed plans candidates, best first, until the guardrails allow one.
// The caller removes the attempt's folder.
func (d *Deployer) planAllowed(ctx context.Context, dep *store.Deployment, result selector.Result) (*attempt, Preview, error) {
	var ds denials
	for i := range result.Candidates {
		c := &result.Candidates[i]
		if ds.hopeless(c.Offer.Provider) {
			continue
		}
		if len(ds) == maxDenied {
			break
		}
		dir, err := os.MkdirTemp("", "skysail-plan-*")
		if err != nil {
			return nil, Preview{}, fmt.Errorf("plan folder: %w", err)
		}
		a, err := d.openAttemptIn(ctx, dep, rowOf(0, c), dir)
		if err != nil {
			return nil, Preview{}, errors.Join(err, os.RemoveAll(dir))
		}
		a.candidate = c
		p, denied, err := d.tryPlan(ctx, a, result, &ds)
		if err == nil && !denied {
			return a, p, nil
		}
		if err := errors.Join(err, os.RemoveAll(a.dir)); err != nil {
			return nil, Preview{}, err
		}
	}
	return nil, Preview{}, ds.failure(dep.Name)
}

func (d *Deployer) tryPlan(ctx context.Context, a *attempt, result selector.Result, ds *denials) (Preview, bool, error) {
	plan, err := d.prepare(ctx, a)
	if err != nil {
		return Preview{}, false, planFailure(a, err)
	}
	v, err := d.judge(ctx, a, plan)
	if err != nil {
		return Preview{}, false, err
	}
	if v.Denied() {
		d.emit(EventDenied, a, "%s", strings.Join(ds.add(a.candidate, v).Reasons, "; "))
		return Preview{}, true, nil
	}
	return d.preview(a, result, plan, v, *ds), false, nil
}
