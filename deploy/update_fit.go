package deploy

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"skysail/policies"
	"skysail/selector"
	"skysail/store"
)

// openings are the resource types that decide who reaches the instances.
// They change under a running instance without a harm to it.
var openings = []string{
	"aws_security_group", "aws_vpc_security_group_ingress_rule", "aws_vpc_security_group_egress_rule",
	"digitalocean_firewall", "google_compute_firewall", "vultr_firewall_group", "vultr_firewall_rule",
}

// memberships are those of them that instances are members of: one that is made
// anew takes its instances with it.
var memberships = []string{"aws_security_group", "vultr_firewall_group"}

// labels are attributes that tell people something, and nothing to a machine.
var labels = []string{"tags", "tags_all", "volume_tags", "labels", "effective_labels", "terraform_labels", "label", "description"}

// mustReplace says why a plan is not to be applied to a running deployment in
// place; empty when it can be. Terraform alone does not tell: Google Cloud and
// AWS take other user-data for a running instance, which then goes on with
// the old service, since only the first boot reads it.
func mustReplace(provider string, plan *tfjson.Plan) string {
	if provider == policies.Local {
		return ""
	}
	if provider == policies.Kubernetes {
		return mustReplaceRelease(plan)
	}
	for _, rc := range plan.ResourceChanges {
		if rc.Mode != tfjson.ManagedResourceMode || rc.Change == nil || rc.Change.Actions.NoOp() {
			continue
		}
		update := rc.Change.Actions.Update()
		if slices.Contains(openings, rc.Type) && (update || !slices.Contains(memberships, rc.Type)) {
			continue
		}
		attributes := changedAttributes(rc.Change)
		if update && len(attributes) > 0 && !slices.ContainsFunc(attributes, func(a string) bool { return !slices.Contains(labels, a) }) {
			continue
		}
		if len(attributes) > 0 && !rc.Change.Actions.Create() && !rc.Change.Actions.Delete() {
			return fmt.Sprintf("%s changes in %s", rc.Address, strings.Join(attributes, ", "))
		}
		return fmt.Sprintf("%s is not as it was", rc.Address)
	}
	return ""
}

// mustReplaceRelease is mustReplace for a Helm release: it rolls the pods over
// in place, and takes them back when the new ones do not become ready. One
// that would be made anew is another deployment.
func mustReplaceRelease(plan *tfjson.Plan) string {
	for _, rc := range plan.ResourceChanges {
		if rc.Mode != tfjson.ManagedResourceMode || rc.Change == nil {
			continue
		}
		if a := rc.Change.Actions; a.Delete() || a.Replace() || a.Create() {
			return fmt.Sprintf("%s is not as it was", rc.Address)
		}
	}
	return ""
}

// changedAttributes are the names of a resource's attributes that a change
// gives another value, sorted. What is only known after the apply is not
// among them.
func changedAttributes(c *tfjson.Change) []string {
	before, _ := c.Before.(map[string]any)
	after, _ := c.After.(map[string]any)
	var out []string
	for name, v := range after {
		if !reflect.DeepEqual(v, before[name]) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// stillFits finds the candidate that a deployment has now among those of a
// selection, else says that it is not there.
func stillFits(cur *store.Deployment, row *store.Attempt, r selector.Result) (*selector.Candidate, string) {
	for i := range r.Candidates {
		c := &r.Candidates[i]
		if c.Offer.Provider == row.Provider && c.Offer.Region == row.Region && c.Offer.Type == row.Type && c.Spot == row.Spot {
			return c, ""
		}
	}
	return nil, fmt.Sprintf("%s %s in %s is no candidate for it any more (%s: %s)", cur.Provider, cur.Type, cur.Region, r.Rule, r.Why)
}
