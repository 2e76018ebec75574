package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"skysail/internal/failure"
	"skysail/policies"
	"skysail/qos"
	"skysail/store"
)

// inPlace asks, and changes what runs.
func (u *update) inPlace(ctx context.Context, p *inPlacePlan) (UpdateResult, error) {
	d := u.d
	v, err := d.judge(ctx, p.a, p.plan)
	if ds := denials(nil); err == nil && len(v.DenyTexts()) > 0 {
		ds.add(p.a.candidate, v)
		err = u.stays(ds.failure(u.cur.Name), "the guardrails deny the change, and nothing was changed")
	}
	if err != nil {
		return UpdateResult{}, errors.Join(err, p.discard())
	}
	if d.opts.Approve != nil {
		preview := d.preview(p.a, u.result, p.plan, v, nil)
		preview.Fallbacks, preview.MaxUSD, preview.Bundle, preview.Update = nil, p.a.candidate.TotalUSD, p.dir, u.preview
		ok, err := d.opts.Approve(ctx, preview)
		if err == nil && !ok {
			err = ErrNotApproved
		}
		if err != nil {
			return UpdateResult{}, errors.Join(err, p.discard())
		}
	}
	n, err := d.store.BeginUpdate(ctx, store.Revision{
		Deployment: u.cur.ID, MadeBy: u.preview.By, Note: u.note(), Service: u.next.Service, Policy: u.next.Policy, PriceUSD: p.a.candidate.TotalUSD,
	})
	if err != nil {
		return UpdateResult{}, errors.Join(err, p.discard())
	}
	if err := p.become(n); err != nil {
		return UpdateResult{}, u.back(ctx, p.a, n, err)
	}
	c := &change{d: d, a: p.a, revision: n, old: u.cur.Instances, secrets: u.secrets, handOver: u.preview.Secrets}
	if err := c.apply(ctx, p); err != nil {
		return UpdateResult{}, u.back(ctx, p.a, n, err)
	}
	return u.outcome(ctx, true, nil, nil)
}

// become gives the planned bundle the folder that recovery knows it by.
func (p *inPlacePlan) become(revision int) error {
	to := p.a.bundleOfRevision(revision)
	if err := os.Rename(p.dir, to); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	p.dir, p.work = to, p.work.In(to)
	return nil
}

// change is the way of a deployment to its open revision.
type change struct {
	d        *Deployer
	a        *attempt
	revision int
	old      []store.Instance // as the store has them
	secrets  map[string]string
	handOver bool
}

// apply applies the plan of a revision, hands secrets over when they changed,
// waits for health, and makes it the deployment's own. It may be repeated with
// a new plan.
func (c *change) apply(ctx context.Context, p *inPlacePlan) error {
	d, a := c.d, c.a
	if a.row.Provider == policies.Local && c.handOver {
		if err := writeLocalSecrets(a, c.secrets); err != nil {
			return err
		}
	}
	if c.handOver {
		if err := d.prepareCluster(ctx, a, c.secrets); err != nil {
			return err
		}
	}
	d.emit(EventStep, a, "apply")
	pods, applying := d.watchRollout(ctx, a)
	err := d.step(ctx, a, store.StepUpdate, fmt.Sprintf("revision %d", c.revision), func() error { return p.work.Apply(applying) })
	if err = pods.end(hopeless(applying, err)); err != nil {
		return err
	}
	made := *a
	made.workspace = p.work
	instances, err := d.outputs(ctx, &made)
	if err != nil {
		return err
	}
	keepHostKeys(instances, c.old)
	targets, err := d.targets(ctx, a.dep, &a.row, instances)
	if err != nil {
		return err
	}
	if c.handOver {
		if err := d.handOverAll(ctx, a, targets, c.secrets); err != nil {
			return err
		}
	}
	if err := d.waitHealthy(ctx, a.dep, a, targets); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if err := d.store.FinishUpdate(ctx, a.dep.ID, instances); err != nil {
		return err
	}
	a.dep.Revision = c.revision
	return errors.Join(a.settleBundle(), d.settleSecret(ctx, a, c.secrets, c.handOver), os.RemoveAll(filepath.Join(a.private(), secretsFile+".old")))
}

// keepHostKeys gives instances that were there before the host keys that they
// have: Terraform knows the first ones only, which were replaced.
func keepHostKeys(instances, before []store.Instance) {
	for i := range instances {
		for _, b := range before {
			if b.ID == instances[i].ID && b.SSHUser != "" {
				instances[i].HostKey, instances[i].NextHostKey = b.HostKey, b.NextHostKey
			}
		}
	}
}

