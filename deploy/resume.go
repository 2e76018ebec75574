package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"skysail/internal/failure"
	"skysail/policies"
	"skysail/store"
)

// resume brings the current attempt into service when its apply ended well
// and nothing of it is missing. Otherwise it says why not, and changed
// nothing that can not be removed. An error means that nothing can be decided
// now: the deployment stays as it is.
func (d *Deployer) resume(ctx context.Context, row *store.Deployment, attempts []store.Attempt, r *Recovery) (why string, err error) {
	i := slices.IndexFunc(attempts, func(a store.Attempt) bool { return a.N == row.Attempt })
	if i < 0 {
		return "no attempt had begun", nil
	}
	last := attempts[i]
	if last.Phase != store.AttemptApplying && last.Phase != store.AttemptSucceeded {
		return fmt.Sprintf("attempt %d had failed", last.N), nil
	}
	steps, err := d.store.Steps(ctx, row.ID)
	if err != nil {
		return "", err
	}
	switch outcome, begun := lastOutcome(steps, last.N, store.StepApply); {
	case !begun:
		return fmt.Sprintf("the apply of attempt %d had not begun", last.N), nil
	case outcome != store.OutcomeDone:
		return fmt.Sprintf("the apply of attempt %d had not ended well", last.N), nil
	}
	var secrets map[string]string
	if outcome, _ := lastOutcome(steps, last.N, store.StepSecrets); outcome != store.OutcomeDone && last.Provider != policies.Local && last.Provider != policies.Kubernetes {
		if secrets, err = d.secretValues(&row.Service); err != nil {
			return "its secrets were not handed over, and " + firstCause(err), nil
		}
	}
	a, err := d.openAttempt(ctx, row, last)
	if err != nil {
		return "", err
	}
	d.emit(EventStep, a, "its apply had ended: bringing it into service")
	bounded, cancel := context.WithTimeout(ctx, row.Policy.Failover.AttemptTimeout)
	defer cancel()
	err = d.resumeAttempt(bounded, a, secrets, row.Instances)
	var unhealthy *UnhealthyError
	switch {
	case err == nil:
		r.Why = fmt.Sprintf("attempt %d had made everything, and is in service now", last.N)
	case errors.As(err, &unhealthy):
		r.Why = fmt.Sprintf("attempt %d had made everything, and is in service now; but %s", last.N, unhealthy.Error())
	case ctx.Err() != nil:
		return "", failure.Wrap(context.Cause(ctx), failure.Interrupted, fmt.Sprintf("recovery of %q", row.Name),
			"It stopped before anything was removed.", fmt.Sprintf("Run `skysail recover %s` again.", row.Name))
	default:
		return fmt.Sprintf("attempt %d had been applied, but can not be brought into service (%s)", last.N, firstCause(err)), nil
	}
	r.Did, r.Phase = RecoveredResumed, store.Running
	return "", nil
}

func (d *Deployer) resumeAttempt(ctx context.Context, a *attempt, secrets map[string]string, recorded []store.Instance) error {
	if err := a.workspace.Init(ctx); err != nil {
		return err
	}
	instances, err := d.outputs(ctx, a)
	if err != nil {
		return err
	}
	// Outputs have the first host key; the store knows what came after it.
	for n := range instances {
		for _, known := range recorded {
			if known.ID == instances[n].ID {
				instances[n].HostKey, instances[n].NextHostKey = known.HostKey, known.NextHostKey
			}
		}
	}
	return d.intoService(ctx, a, instances, secrets)
}

// lastOutcome is how an attempt's last step of a kind ended: empty when it did
// not, begun when there was one.
func lastOutcome(steps []store.Step, attempt int, kind store.StepKind) (outcome string, begun bool) {
	for _, s := range steps {
		if s.Attempt == attempt && s.Kind == kind {
			outcome, begun = s.Outcome, true
		}
	}
	return outcome, begun
}

func firstCause(err error) string {
	var f *failure.Error
	if errors.As(err, &f) {
		return f.Cause
	}
	return err.Error()
}
