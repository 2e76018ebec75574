package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"skysail/clouds"
	"skysail/clouds/faults"
	"skysail/clouds/kubernetes"
	"skysail/policies"
	"skysail/store"
)

const (
	// cleanTimeout bounds one clean-up: the providers' own deletes take
	// minutes at the worst.
	cleanTimeout = 15 * time.Minute
	// sweepPause is the time between two looks at a provider. An answer can
	// lag behind a create that was in flight when Terraform stopped, so a
	// clean-up after an attempt that did not end by itself looks twice.
	sweepPause = 2 * time.Second
	// silentRounds is how often in a row a provider may not answer before a
	// sweep gives up: each time its client has tried for a quarter of a minute
	// by itself.
	silentRounds = 3
)

const (
	// sweepRounds is how often a sweep looks.
	sweepRounds = 10
	// followRounds is for how many looks what a cluster itself removes is waited
	// for before it is deleted, and deleted once more.
	followRounds = 5
	// followTime is how long a cluster may take for that: pods have a grace of
	// half a minute, and controllers that found no API server ask again after
	// half a minute and more.
	followTime = 2 * time.Minute
)

// onlyFollowers says that nothing is left but what goes after its owner.
func onlyFollowers(left []clouds.Resource) bool {
	return !slices.ContainsFunc(left, func(r clouds.Resource) bool {
		return r.Provider != policies.Kubernetes || r.Kind != kubernetes.KindPod && r.Kind != kubernetes.KindReplicaSet
	})
}

// Proof is the provider's own word on what is left of a deployment.
type Proof struct {
	Provider string `json:"provider"`
	// Destroyed are the Terraform addresses that were in the state before.
	Destroyed []string `json:"destroyed"`
	// Swept is what Terraform did not remove, most often because it was in no
	// state, and what was therefore deleted by the provider's own API.
	Swept []clouds.Resource `json:"swept"`
	// Left is what could not be removed; empty means nothing is left.
	Left []clouds.Resource `json:"left"`
	// AskedAt is when the provider last said so.
	AskedAt time.Time `json:"asked_at,omitzero"`
	// Unasked says why the provider could not be asked and why nothing can be
	// there all the same; empty when it was asked.
	Unasked string `json:"unasked,omitempty"`
}

// removed is what a clean-up took away, in words.
func (p Proof) removed() []string {
	out := append([]string{}, p.Destroyed...)
	for _, r := range p.Swept {
		out = append(out, r.Kind+" "+r.ID+" (swept)")
	}
	return out
}

// LeftBehindError says what may still exist of an attempt.
type LeftBehindError struct {
	Provider string
	Left     []clouds.Resource
	// State are addresses that Terraform's state still holds.
	State []string
	// USDHour is what the rest costs an hour, as far as the provider says.
	USDHour float64
	Err     error
}

func (e *LeftBehindError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: something may be left behind", e.Provider)
	for _, r := range e.Left {
		fmt.Fprintf(&b, "\n  %s %s %s %s", r.Kind, r.ID, r.Name, r.Region)
	}
	for _, s := range e.State {
		fmt.Fprintf(&b, "\n  in Terraform's state: %s", s)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, "\n  %v", e.Err)
	}
	return b.String()
}

func (e *LeftBehindError) Unwrap() error { return e.Err }