// writeLocalSecrets puts values where the local provider takes them from, the
// earlier ones beside them.
func writeLocalSecrets(a *attempt, values map[string]string) error {
	file := filepath.Join(a.private(), secretsFile)
	if b, err := os.ReadFile(file); err == nil { //nolint:gosec // our own folder
		if err := renameio.WriteFile(file+".old", b, 0o600); err != nil {
			return fmt.Errorf("secrets: %w", err)
		}
	}
	if err := renameio.WriteFile(file, secretsEnv(values), 0o600); err != nil {
		return fmt.Errorf("secrets: %w", err)
	}
	return nil
}

// back undoes a change in place that failed, and returns the failure.
func (u *update) back(ctx context.Context, a *attempt, revision int, cause error) error {
	interrupted := ctx.Err() != nil
	reason := reasonOf(a, cause)
	u.d.emit(EventFault, a, "revision %d: %s", revision, reason)
	ill, err := u.d.goBack(ctx, &u.cur, a.row, reason)
	if err != nil {
		return failure.Wrap(errors.Join(cause, err), failure.Failed, fmt.Sprintf("updating %q", u.cur.Name),
			fmt.Sprintf("Going back to revision %d failed as well: something between the two runs.", u.cur.Revision),
			fmt.Sprintf("`skysail recover %[1]s` tries again; `skysail destroy %[1]s` removes it.", u.cur.Name))
	}
	how := "the change was undone"
	if ill != "" {
		how += ", but it is not healthy: " + ill
	}
	code, what := failure.Failed, fmt.Sprintf("updating %q failed: %s", u.cur.Name, reason)
	if interrupted {
		code, what = failure.Interrupted, fmt.Sprintf("the update of %q was interrupted", u.cur.Name)
	}
	return u.stays(failure.Wrap(cause, code, what, "", "Mend the service and update again."), how)
}

// reasonOf is what made a change fail, in words.
func reasonOf(a *attempt, cause error) string {
	var unhealthy *UnhealthyError
	if errors.As(cause, &unhealthy) {
		return "not healthy: " + unhealthy.Reason
	}
	_, text := classify(a, cause)
	return text
}

// goBack applies the bundle that a deployment had before a change in place,
// and gives the open revision up. ill says why it is not healthy after that.
// It is not stopped by ctx, and may be repeated.
func (d *Deployer) goBack(ctx context.Context, cur *store.Deployment, row store.Attempt, reason string) (ill string, err error) {
	ctx, cancel := cleanContext(ctx)
	defer cancel()
	a, err := d.openAttempt(ctx, cur, row)
	if err != nil {
		return "", err
	}
	d.emit(EventStep, a, "going back to revision %d", cur.Revision)
	if err := restoreLocalSecrets(a); err != nil {
		return "", err
	}
	if err := d.salvageState(a, a.workspace); err != nil {
		return "", err
	}
	if err := d.unlockRelease(ctx, a); err != nil {
		return "", err
	}
	if err := a.workspace.Init(ctx); err != nil {
		return "", err
	}
	plan, err := a.workspace.Plan(ctx)
	if err != nil {
		return "", err
	}
	if len(changes(plan)) > 0 || len(plan.OutputChanges) > 0 {
		if err := d.step(ctx, a, store.StepUpdate, fmt.Sprintf("back to revision %d", cur.Revision), func() error { return a.workspace.Apply(ctx) }); err != nil {
			return "", err
		}
	}
	instances, err := d.outputs(ctx, a)
	if err != nil {
		return "", err
	}
	keepHostKeys(instances, cur.Instances)
	targets, err := d.targets(ctx, cur, &a.row, instances)
	if err != nil {
		return "", err
	}
	switch a.row.Provider {
	case policies.Local:
	case policies.Kubernetes:
		err = d.dropNewSecrets(ctx, a)
	default:
		err = d.handBack(ctx, a, targets)
	}
	if err != nil {
		return "", err
	}
	var unhealthy *UnhealthyError
	if err := d.waitHealthy(ctx, cur, a, targets); errors.As(err, &unhealthy) {
		ill = unhealthy.Reason
	} else if err != nil {
		return "", err
	}
	if err := d.store.UndoUpdate(ctx, cur.ID, instances, reason); err != nil {
		return "", err
	}
	return ill, a.settleBundle()
}

// restoreLocalSecrets brings back the values that a local service had.
func restoreLocalSecrets(a *attempt) error {
	file := filepath.Join(a.private(), secretsFile)
	if err := os.Rename(file+".old", file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("secrets: %w", err)
	}
	return nil
}

// handBack hands the values over again that the service had the names of. What
// values there were is nowhere, but in the environment they may still be.
func (d *Deployer) handBack(ctx context.Context, a *attempt, targets []qos.Target) error {
	if len(a.dep.Service.Secrets) == 0 {
		return nil
	}
	values, err := d.secretValues(&a.dep.Service)
	if err != nil {
		d.emit(EventWarning, a, "what secrets were handed over stays: %v", err)
		return nil
	}
	if !secretsChanged(a, values) {
		return nil
	}
	return d.handOverAll(ctx, a, targets, values)
}
