package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"skysail/clouds"
	"skysail/clouds/kubernetes"
	"skysail/internal/failure"
	"skysail/store"
)

// DriftItem is something that somebody changed or deleted outside.
type DriftItem struct {
	Address string `json:"address"`
	Type    string `json:"type"`
	// Action is what was done to it: update or delete.
	Action string `json:"action"`
	// Attributes are those with another value than recorded; empty when it was
	// deleted.
	Attributes []DriftAttribute `json:"attributes"`
}

// DriftAttribute is an attribute with what was recorded and what there is, as
// JSON; both empty when they are sensitive.
type DriftAttribute struct {
	Name   string `json:"name"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// Drift is how what a provider has differs from what was made.
type Drift struct {
	Name     string      `json:"name"`
	ID       string      `json:"id"`
	Provider string      `json:"provider"`
	Drifted  bool        `json:"drifted"`
	Changed  []DriftItem `json:"changed"`
	// Strange is what carries the deployment's tag and is in no state.
	Strange []clouds.Resource `json:"strange"`
	AskedAt time.Time         `json:"asked_at"`
}

// Drift compares what is recorded of a running deployment with what its
// provider has: by a refresh-only plan, and by tag. It changes neither and may
// be repeated; while an operation runs it is a Busy failure. A provider that
// can not be asked is an error, never "no drift".
func (d *Deployer) Drift(ctx context.Context, name string) (Drift, error) {
	row, err := d.get(ctx, name)
	if err != nil {
		return Drift{}, err
	}
	unlock, err := d.lockName(row.Name, "drift")
	if err != nil {
		return Drift{}, err
	}
	defer unlock()
	if row, err = d.get(ctx, name); err != nil {
		return Drift{}, err
	}
	a, err := d.driftAttempt(ctx, &row)
	if err != nil {
		return Drift{}, err
	}
	d.emit(EventStep, a, "comparing")
	plan, err := a.workspace.Drift(ctx)
	if err != nil {
		return Drift{}, failure.Wrap(err, failure.Failed, fmt.Sprintf("comparing %q with what %s has", row.Name, row.Provider),
			"Nothing was changed.", "`skysail doctor` tries the credentials.")
	}
	out := Drift{
		Name: row.Name, ID: row.ID, Provider: row.Provider, Changed: driftItems(plan), Strange: []clouds.Resource{}, AskedAt: time.Now().UTC(),
	}
	found, err := a.cloud.Find(ctx, row.ID)
	if err != nil {
		return Drift{}, failure.Wrap(err, failure.Failed, fmt.Sprintf("asking %s by tag", row.Provider), "Nothing was changed.", "")
	}
	if c, ok := a.cluster(); ok {
		err := d.clusterDrift(ctx, &out, c, found)
		return out, err
	}
	known := map[string]bool{}
	for _, r := range recorded(plan) {
		texts(known, r.AttributeValues)
	}
	for _, r := range found {
		if !known[r.ID] {
			out.Strange = append(out.Strange, r)
		}
	}
	out.Drifted = len(out.Changed)+len(out.Strange) > 0
	return out, nil
}

// driftAttempt is the attempt whose workspace is compared.
func (d *Deployer) driftAttempt(ctx context.Context, row *store.Deployment) (*attempt, error) {
	if row.Phase != store.Running {
		return nil, failure.New(failure.Input, fmt.Sprintf("deployment %q is %s", row.Name, row.Phase),
			"Only what runs can be compared with what was made.", fmt.Sprintf("`skysail status %s` says more.", row.Name))
	}
	attempts, err := d.store.Attempts(ctx, row.ID)
	if err != nil {
		return nil, err
	}
	at, ok := attemptOf(attempts, row.Attempt)
	if !ok {
		return nil, fmt.Errorf("deployment %s has no attempt %d", row.ID, row.Attempt)
	}
	a, err := d.openAttempt(ctx, row, at)
	if err != nil {
		return nil, err
	}
	return a, a.settleBundle()
}

// clusterDrift compares a release with the cluster, object by object: Terraform
// knows the release as a whole only, and takes its word for the rest.
func (d *Deployer) clusterDrift(ctx context.Context, out *Drift, c *kubernetes.Cloud, found []clouds.Resource) error {
	list, err := c.Drift(ctx, out.ID)
	if errors.Is(err, kubernetes.ErrNoRelease) {
		list, err = nil, nil // the refresh-only plan has told it
	}
	if err != nil {
		return failure.Wrap(err, failure.Failed, "comparing the release with the cluster", "Nothing was changed.", "")
	}
	for _, x := range list {
		item := DriftItem{Address: x.Namespace + "/" + x.Name, Type: x.Kind, Action: "update", Attributes: []DriftAttribute{}}
		if x.Deleted {
			item.Action = "delete"
		}
		for _, f := range x.Fields {
			item.Attributes = append(item.Attributes, DriftAttribute{Name: f.Path, Before: jsonText(f.Want), After: jsonText(f.Have)})
		}
		out.Changed = append(out.Changed, item)
	}
	for _, r := range found {
		// All that the chart and its controllers make has the release's name
		// before its own.
		if r.Kind != kubernetes.KindRelease && r.Kind != kubernetes.KindNamespace && !clouds.Named(r.Name, out.ID) {
			out.Strange = append(out.Strange, r)
		}
	}
	out.Drifted = len(out.Changed)+len(out.Strange) > 0
	return nil
}

func jsonText(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return ""
	}
	return string(b)
}
