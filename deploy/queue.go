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
	at         int
	again      bool
	blocked    map[string]bool // provider, or provider/region
}

func newQueue(cs []selector.Candidate, p policies.Failover) *queue {
	return &queue{candidates: cs, policy: p, blocked: map[string]bool{}}
}

func regionKey(c *selector.Candidate) string { return c.Offer.Provider + "/" + c.Offer.Region }

// next returns the candidate to try, or nil when there is none left or the
// attempts are used up. While other providers wait untried, the last attempts
// are kept for them, one each: a provider with many regions must not use up
// what failover is for.
func (q *queue) next() *selector.Candidate {
	if q.attempts >= q.policy.MaxAttempts {
		return nil
	}
	if q.again {
		q.again = false
		q.attempts++
		return &q.candidates[q.at-1]
	}
	for q.at < len(q.candidates) {
		c := &q.candidates[q.at]
		q.at++
		if q.blocked[c.Offer.Provider] || q.blocked[regionKey(c)] {
			continue
		}
		if waiting := q.waiting(c.Offer.Provider); q.tried(c.Offer.Provider) && q.policy.MaxAttempts-q.attempts <= waiting {
			continue
		}
		q.attempts++
		q.retries = 0
		return c
	}
	return nil
}

func (q *queue) tried(provider string) bool {
	for i := 0; i < q.at-1; i++ {
		if q.candidates[i].Offer.Provider == provider {
			return true
		}
	}
	return false
}

// waiting counts the providers other than this one that still have a
// candidate and none tried.
func (q *queue) waiting(provider string) int {
	seen := map[string]bool{provider: true}
	for i := range q.candidates[:q.at-1] {
		seen[q.candidates[i].Offer.Provider] = true
	}
	n := 0
	for i := range q.candidates[q.at:] {
		c := &q.candidates[q.at+i]
		if p := c.Offer.Provider; !seen[p] && !q.blocked[p] && !q.blocked[regionKey(c)] {
			seen[p] = true
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
		if !q.policy.RegionsFirst {
			step = faults.NextProvider
		}
	}
	if step == faults.NextProvider {
		q.blocked[c.Offer.Provider] = true
	}
	return step
}