// clean removes everything of an attempt: what the state knows by destroy,
// what it does not by tag, and then asks the provider again. settled says
// that the apply ended by itself, so nothing can still be on its way. It is
// idempotent.
func (d *Deployer) clean(ctx context.Context, a *attempt, settled bool) (Proof, error) {
	proof := Proof{Provider: a.row.Provider, Destroyed: []string{}, Swept: []clouds.Resource{}, Left: []clouds.Resource{}}
	var state []string
	var destroyErr error
	// What is in a state that somebody else works on is not this attempt's.
	if a.lockedOut == "" {
		if destroyErr = d.salvage(ctx, a); destroyErr != nil {
			d.emit(EventWarning, a, "%v", destroyErr)
		}
		var err error
		state, err = a.workspace.Resources(ctx)
		destroyErr = errors.Join(destroyErr, err)
	}
	// A process that was killed may have left a lock of an empty state.
	if len(state) > 0 || a.lockedOut == "" && a.workspace.Remote && !settled && destroyErr == nil && a.exists() {
		d.emit(EventStep, a, "destroy")
		before := state
		state, destroyErr = d.destroyRest(ctx, a)
		proof.Destroyed = without(before, state)
		if destroyErr != nil {
			d.emit(EventWarning, a, "destroy failed, sweeping: %v", destroyErr)
		}
	}
	var sweepErr error
	proof.Swept, proof.Left, sweepErr = d.sweep(ctx, a, settled)
	if destroyErr != nil && len(state) > 0 && sweepErr == nil && ctx.Err() == nil {
		// What is in no state can hold up what is: a security group is not
		// deleted while an instance that nobody recorded is in it. It is gone.
		d.emit(EventStep, a, "destroy, once more")
		before := state
		state, destroyErr = d.destroyRest(ctx, a)
		proof.Destroyed = append(proof.Destroyed, without(before, state)...)
	}
	if sweepErr != nil && destroyErr == nil && len(state) == 0 && len(proof.Destroyed) == 0 && a.refusedAtOnce() {
		proof.Unasked = "its credentials were refused at the first call, so nothing was made"
		d.emit(EventCleaned, a, "%s", cleanedText(proof))
		return proof, nil
	}
	if sweepErr == nil || len(proof.Left) > 0 {
		proof.AskedAt = time.Now().UTC()
	}
	// When the provider itself says that nothing is left, a destroy that
	// failed half way has still reached its end.
	if sweepErr == nil && len(proof.Left) == 0 && (destroyErr == nil || len(state) == 0 || a.row.Provider == "local") {
		d.emit(EventCleaned, a, "%s", cleanedText(proof))
		return proof, nil
	}
	if sweepErr == nil && len(proof.Left) == 0 {
		return proof, &LeftBehindError{Provider: a.row.Provider, State: state, Err: destroyErr}
	}
	e := &LeftBehindError{Provider: a.row.Provider, Left: proof.Left, State: state, Err: errors.Join(destroyErr, sweepErr)}
	for _, r := range proof.Left {
		e.USDHour += r.PriceUSD
	}
	if sweepErr != nil && len(proof.Left) == 0 {
		e.USDHour = a.row.PriceUSD
	}
	return proof, e
}

// refusedAtOnce says that the provider let none of the attempt's calls in.
func (a *attempt) refusedAtOnce() bool {
	c := faults.Class(a.row.Class)
	return c == faults.Auth || c == faults.NotEnabled
}

func cleanedText(p Proof) string {
	r := p.removed()
	if p.Unasked != "" {
		return p.Provider + " could not be asked again: " + p.Unasked
	}
	if len(r) == 0 {
		return "nothing was made; " + p.Provider + " confirms that nothing is left"
	}
	return fmt.Sprintf("removed %s; %s confirms that nothing is left", strings.Join(r, ", "), p.Provider)
}

// destroyState runs destroy.
func (d *Deployer) destroyState(ctx context.Context, a *attempt) error {
	// A bundle whose init never ran has no state; one that was interrupted
	// while installing providers may need it again.
	if err := a.workspace.EnsureInit(ctx); err != nil {
		return err
	}
	return d.step(ctx, a, store.StepDestroy, "", func() error {
		return d.withLock(ctx, a.workspace, func() error { return a.workspace.Destroy(ctx) })
	})
}

// destroyRest destroys and returns what the state still holds after it.
func (d *Deployer) destroyRest(ctx context.Context, a *attempt) ([]string, error) {
	err := d.destroyState(ctx, a)
	state, serr := a.workspace.Resources(ctx)
	return state, errors.Join(err, serr)
}

