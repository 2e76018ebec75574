package deploy

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"skysail/clouds"
	"skysail/clouds/faults"
	"skysail/store"
)

// quotaTimeout is how long a look at an account's limits may take. It runs
// beside init and plan, which take longer.
const quotaTimeout = time.Second

// preparation is a slot on its way to a saved plan: bundle, init, plan, in the
// folder of the attempt that it will be. Nothing of it is in the cloud or in
// the store.
type preparation struct {
	slot   slot
	a      *attempt
	cancel context.CancelFunc
	done   chan struct{} // closed when err is set
	err    error
	room   chan clouds.Room // one answer
	mu     sync.Mutex
	shown  bool
	doing  string
	tell   func(step string)
}

// step says what is done, once anybody is to know.
func (p *preparation) step(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.doing = text; p.shown {
		p.tell(text)
	}
}

// show begins to tell what is done.
func (p *preparation) show() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shown = true
	select {
	case <-p.done:
		p.tell("init and plan were done ahead")
	default:
		if p.doing != "" {
			p.tell(p.doing)
		}
	}
}

// begin starts to prepare an attempt in a slot.
func (r *run) begin(ctx context.Context, n int, s slot) (*preparation, error) {
	d := r.d
	// What a run that was killed had prepared.
	if err := os.RemoveAll(d.attemptDir(r.dep.ID, n)); err != nil {
		return nil, fmt.Errorf("attempt folder: %w", err)
	}
	row := rowOf(n, s.Candidate)
	row.Zone = s.zone
	a, err := d.openAttempt(ctx, r.dep, row)
	if err != nil {
		return nil, err
	}
	a.candidate = s.Candidate
	ctx, cancel := context.WithTimeout(ctx, r.dep.Policy.Failover.Timeout(row.Provider))
	p := &preparation{
		slot: s, a: a, cancel: cancel, done: make(chan struct{}), room: make(chan clouds.Room, 1),
		tell: func(step string) { d.emit(EventStep, a, "%s", step) },
	}
	go func() { p.room <- d.roomFor(ctx, a) }()
	go func() {
		defer close(p.done)
		p.err = r.ready(ctx, a, p.step)
	}()
	return p, nil
}

// discard ends a preparation and removes its folder, which holds keys.
func (r *run) discard(p *preparation) {
	if p == nil {
		return
	}
	p.cancel()
	<-p.done
	if err := os.RemoveAll(p.a.dir); err != nil {
		r.d.emit(EventWarning, p.a, "what was prepared and is not needed could not be removed: %v", err)
	}
}

// foresee prepares what comes next when attempt n, which runs, fails in the way
// that is told. A second call for the same slot changes nothing.
//
// An apply that succeeds must not pay for a plan that nobody needs. So it is
// called at the apply's first error, when half of the attempt's time is over
// (no usual create takes that long: CLOUD-FACTS has 5 to 21 s, and the
// shortest deadline is 8 minutes), and before what failed is removed. Init
// and plan then run beside Terraform's own destroy, which takes longer.
func (r *run) foresee(ctx context.Context, n int, v faults.Verdict) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended || r.queue.attempts != n || ctx.Err() != nil {
		return
	}
	q := r.queue.clone()
	if step, _ := q.failed(v); step == faults.Stop || step == faults.Wait {
		return
	}
	s, ok := q.next()
	if !ok || r.ahead != nil && r.ahead.slot == s && r.ahead.a.row.N == q.attempts {
		return
	}
	r.discard(r.ahead)
	// What can not even be begun is told when its turn comes.
	r.ahead, _ = r.begin(ctx, q.attempts, s)
}

// prepared returns the slot's preparation: the one that was begun ahead, or a
// new one. Any other is thrown away.
func (r *run) prepared(ctx context.Context, s slot) (*preparation, error) {
	r.mu.Lock()
	p := r.ahead
	r.ahead = nil
	r.mu.Unlock()
	if p != nil && p.slot == s && p.a.row.N == r.queue.attempts {
		return p, nil
	}
	r.discard(p)
	return r.begin(ctx, r.queue.attempts, s)
}

// leave throws away what was prepared, when the run ends.
func (r *run) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	r.discard(r.ahead)
	r.ahead = nil
}

// roomFor asks what the account's limits leave. What is not known is no
// reason not to try.
func (d *Deployer) roomFor(ctx context.Context, a *attempt) clouds.Room {
	asked, ok := a.cloud.(Quoter)
	if !ok {
		return clouds.Room{}
	}
	ctx, cancel := context.WithTimeout(ctx, quotaTimeout)
	defer cancel()
	o := a.candidate.Offer
	want := clouds.Want{
		Region: o.Region, Zone: a.row.Zone, Type: o.Type, Spot: a.row.Spot, Count: a.dep.Service.Instances, VCPU: o.VCPU,
	}
	if o.GPU != nil {
		want.GPUs, want.GPUModel = o.GPU.Count, o.GPU.Model
	}
	type answer struct {
		room clouds.Room
		err  error
	}
	told := make(chan answer, 1)
	go func() {
		room, err := asked.Quota(ctx, want)
		told <- answer{room, err}
	}()
	select {
	case t := <-told:
		if t.err != nil {
			d.emit(EventWarning, a, "the account's limits are not known: %v", t.err)
			return clouds.Room{}
		}
		return t.room
	case <-ctx.Done(): // a client that does not look at its context
		d.emit(EventWarning, a, "the account's limits are not known: no answer within %s", quotaTimeout)
		return clouds.Room{}
	}
}

// dropPrepared removes what a run that was killed had prepared for attempts
// that it never began.
func (d *Deployer) dropPrepared(id string, attempts []store.Attempt) error {
	dirs, err := filepath.Glob(filepath.Join(d.home, "deployments", id, "attempt-*"))
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		if slices.ContainsFunc(attempts, func(a store.Attempt) bool { return d.attemptDir(id, a.N) == dir }) {
			continue
		}
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("what was prepared: %w", err)
		}
	}
	return nil
}
