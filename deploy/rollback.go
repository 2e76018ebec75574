package deploy

import (
	"context"
	"fmt"

	"skysail/internal/failure"
	"skysail/store"
)

// Rollback is Update to the service and the policy of an earlier revision; 0
// is the newest one before the current that was made. It makes a new
// revision. Values of secrets come from the environment, as always.
func (d *Deployer) Rollback(ctx context.Context, name string, revision int) (UpdateResult, error) {
	row, err := d.get(ctx, name)
	if err != nil {
		return UpdateResult{}, err
	}
	return supervised[UpdateResult](ctx, d, opRollback, row.Name, updateOrder{Name: row.Name, Rollback: true, To: revision})
}

// wantRevision makes an order to roll back one to update.
func (u *update) wantRevision(ctx context.Context) error {
	all, err := u.d.store.Revisions(ctx, u.cur.Name)
	if err != nil {
		return err
	}
	to, err := rollbackTarget(all, u.cur.Name, u.cur.Revision, u.order.To)
	if err != nil {
		return err
	}
	u.order.Service, u.order.Policy = &to.Service, &to.Policy
	u.preview.By, u.preview.To = store.ByRollback, to.N
	return nil
}

// rollbackTarget is the revision that a name with a current one goes back to.
func rollbackTarget(all []store.Revision, name string, current, wanted int) (store.Revision, error) {
	var found *store.Revision
	for i := range all {
		r := &all[i]
		switch {
		case wanted == 0 && r.N < current && r.Outcome == store.OutcomeDone, wanted > 0 && r.N == wanted:
			found = r
		}
	}
	next := fmt.Sprintf("`skysail history %s` lists them.", name)
	switch {
	case found == nil && wanted == 0:
		return store.Revision{}, failure.New(failure.Input, fmt.Sprintf("%q has no revision before %d that was made", name, current), "Nothing was changed.", next)
	case found == nil:
		return store.Revision{}, failure.New(failure.Input, fmt.Sprintf("%q has no revision %d", name, wanted), "Nothing was changed.", next)
	case found.N == current:
		return store.Revision{}, failure.New(failure.Input, fmt.Sprintf("revision %d of %q is what runs", current, name), "Nothing was changed.", next)
	}
	return *found, nil
}
