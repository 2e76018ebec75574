package deploy

import (
	"context"
	"fmt"
	"strings"
	"time"

	tfjson "github.com/hashicorp/terraform-json"

	"skysail/clouds"
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
	known := recordedText(plan)
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

func driftItems(plan *tfjson.Plan) []DriftItem {
	out := []DriftItem{}
	for _, rc := range plan.ResourceDrift {
		if rc.Mode != tfjson.ManagedResourceMode || rc.Change == nil || rc.Change.Actions.NoOp() {
			continue
		}
		item := DriftItem{Address: rc.Address, Type: rc.Type, Action: "update", Attributes: []DriftAttribute{}}
		if rc.Change.Actions.Delete() {
			item.Action = "delete"
			out = append(out, item)
			continue
		}
		before, _ := rc.Change.Before.(map[string]any)
		after, _ := rc.Change.After.(map[string]any)
		for _, name := range changedAttributes(rc.Change) {
			at := DriftAttribute{Name: name}
			if !sensitive(rc.Change.BeforeSensitive, name) && !sensitive(rc.Change.AfterSensitive, name) {
				at.Before, at.After = leaf(name, before[name]), leaf(name, after[name])
			}
			item.Attributes = append(item.Attributes, at)
		}
		out = append(out, item)
	}
	return out
}

// sensitive says whether Terraform marks any part of an attribute so.
func sensitive(marks any, name string) bool {
	m, ok := marks.(map[string]any)
	if !ok {
		return marks == true
	}
	return marked(m[name])
}

func marked(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case map[string]any:
		for _, x := range v {
			if marked(x) {
				return true
			}
		}
	case []any:
		for _, x := range v {
			if marked(x) {
				return true
			}
		}
	}
	return false
}

// recordedText is every text that a state holds, and the last part of each
// path: the IDs of what it knows are among them.
func recordedText(plan *tfjson.Plan) map[string]bool {
	known := map[string]bool{}
	if plan.PriorState == nil || plan.PriorState.Values == nil {
		return known
	}
	var module func(*tfjson.StateModule)
	module = func(m *tfjson.StateModule) {
		if m == nil {
			return
		}
		for _, r := range m.Resources {
			for _, v := range r.AttributeValues {
				texts(known, v)
			}
		}
		for _, c := range m.ChildModules {
			module(c)
		}
	}
	module(plan.PriorState.Values.RootModule)
	return known
}

func texts(into map[string]bool, v any) {
	switch v := v.(type) {
	case string:
		into[v] = true
		into[v[strings.LastIndex(v, "/")+1:]] = true
	case map[string]any:
		for _, x := range v {
			texts(into, x)
		}
	case []any:
		for _, x := range v {
			texts(into, x)
		}
	}
}
