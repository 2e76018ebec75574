package guardrails

import (
	"context"
	"errors"
	"fmt"
	"runtime/metrics"
	"sync/atomic"
	"time"

	"github.com/open-policy-agent/opa/v1/topdown"
)

// Why an evaluation was stopped.
var (
	ErrTime   = fmt.Errorf("not done within %s", timeLimit)
	ErrMemory = errors.New("needs too much memory")
)

// memoryLimit is how much the heap may grow during one evaluation, in bytes.
// Tests lower it.
var memoryLimit uint64 = 512 << 20

// heapMetric is the memory of live objects and of those not yet swept.
const heapMetric = "/memory/classes/heap/objects:bytes"

// bound stops the evaluation when its time or memory is used up, or ctx ends.
// The heap is the whole process's and one call of a function is not stopped
// inside, so the bound is for a rule that runs away, and not exact.
func (e *evaluation) bound(parent context.Context) (stop func()) {
	ctx, cancel := context.WithTimeoutCause(parent, timeLimit, ErrTime)
	e.cancel = topdown.NewCancel()
	var memory atomic.Bool
	e.why = func() error {
		if memory.Load() {
			return ErrMemory
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
		return errors.New("stopped")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		start := heap()
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				e.cancel.Cancel()
				return
			case <-tick.C:
				if now := heap(); now > start && now-start > memoryLimit {
					memory.Store(true)
					e.cancel.Cancel()
					return
				}
			}
		}
	}()
	return func() { cancel(); <-done }
}

func heap() uint64 {
	s := []metrics.Sample{{Name: heapMetric}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
