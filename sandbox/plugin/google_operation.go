package plugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/api/compute/v1"

	"skysail/internal/tfplugin"
)

// wait waits for an operation, and words what it fails with as the real
// provider does: an operation that had failed when it was answered is told
// without the activity.
func (c *googleCloud) wait(ctx context.Context, op *compute.Operation, project, activity string, timeout time.Duration) error {
	if op.Status == "DONE" {
		return googleOperationError(op)
	}
	limit := time.NewTimer(timeout)
	defer limit.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("Error waiting for %s: error while retrieving operation: unable to finish polling, context has been cancelled", activity)
		case <-limit.C:
			return fmt.Errorf("Error waiting for %s: timeout while waiting for state to become 'DONE' (last state: '%s', timeout: %s)", activity, op.Status, timeout)
		case <-time.After(c.poll):
		}
		next, err := c.operation(ctx, op, project)
		switch {
		case googleMissing(err):
			continue // it lags behind
		case err != nil && ctx.Err() != nil:
			continue
		case err != nil:
			return worded(err, "Error waiting for %s: error while retrieving operation", activity)
		}
		op = next
		if err := googleOperationError(op); err != nil {
			return worded(err, "Error waiting for %s", activity)
		}
		if op.Status == "DONE" {
			return nil
		}
	}
}

func (c *googleCloud) operation(ctx context.Context, op *compute.Operation, project string) (*compute.Operation, error) {
	switch {
	case op.Zone != "":
		return c.ZoneOperations.Get(project, linkName(op.Zone), op.Name).Context(ctx).Do()
	case op.Region != "":
		return c.RegionOperations.Get(project, linkName(op.Region), op.Name).Context(ctx).Do()
	}
	return c.GlobalOperations.Get(project, op.Name).Context(ctx).Do()
}

// googleOperationError is what an operation failed with: messages, the quota that
// was exceeded, and the first explanation and link. Codes are not shown.
func googleOperationError(op *compute.Operation) error {
	if op.Error == nil {
		return nil
	}
	var b strings.Builder
	for _, e := range op.Error.Errors {
		b.WriteString(e.Message + "\n")
		var explained, linked bool
		for _, d := range e.ErrorDetails {
			if q := d.QuotaInfo; q != nil && e.Code == "QUOTA_EXCEEDED" {
				fmt.Fprintf(&b, "\tmetric name = %s\n\tlimit name = %s\n\tlimit = %v\n\tdimensions = %v\n", q.MetricName, q.LimitName, q.Limit, q.Dimensions)
				break
			}
			if m := d.LocalizedMessage; m != nil && !explained {
				explained = true
				b.WriteString("\n\n" + m.Message + "\n")
			}
			if h := d.Help; h != nil && len(h.Links) > 0 && !linked {
				linked = true
				b.WriteString("\n\n" + h.Links[0].Description + "\n" + h.Links[0].Url + "\n")
			}
		}
	}
	return errors.New(b.String())
}

// googleDeletion says whether a deletion is to be left out, or refused.
func googleDeletion(d *tfplugin.Data, what string) (skip bool, err error) {
	switch d.String("deletion_policy") {
	case "PREVENT":
		return true, fmt.Errorf("cannot destroy %s without setting deletion_policy=\"DELETE\" and running `terraform apply`", what)
	case "ABANDON":
		return true, nil
	}
	return false, nil
}

// planLabels plans the labels that Terraform is to own, and those that the
// thing will have: the provider's, the one that says it was made by Terraform,
// and the resource's own over them.
func (s *googleSettings) planLabels(p *tfplugin.Plan) {
	if !p.IsKnown("labels") {
		p.SetUnknown("terraform_labels")
		p.SetUnknown("effective_labels")
		return
	}
	const attribution = "goog-terraform-provisioned"
	before := p.Prior.StringMap("terraform_labels")
	effective := p.Prior.StringMap("effective_labels")
	own := map[string]string{}
	for k, v := range s.labels {
		own[k] = v
	}
	if _, has := effective[attribution]; s.attribution && (has || s.everywhere || p.Creates()) {
		own[attribution] = "true"
	}
	for k, v := range p.StringMap("labels") {
		own[k] = v
	}
	for k := range before {
		if _, ok := own[k]; !ok {
			delete(effective, k)
		}
	}
	for k, v := range own {
		effective[k] = v
	}
	p.Set("terraform_labels", own)
	p.Set("effective_labels", effective)
}

// planDefaults plans what the provider's configuration stands in for.
func (s *googleSettings) planDefaults(p *tfplugin.Plan, attrs ...string) {
	values := map[string]string{"project": s.project, "zone": s.zone, "deletion_policy": s.deletion}
	for _, a := range attrs {
		if p.Config.Value(a).IsNull() && values[a] != "" && (p.Creates() || a == "deletion_policy") {
			p.Set(a, values[a])
		}
	}
}

// setGoogleLabels puts an API's labels into the state, as much of them as each of
// the three attributes is about.
func setGoogleLabels(d *tfplugin.Data, labels map[string]string) {
	for _, a := range []string{"labels", "terraform_labels"} {
		kept := map[string]string{}
		for k := range d.StringMap(a) {
			if v, ok := labels[k]; ok {
				kept[k] = v
			}
		}
		d.Set(a, kept)
	}
	if labels == nil {
		labels = map[string]string{}
	}
	d.Set("effective_labels", labels)
}

// onlyGoogleChanges refuses a change of anything else.
func onlyGoogleChanges(p *tfplugin.Plan, typeName string, all, served []string) error {
	if p.Creates() || p.Replaces() {
		return nil
	}
	for _, a := range all {
		if slices.Contains(served, a) || p.Config.Value(a).IsNull() {
			continue
		}
		if before, after := p.Prior.Value(a), p.Value(a); !before.RawEquals(after) && (!emptyValue(before) || !emptyValue(after)) {
			return &tfplugin.Problem{
				Summary: fmt.Sprintf("a change of %s of %s is not served here", a, typeName), Attribute: a,
				Detail: "Replace the resource: terraform apply -replace=ADDRESS",
			}
		}
	}
	return nil
}
