package deploy

import (
	"context"

	tfjson "github.com/hashicorp/terraform-json"

	"skysail/deploy/review"
)

// verdict is what the guardrails say of a candidate's plan; nil when there are
// none.
func (d *Deployer) verdict(context.Context, *attempt, *tfjson.Plan) (*review.Verdict, error) {
	return nil, nil //nolint:nilnil // no guardrails, no verdict
}
