package generator

import (
	"time"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"skysail/internal/failure"
	"skysail/policies"
)

// OwnerResource is the address of the resource that says who runs a
// deployment, in a state of its own.
const OwnerResource = "terraform_data.skysail_owner"

// Owner is who runs the deployment of a name, as the shared state says it.
type Owner struct {
	Deployment string `json:"deployment"` // the ID that it began with
	// Installation is the store that keeps the deployment.
	Installation string    `json:"installation"`
	Name         string    `json:"name"`
	Holder       string    `json:"holder"` // user@host
	Since        time.Time `json:"since"`
}

// OwnerFiles makes the root module that writes an Owner into a backend. It has
// no provider but Terraform's own. Applied where there is an owner already it
// changes nothing, so that of two that apply it at once, one at a time under
// the state's lock, the second finds the first.
func OwnerFiles(o Owner, b *policies.Backend) (map[string][]byte, error) {
	backend, err := remoteBackendFile(b, stateName{service: o.Name})
	if err != nil {
		return nil, failure.Wrap(err, failure.Input, "state of "+o.Name, "Nothing was written.", "Mend the policy, and try again.")
	}
	f := hclwrite.NewEmptyFile()
	comment(f.Body(), "Made by skysail: who runs the deployment of this name. It is no resource of any cloud.")
	f.Body().AppendNewBlock("terraform", nil).Body().SetAttributeValue("required_version", cty.StringVal(">= 1.6"))
	f.Body().AppendNewline()
	body := f.Body().AppendNewBlock("resource", []string{"terraform_data", "skysail_owner"}).Body()
	body.SetAttributeValue("input", cty.ObjectVal(map[string]cty.Value{
		"deployment":   cty.StringVal(o.Deployment),
		"installation": cty.StringVal(o.Installation),
		"name":         cty.StringVal(o.Name),
		"holder":       cty.StringVal(o.Holder),
		"since":        cty.StringVal(o.Since.UTC().Format(time.RFC3339)),
	}))
	body.AppendNewline()
	comment(body, "Who comes second changes nothing, and reads who was first.")
	body.AppendNewBlock("lifecycle", nil).Body().SetAttributeRaw("ignore_changes", hclwrite.TokensForTuple([]hclwrite.Tokens{hclwrite.TokensForIdentifier("input")}))
	return map[string][]byte{"main.tf": bytesOf(f), "backend.tf": backend}, nil
}
