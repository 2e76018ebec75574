package deploy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"skysail/internal/failure"
	"skysail/policies"
	"skysail/qos"
	"skysail/store"
)

// reached finds the instance that a person wants to reach: the one that is
// named, or the first. row is its deployment.
func (d *Deployer) reached(ctx context.Context, name, instance string) (row store.Deployment, t qos.Target, err error) {
	row, err = d.get(ctx, name)
	if err != nil {
		return row, t, err
	}
	targets, err := d.registered(ctx, &row)
	if err != nil {
		return row, t, err
	}
	if len(targets) == 0 {
		return row, t, failure.New(failure.Input, fmt.Sprintf("deployment %q has no instances (%s)", row.Name, row.Phase),
			"There is nothing to connect to.", fmt.Sprintf("`skysail status %s` says more.", row.Name))
	}
	if instance == "" {
		if i := slices.IndexFunc(targets, func(t qos.Target) bool { return t.Kube == nil || t.Kube.Pod.Ready }); i >= 0 {
			return row, targets[i], nil
		}
		return row, targets[0], nil
	}
	names := make([]string, len(targets))
	for i, t := range targets {
		if names[i] = t.Instance; t.Instance == instance {
			return row, t, nil
		}
	}
	return row, t, failure.New(failure.Input, fmt.Sprintf("deployment %q has no instance %q", row.Name, instance), "",
		"It has "+strings.Join(names, ", ")+".")
}

// onThisMachine says that a service runs here, where there is nothing to log
// in to.
func onThisMachine(row *store.Deployment, t qos.Target) error {
	if t.Provider != policies.Local {
		return nil
	}
	return failure.New(failure.Input, fmt.Sprintf("%q runs on this machine", row.Name),
		"There is no other machine to log in to.", fmt.Sprintf("`skysail logs %[1]s` and `skysail status %[1]s` tell about it.", row.Name))
}
