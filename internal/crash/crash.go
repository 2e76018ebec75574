// Package crash names the points at which a process that works on a
// deployment may die, for the tests that let it die there. Outside of tests a
// point does nothing.
package crash

import "sync/atomic"

var hook atomic.Pointer[func(point string)]

// OnPoint has fn called at every point, in the goroutine that reaches it; nil
// ends that. Only tests call it.
func OnPoint(fn func(point string)) {
	if fn == nil {
		hook.Store(nil)
		return
	}
	hook.Store(&fn)
}

// Point says that a point is reached. Names are "step:KIND:begun" (in the
// journal, nothing done yet), "step:KIND:acted" (done, not in the journal) and
// "step:KIND:ended" for the steps of store.StepKind, and "phase:PHASE" and
// "attempt:PHASE" for transitions that are on disk.
func Point(name string) {
	if fn := hook.Load(); fn != nil {
		(*fn)(name)
	}
}
