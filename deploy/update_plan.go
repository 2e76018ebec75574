package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	tfjson "github.com/hashicorp/terraform-json"

	"skysail/generator"
	"skysail/internal/failure"
	"skysail/policies"
	"skysail/runner"
	"skysail/store"
)

// inPlacePlan is the plan of a change in place: the new bundle lies beside the
// old one in the attempt's folder, and works on the same state.
type inPlacePlan struct {
	a    *attempt // of the deployment as it is to become
	dir  string   // of the new bundle
	work *runner.Workspace
	plan *tfjson.Plan
}

// discard removes the new bundle; nothing of it was applied.
func (p *inPlacePlan) discard() error { return os.RemoveAll(p.dir) }

// planInPlace plans the change with the candidate that the deployment has. It
// returns nil, and the reason in the preview, when it must be replaced.
func (u *update) planInPlace(ctx context.Context) (*inPlacePlan, error) {
	attempts, err := u.d.store.Attempts(ctx, u.cur.ID)
	if err != nil {
		return nil, err
	}
	row, ok := attemptOf(attempts, u.cur.Attempt)
	if !ok {
		return nil, fmt.Errorf("deployment %s has no attempt %d", u.cur.ID, u.cur.Attempt)
	}
	c, why := stillFits(&u.cur, &row, u.result)
	switch {
	case u.order.Replace && row.Provider != policies.Local:
		u.preview.Reason = "a replacement was asked for"
		if u.order.Reaction != nil {
			u.preview.Reason = u.order.Reaction.Why
		}
	case c == nil && row.Provider == policies.Local:
		return nil, NothingFits(&u.next.Service, u.result)
	case c == nil:
		u.preview.Reason = why
	case u.cur.Policy.Engine != u.next.Policy.Engine:
		u.preview.Reason = "another engine"
	case u.cur.Service.Instances != u.next.Service.Instances && row.Provider != policies.Kubernetes:
		u.preview.Reason = fmt.Sprintf("%d instances in place of %d", u.next.Service.Instances, u.cur.Service.Instances)
	}
	if u.preview.Reason != "" {
		return nil, nil //nolint:nilnil // no plan in place, which is no error
	}
	a, err := u.d.openAttempt(ctx, &u.next, row)
	if err != nil {
		return nil, err
	}
	a.candidate = c
	if err := a.settleBundle(); err != nil {
		return nil, err
	}
	u.preview.Secrets = secretsChanged(a, u.secrets)
	if a.secret, err = a.secretName(u.secrets); err != nil {
		return nil, err
	}
	p, err := u.d.planBeside(ctx, a, u.order.Replace || u.preview.Secrets)
	if err != nil {
		class, cause := classify(a, err)
		return nil, failure.Wrap(err, failure.Failed, fmt.Sprintf("planning the update of %q on %s", u.cur.Name, row.Provider),
			fmt.Sprintf("%s: %s. Nothing was changed.", class, cause), class.Remedy())
	}
	if u.preview.Reason = mustReplace(row.Provider, p.plan); u.preview.Reason != "" {
		return nil, p.discard()
	}
	return p, nil
}

func attemptOf(all []store.Attempt, n int) (store.Attempt, bool) {
	for _, a := range all {
		if a.N == n {
			return a, true
		}
	}
	return store.Attempt{}, false
}

// planBeside writes the bundle of a deployment as it is to become beside the
// one that it has, with the same keys, and plans it on the same state. With
// renew a local service is made anew though nothing of it that Terraform sees
// has changed.
func (d *Deployer) planBeside(ctx context.Context, a *attempt, renew bool) (*inPlacePlan, error) {
	in, err := d.bundleInput(ctx, a.dep, a.candidate)
	if err != nil {
		return nil, err
	}
	in.Zone, in.Kubernetes.SecretName = a.row.Zone, a.secret
	if in.SSHPublicKey, in.HostKeys, err = a.keys(); err != nil {
		return nil, err
	}
	b, err := generator.Generate(in)
	if err != nil {
		return nil, err
	}
	p := &inPlacePlan{a: a, dir: a.bundleOf("next")}
	if err := errors.Join(p.discard(), b.WriteReviewable(p.dir)); err != nil {
		return nil, err
	}
	if err := d.cacheProvider(ctx, a, p.dir); err != nil {
		return nil, errors.Join(err, p.discard())
	}
	work := a.workspace.In(p.dir)
	p.work = work
	d.emit(EventStep, a, "plan")
	if err := work.Init(ctx); err != nil {
		return nil, errors.Join(err, p.discard())
	}
	if p.plan, err = work.PlanReplacing(ctx, a.renewed(renew)); err != nil {
		return nil, errors.Join(err, p.discard())
	}
	return p, nil
}

// renewed are the addresses of a local service, when it is to be made anew.
func (a *attempt) renewed(renew bool) (addresses []string) {
	if renew && a.row.Provider == policies.Local {
		for i := range a.dep.Service.Instances {
			addresses = append(addresses, fmt.Sprintf("module.service.local_service.instance[%d]", i))
		}
	}
	return addresses
}

// keys are those that the attempt's instances were made with.
func (a *attempt) keys() (client string, host []generator.HostKey, err error) {
	b, err := os.ReadFile(filepath.Join(a.private(), generator.PrivateVariablesFile))
	if err != nil {
		return "", nil, fmt.Errorf("keys of %s: %w", a.dep.ID, err)
	}
	var v struct {
		Client string              `json:"ssh_public_key"`
		Host   []generator.HostKey `json:"ssh_host_keys"`
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return "", nil, fmt.Errorf("keys of %s: %w", a.dep.ID, err)
	}
	return v.Client, v.Host, nil
}
