package health

import (
	"cmp"

	"skysail/spec"
)

// The thresholds unless the health block says otherwise; Kubernetes' own.
const (
	defaultSuccess = 1
	defaultFailure = 3
)

// Record is what is kept of a target between two checks. The zero value knows
// nothing of it. It may be stored as JSON and given back.
type Record struct {
	State State `json:"state,omitempty"`
	// Streak is how many checks in a row saw the same: passes when it is
	// positive, failures when it is negative.
	Streak int `json:"streak,omitempty"`
}

// Next is the record after one more look. What showed nothing changes
// nothing: a check that could not be made is neither a pass nor a failure.
func (r Record) Next(h *spec.Health, seen State) Record {
	if r.State == "" {
		r.State = Unknown
	}
	switch seen {
	case Unknown:
		return r
	case Up:
		r.Streak = min(max(r.Streak, 0)+1, 1<<20)
		if r.Streak >= cmp.Or(h.SuccessThreshold, defaultSuccess) {
			r.State = Up
		}
	default:
		r.Streak = max(min(r.Streak, 0)-1, -(1 << 20))
		// What is known to fail may fail in another way: that is said at once.
		failing := r.State == Down || r.State == Unreachable
		if failing || -r.Streak >= cmp.Or(h.FailureThreshold, defaultFailure) {
			r.State = seen
		}
	}
	return r
}
