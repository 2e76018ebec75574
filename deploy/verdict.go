package deploy

import (
	"context"
	"fmt"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"skysail/deploy/review"
	"skysail/internal/failure"
)

// verdict is what the guardrails say of a candidate's plan, for the manifest.
func (d *Deployer) verdict(ctx context.Context, a *attempt, plan *tfjson.Plan) (*review.Verdict, error) {
	v, err := d.judge(ctx, a, plan)
	if err != nil {
		return nil, err
	}
	if v.Denied() {
		d.emit(EventDenied, a, "%s", strings.Join(v.DenyTexts(), "; "))
	}
	return &review.Verdict{Deny: v.DenyTexts(), Warn: v.WarnTexts()}, nil
}

// allDenied is the failure of a folder of which nothing may be applied; it is
// written all the same, for its reasons.
func allDenied(m *review.Manifest) error {
	if len(m.Approved()) > 0 {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "no candidate for %q may be applied", m.Name)
	for i := range m.Candidates {
		e := &m.Candidates[i]
		o := e.Candidate.Offer
		fmt.Fprintf(&b, "\n  %s %s in %s: %s", o.Provider, o.Type, o.Region, e.Refusal())
	}
	return failure.New(failure.NothingFits, b.String(), "They were planned for review, and nothing was created.",
		"Change the service or the policy so that the rules hold; docs/guardrails.md tells those that are built in.")
}

func planFailure(a *attempt, err error) error {
	class, cause := classify(a, err)
	return failure.Wrap(err, failure.Failed, fmt.Sprintf("planning %q on %s", a.dep.Name, a.row.Provider),
		fmt.Sprintf("%s: %s. Nothing was created.", class, cause), class.Remedy())
}
