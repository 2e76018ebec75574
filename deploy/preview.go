package deploy

import (
	"context"

	tfjson "github.com/hashicorp/terraform-json"

	"skysail/deploy/review"
	"skysail/guardrails"
	"skysail/selector"
)

// Change is one thing that a plan would do.
type Change = review.Change

// Preview is what a person approves.
type Preview struct {
	Name      string             `json:"name"`
	ID        string             `json:"id"`
	Sandbox   bool               `json:"sandbox"`
	Instances int                `json:"instances"`
	Rule      selector.Rule      `json:"rule"`
	Why       string             `json:"why"`
	Candidate selector.Candidate `json:"candidate"`
	Changes   []Change           `json:"changes"`
	// Fallbacks are tried in order when Candidate fails; MaxUSD is the
	// highest total among all of them, in dollars an hour.
	Fallbacks []selector.Candidate `json:"fallbacks"`
	MaxUSD    float64              `json:"max_usd_hour"`
	Bundle    string               `json:"bundle"` // folder of the reviewable files
	// Warnings are the guardrails' about Candidate. Denied are the candidates
	// before it, which they keep from being applied.
	Warnings []string `json:"warnings,omitempty"`
	Denied   []Denial `json:"denied,omitempty"`
	// Update is set when a running deployment is changed.
	Update *UpdatePreview `json:"update,omitempty"`
}

func (r *run) approve(ctx context.Context, a *attempt, plan *tfjson.Plan, v guardrails.Verdict) (bool, error) {
	if r.d.opts.Approve == nil {
		return true, nil
	}
	p := r.d.preview(a, r.result, plan, v, r.denials)
	p.Update = r.update.overlapping(p.MaxUSD)
	return r.d.opts.Approve(ctx, p)
}

func (d *Deployer) preview(a *attempt, result selector.Result, plan *tfjson.Plan, v guardrails.Verdict, ds denials) Preview {
	p := Preview{
		Name: a.dep.Name, ID: a.dep.ID, Sandbox: a.dep.Sandbox, Instances: a.dep.Service.Instances,
		Rule: result.Rule, Why: result.Why, Candidate: *a.candidate, Changes: changes(plan), Bundle: a.bundle(),
		MaxUSD: a.candidate.TotalUSD, Warnings: v.WarnTexts(), Denied: ds,
	}
	for i := range result.Candidates {
		c := result.Candidates[i]
		if c.Offer == a.candidate.Offer && c.Spot == a.candidate.Spot || ds.has(&c) || ds.hopeless(c.Offer.Provider) {
			continue
		}
		p.Fallbacks = append(p.Fallbacks, c)
		p.MaxUSD = max(p.MaxUSD, c.TotalUSD)
	}
	return p
}

func changes(plan *tfjson.Plan) []Change { return review.Changes(plan) }
