package deploy

import (
	"context"
	"errors"

	"skysail/internal/crash"
	"skysail/store"
)

// step does what can create or delete something: its intent is in the journal
// before, its outcome after. It runs although ctx is cancelled; fn decides
// what a cancelled context means for it.
func (d *Deployer) step(ctx context.Context, a *attempt, kind store.StepKind, detail string, fn func() error) error {
	ctx = context.WithoutCancel(ctx)
	seq, err := d.store.BeginStep(ctx, a.dep.ID, a.row.N, kind, detail)
	if err != nil {
		return err
	}
	crash.Point("step:" + string(kind) + ":begun")
	err = fn()
	crash.Point("step:" + string(kind) + ":acted")
	outcome := store.OutcomeDone
	if err != nil {
		outcome = store.OutcomeFailed
	}
	err = errors.Join(err, d.store.EndStep(ctx, seq, outcome))
	crash.Point("step:" + string(kind) + ":ended")
	return err
}
