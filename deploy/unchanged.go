package deploy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"skysail/spec"
	"skysail/store"
)

// Unchanged returns the deployment of the service's name if it runs and was
// made of the same service and policy: then a plan would change nothing. It
// reads the store only; what somebody changed by hand at the provider is not
// seen.
func (d *Deployer) Unchanged(ctx context.Context, svc *spec.Service) (Deployment, bool, error) {
	row, err := d.store.Get(ctx, svc.Name)
	if errors.Is(err, store.ErrNotFound) {
		return Deployment{}, false, nil
	}
	if err != nil || row.Phase != store.Running || row.Name != svc.Name {
		return Deployment{}, false, err
	}
	same := row.Remote == d.opts.Remote && row.Sandbox == d.opts.Sandbox
	for _, pair := range [][2]any{{row.Service, *svc}, {row.Policy, d.policy}} {
		a, err := json.Marshal(pair[0])
		if err != nil {
			return Deployment{}, false, err
		}
		b, err := json.Marshal(pair[1])
		if err != nil {
			return Deployment{}, false, err
		}
		same = same && bytes.Equal(a, b)
	}
	return viewOf(row), same, nil
}
