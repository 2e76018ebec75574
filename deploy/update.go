package deploy

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"skysail/internal/failure"
	"skysail/policies"
	"skysail/selector"
	"skysail/spec"
	"skysail/store"
)

// The operations that make revisions of what runs.
const (
	opUpdate   = "update"
	opRollback = "rollback"
)

// sandboxReady bounds the wait for health in the sandbox, where nothing takes
// minutes.
const sandboxReady = 30 * time.Second

// UpdateRequest is what a running deployment is to become.
type UpdateRequest struct {
	Service *spec.Service
	// Policy is nil to keep the deployment's own.
	Policy *policies.Policy
	// Replace asks for a new deployment also where a change in place would do.
	Replace bool
}

// UpdateResult is what became of an Update or a Rollback.
type UpdateResult struct {
	Deployment Deployment `json:"deployment"`
	// Changed is false when there was nothing to do, and nothing was touched.
	Changed bool `json:"changed"`
	InPlace bool `json:"in_place"`
	// Changes are the fields of service and policy that differ from before.
	Changes []FieldChange `json:"changes"`
	// Proofs are of the deployment that was replaced.
	Proofs []Proof `json:"proofs,omitempty"`
}

// updateOrder is what the supervisor of an update is sent.
type updateOrder struct {
	Name     string           `json:"name"`
	Service  *spec.Service    `json:"service,omitempty"`
	Policy   *policies.Policy `json:"policy,omitempty"`
	Replace  bool             `json:"replace,omitempty"`
	Rollback bool             `json:"rollback,omitempty"`
	To       int              `json:"to,omitempty"` // revision, 0 is the one before
	Reaction *reactionOrder   `json:"reaction,omitempty"`
}

// reactionOrder is a replacement that nobody asked for.
type reactionOrder struct {
	Why string `json:"why"`
	// Away leaves out the provider, or where no other fits the region, that it
	// is at.
	Away bool `json:"away,omitempty"`
}

// Update changes a running deployment to another service or policy, after
// Options.Approve has seen what that would do. Where it runs (this machine, a
// cloud, the sandbox) stays as it was deployed.
//
// It is changed in place when its candidate still fits and no instance has to
// be made anew: firewall, health check, values of secrets, policy. Otherwise
// a new deployment is made beside it, under the same name and with failover,
// and takes over when it is healthy; then the old one is destroyed with
// proof. On this machine, whose ports only one can have, the service is
// always replaced in place.
//
// A change in place that fails is undone; a new deployment that fails is
// removed, and the old one was never touched: in both cases the error says so
// and the name is as it was. When only the old one can not be removed, the
// result is returned with a failure of code LeftBehind. Without a difference
// nothing is done. It is not retryable while another operation runs (Busy);
// after a crash Recover, or the next Update, ends what was begun.
func (d *Deployer) Update(ctx context.Context, name string, u UpdateRequest) (UpdateResult, error) {
	row, err := d.get(ctx, name)
	if err != nil {
		return UpdateResult{}, err
	}
	if u.Service == nil || u.Service.Name != row.Name {
		return UpdateResult{}, failure.New(failure.Input, fmt.Sprintf("the service is not named %q", row.Name),
			"A deployment has its service's name, so another name is another deployment; nothing was changed.",
			"Give the file of the service, or deploy the other one.")
	}
	return supervised[UpdateResult](ctx, d, opUpdate, row.Name, updateOrder{
		Name: row.Name, Service: u.Service, Policy: u.Policy, Replace: u.Replace,
	})
}

// update is one Update in its supervisor.
type update struct {
	d       *Deployer
	cur     store.Deployment
	order   updateOrder
	next    store.Deployment // cur, as it is to become
	secrets map[string]string
	result  selector.Result
	preview *UpdatePreview
}

