package deploy

import (
	"context"
	"errors"
	"sync"
	"time"

	"skysail/clouds/faults"
	"skysail/clouds/kubernetes"
)

// rolloutPause is the time between two waits for pods that are ready, while the
// apply that makes or changes them goes on.
const rolloutPause = 2 * time.Second

// errHopeless ends an apply whose pods will not become ready.
var errHopeless = errors.New("the pods will not become ready")

// rollout watches the pods of an apply. Helm takes a release that does not
// become ready away again, and then nobody can tell why it did not.
type rollout struct {
	stop context.CancelFunc
	done chan struct{}

	mu   sync.Mutex
	last kubernetes.Diagnosis
}

// watchRollout begins to look at the pods of an attempt on a cluster, and tells
// what holds them up when that changes. The context that it returns is for the
// apply: it ends when waiting would not help. Elsewhere it does nothing.
func (d *Deployer) watchRollout(ctx context.Context, a *attempt) (*rollout, context.Context) {
	c, ok := a.cluster()
	if !ok {
		return nil, ctx
	}
	apply, give := context.WithCancelCause(ctx)
	watch, stop := context.WithCancel(ctx)
	r := &rollout{stop: stop, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		for {
			err := c.WaitReady(watch, a.dep.ID, kubernetes.WaitOptions{Progress: func(now kubernetes.Diagnosis) { r.saw(d, a, now) }})
			var not *kubernetes.NotReadyError
			if errors.As(err, &not) {
				r.saw(d, a, not.Diagnosis)
				if not.Early {
					give(errHopeless)
					return
				}
			}
			if !sleep(watch, rolloutPause) {
				return
			}
		}
	}()
	return r, apply
}

// hopeless marks the error of an apply that was given up.
func hopeless(apply context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(apply), errHopeless) {
		return errors.Join(errHopeless, err)
	}
	return err
}

// saw keeps what was seen last of pods that there are: not that there are none
// yet, or none any more.
func (r *rollout) saw(d *Deployer, a *attempt, now kubernetes.Diagnosis) {
	if now.Wanted == 0 && !telling(now) {
		return
	}
	r.mu.Lock()
	r.last = now
	r.mu.Unlock()
	if !now.Done && (len(now.Findings) > 0 || now.Ready < now.Wanted) {
		d.emit(EventStep, a, "%s", now.String())
	}
}

// telling says that something is known beside that there is no Deployment.
func telling(now kubernetes.Diagnosis) bool {
	for _, f := range now.Findings {
		if v := f.Verdict.Class; v != faults.Unknown && v != faults.Timeout {
			return true
		}
	}
	return false
}

// end stops the watch and adds to an apply's error what held the pods up.
func (r *rollout) end(err error) error {
	if r == nil {
		return err
	}
	r.stop()
	<-r.done
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil || r.last.Done || len(r.last.Findings) == 0 {
		return err
	}
	return &rolloutError{err: err, seen: r.last}
}

// rolloutError is an apply that failed while its pods were not ready, with what
// the cluster says of them.
type rolloutError struct {
	err  error
	seen kubernetes.Diagnosis
}

func (e *rolloutError) Error() string { return e.seen.String() }
func (e *rolloutError) Unwrap() error { return e.err }

// judgeRollout says what an apply's error means by what the cluster says of the
// pods: that they were not ready in time is no cause. ok is false when the error
// has a cause of its own.
func judgeRollout(err error, own faults.Verdict) (v faults.Verdict, ok bool) {
	var r *rolloutError
	if !errors.As(err, &r) {
		return own, false
	}
	switch own.Class {
	case faults.Timeout, faults.Unknown, faults.Transient:
	default:
		return own, false
	}
	if v = r.seen.Verdict(); v.Class == faults.Unknown {
		v.Class, v.Scope = own.Class, own.Scope
	}
	return v, true
}
