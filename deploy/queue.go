package deploy

import (
	"skysail/clouds/faults"
	"skysail/policies"
	"skysail/selector"
)

// maxRetries bounds how often one candidate is tried again after a transient
// fault.
const maxRetries = 2

// queue hands out candidates under the failover policy.
type queue struct {
	candidates []selector.Candidate
	policy     policies.Failover
	attempts   int
	retries    int
	last       int // index of the one handed out last
	again      bool
	used       []bool
	// inside is the provider whose other regions come before other
	// providers, "" for none.
	inside  string
	blocked map[string]bool // provider, or regionKey
}

func newQueue(cs []selector.Candidate, p policies.Failover) *queue {
	return &queue{candidates: cs, policy: p, used: make([]bool, len(cs)), blocked: map[string]bool{}}
}

// regionKey is what a stockout or an exhausted quota blocks. Spot capacity is
// apart from the other.
func regionKey(c *selector.Candidate) string {
	key := c.Offer.Provider + "/" + c.Offer.Region
	if c.Spot {
		key += "/spot"
	}
	return key
}

// next returns the candidate to try, or nil when there is none left or the
// attempts are used up. After a region without room the other regions of its
// provider come first, if the policy says so. While other providers wait
// untried, the last attempts are kept for them, one each: a provider with many
// regions must not use up what failover is for.
func (q *queue) next() *selector.Candidate {
	if q.attempts >= q.policy.MaxAttempts {
		return nil
	}
	if !q.again {
		i := -1
		if q.inside != "" {
			i = q.find(q.inside)
		}
		if i < 0 {
			i = q.find("")
		}
		if i < 0 {
			return nil
		}
		q.last, q.used[i], q.retries, q.inside = i, true, 0, ""
	}
	q.again = false
	q.attempts++
	return &q.candidates[q.last]
}

// find returns the first candidate that may be tried, of one provider or of
// any, or -1.
func (q *queue) find(provider string) int {
	type kind struct {
		provider string
		spot     bool
	}
	kept := map[kind]bool{} // what has to leave the last attempts to others
	for i := range q.candidates {
		c := &q.candidates[i]
		k := kind{c.Offer.Provider, c.Spot}
		if kept[k] || !q.open(i) || provider != "" && c.Offer.Provider != provider {
			continue
		}
		if q.tried(k.provider, k.spot) && q.policy.MaxAttempts-q.attempts <= q.waiting(c) {
			kept[k] = true
			continue
		}
		return i
	}
	return -1
}

func (q *queue) open(i int) bool {
	c := &q.candidates[i]
	return !q.used[i] && !q.blocked[c.Offer.Provider] && !q.blocked[regionKey(c)]
}

// tried says whether a candidate of the provider was handed out; one that is
// not spot only counts among its like.
func (q *queue) tried(provider string, spot bool) bool {
	for i, used := range q.used {
		if c := &q.candidates[i]; used && c.Offer.Provider == provider && (spot || !c.Spot) {
			return true
		}
	}
	return false
}

// waiting counts the providers other than the candidate's that still have one
// and none tried. What a spot candidate falls back on counts as well: its own
// provider on demand.
func (q *queue) waiting(c *selector.Candidate) int {
	seen := map[string]bool{c.Offer.Provider: true}
	for i, used := range q.used {
		if used {
			seen[q.candidates[i].Offer.Provider] = true
		}
	}
	own := c.Spot && !q.tried(c.Offer.Provider, false)
	n := 0
	for i := range q.candidates {
		if !q.open(i) {
			continue
		}
		other := &q.candidates[i]
		switch p := other.Offer.Provider; {
		case !seen[p]:
			seen[p] = true
			n++
		case own && p == c.Offer.Provider && !other.Spot:
			own = false
			n++
		}
	}
	return n
}

// failed takes the last candidate's fault into account and returns the step
// that it leads to.
func (q *queue) failed(c *selector.Candidate, class faults.Class) faults.Step {
	step := class.Next()
	if step == faults.SameAgain {
		if q.retries < maxRetries {
			q.retries++
			q.again = true
			return step
		}
		step = faults.NextProvider
	}
	if step == faults.NextRegion {
		q.blocked[regionKey(c)] = true
		if q.policy.RegionsFirst {
			q.inside = c.Offer.Provider
		} else {
			step = faults.NextProvider
		}
	}
	if step == faults.NextProvider {
		q.blocked[c.Offer.Provider] = true
	}
	return step
}