// sweep deletes what carries the tag until the provider shows nothing, twice
// in a row when the apply did not end by itself.
func (d *Deployer) sweep(ctx context.Context, a *attempt, settled bool) (swept, left []clouds.Resource, err error) {
	swept, left = []clouds.Resource{}, []clouds.Resource{}
	empty, wanted, silent := 0, 2, 0
	if settled {
		wanted = 1
	}
	seen := map[string]bool{}
	begun := time.Now()
	// What a cluster was told to delete goes when its controllers come to it.
	onTheirWay := func() bool {
		rest := slices.DeleteFunc(slices.Clone(left), func(r clouds.Resource) bool {
			return r.Provider == policies.Kubernetes && seen[r.Kind+"/"+r.ID]
		})
		return len(left) > 0 && onlyFollowers(rest) && time.Since(begun) < followTime
	}
	for round := 0; round < sweepRounds || empty > 0 || onTheirWay(); round++ {
		if round > 0 && !sleep(ctx, sweepPause) {
			return swept, left, errors.Join(context.Cause(ctx), err)
		}
		left, err = a.cloud.Find(ctx, a.dep.ID)
		if err != nil {
			if a.refusedAtOnce() {
				return swept, left, err
			}
			d.emit(EventWarning, a, "asking %s what is left: %v", a.row.Provider, err)
			if silent++; silent == silentRounds {
				return swept, left, err
			}
			continue
		}
		silent = 0
		if len(left) == 0 {
			if empty++; empty >= wanted {
				return swept, left, nil
			}
			continue
		}
		empty = 0
		if (round+1)%(followRounds+1) != 0 && onlyFollowers(left) {
			continue // their owner is gone, and they are on their way
		}
		err = d.step(ctx, a, store.StepSweep, names(left), func() error {
			var failed []error
			for _, r := range left {
				if derr := a.cloud.Delete(ctx, r); derr != nil {
					failed = append(failed, fmt.Errorf("%s %s: %w", r.Kind, r.ID, derr))
					continue
				}
				if key := r.Kind + "/" + r.ID; !seen[key] {
					seen[key] = true
					swept = append(swept, r)
				}
			}
			return errors.Join(failed...)
		})
	}
	if err == nil && len(left) > 0 {
		err = errors.New("what was deleted is still listed")
	}
	return swept, left, err
}

func names(rs []clouds.Resource) string {
	out := make([]string, 0, len(rs))
	for _, r := range rs {
		out = append(out, r.Kind+" "+r.ID)
	}
	return strings.Join(out, ", ")
}

// cleanContext is for clean-ups: not cancelled with the caller's, bounded.
func cleanContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), cleanTimeout)
}

func without(all, rest []string) []string {
	keep := map[string]bool{}
	for _, s := range rest {
		keep[s] = true
	}
	out := []string{}
	for _, s := range all {
		if !keep[s] {
			out = append(out, s)
		}
	}
	return out
}

func sleep(ctx context.Context, t time.Duration) bool {
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// cleanAttempt cleans and records it: cleaned, or stuck.
func (d *Deployer) cleanAttempt(ctx context.Context, a *attempt, settled bool) (Proof, error) {
	ctx, cancel := cleanContext(ctx)
	defer cancel()
	a.row.Phase = store.AttemptCleaning
	if err := d.store.UpdateAttempt(ctx, a.dep.ID, a.row); err != nil {
		return Proof{}, err
	}
	proof, err := d.clean(ctx, a, settled)
	a.row.Phase, a.row.Cleaned = store.AttemptCleaned, proof.removed()
	if proof.billable() {
		a.row.SpentUSD = max(a.row.SpentUSD, spentOn(a, time.Now()))
	}
	if err != nil {
		a.row.Phase = store.AttemptStuck
	} else {
		// Those of an attempt that failed late stand in the store as well.
		err = d.store.Unregister(ctx, a.dep.ID)
	}
	return proof, errors.Join(err, d.store.UpdateAttempt(ctx, a.dep.ID, a.row))
}