// updateHere is Update and Rollback in the supervisor.
func (d *Deployer) updateHere(ctx context.Context, in updateOrder) (UpdateResult, error) {
	op := opUpdate
	if in.Rollback {
		op = opRollback
	}
	unlock, err := d.lockName(in.Name, op)
	if err != nil {
		return UpdateResult{}, err
	}
	defer unlock()
	if err := d.settleName(ctx, in.Name); err != nil {
		return UpdateResult{}, err
	}
	u, err := d.newUpdate(ctx, in)
	if err != nil {
		return UpdateResult{}, err
	}
	p, err := u.planInPlace(ctx)
	if err != nil {
		return UpdateResult{}, err
	}
	if p == nil {
		return u.replace(ctx)
	}
	if u.nothing(p) {
		return u.outcome(ctx, false, nil, p.discard())
	}
	u.preview.InPlace = true
	return u.inPlace(ctx, p)
}

// newUpdate finds out what is wanted and what it differs in.
func (d *Deployer) newUpdate(ctx context.Context, in updateOrder) (*update, error) {
	cur, err := d.get(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	if cur.Phase != store.Running {
		return nil, failure.New(failure.Input, fmt.Sprintf("deployment %q is %s", cur.Name, cur.Phase),
			"Only what runs can be changed; nothing was changed.", fmt.Sprintf("`skysail status %s` says more.", cur.Name))
	}
	u := &update{d: d, cur: cur, order: in, preview: &UpdatePreview{From: cur.Revision, By: store.ByUpdate, Before: placeOf(&cur)}}
	if in.Rollback {
		if err := u.wantRevision(ctx); err != nil {
			return nil, err
		}
	}
	if in.Reaction != nil {
		u.preview.By, u.order.Service = store.ByReaction, &cur.Service
	}
	u.next = cur
	u.next.Service = *u.order.Service
	if u.order.Policy != nil {
		u.next.Policy = *u.order.Policy
	}
	u.preview.Changes = changedFields(&cur.Service, &u.next.Service, &cur.Policy, &u.next.Policy)
	if u.secrets, err = d.secretValues(&u.next.Service); err != nil {
		return nil, err
	}
	if !reflect.DeepEqual(backendOf(&u.cur), backendOf(&u.next)) {
		return nil, failure.New(failure.Input, fmt.Sprintf("the policy of %q names another backend", cur.Name),
			"An update leaves the state where it is; nothing was changed.",
			"Keep the backend that it was deployed with, or destroy it and deploy it anew.")
	}
	// This process works on this deployment only.
	d.opts.Remote, d.opts.Sandbox, d.policy = cur.Remote, cur.Sandbox, u.next.Policy
	if err := d.checkRules(); err != nil {
		return nil, err
	}
	if cur.Sandbox {
		d.opts.ReadyTimeout = min(d.opts.ReadyTimeout, sandboxReady)
	}
	u.result, err = d.place(ctx, &u.next.Service)
	if err == nil && in.Reaction != nil && in.Reaction.Away {
		u.result.Candidates, err = elsewhere(&cur, u.result.Candidates)
	}
	return u, err
}

// nothing says that neither what runs nor what is recorded of it would change.
func (u *update) nothing(p *inPlacePlan) bool {
	return len(u.preview.Changes) == 0 && len(changes(p.plan)) == 0 && !u.preview.Secrets
}

// outcome is the result after everything is done.
func (u *update) outcome(ctx context.Context, inPlace bool, proofs []Proof, err error) (UpdateResult, error) {
	ctx = context.WithoutCancel(ctx)
	view, verr := u.d.view(ctx, u.cur.Name)
	return UpdateResult{
		Deployment: view, Changed: inPlace || proofs != nil, InPlace: inPlace, Changes: u.preview.Changes, Proofs: proofs,
	}, errors.Join(err, verr)
}

// stays adds to an error that what ran before still does.
func (u *update) stays(err error, how string) error {
	code := failure.CodeOf(err)
	var f *failure.Error
	cause, next := err.Error(), ""
	if errors.As(err, &f) {
		cause, next = f.Cause, f.Next
	}
	return &failure.Error{
		Code: code, Cause: cause, Err: err, Next: next,
		Meaning: fmt.Sprintf("Revision %d of %q runs on %s, %s: %s.", u.cur.Revision, u.cur.Name, u.cur.Provider, u.cur.Region, how),
	}
}

// handle is how a command names a deployment alone: a name means all that
// there are of it.
func handle(row *store.Deployment) string {
	if row.Role == store.RoleNext || row.Role == store.RolePrevious {
		return row.ID
	}
	return row.Name
}
