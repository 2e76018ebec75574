package deploy

import (
	"fmt"
	"maps"
	"slices"

	"skysail/clouds/faults"
	"skysail/policies"
	"skysail/selector"
	"skysail/store"
)

// maxRetries bounds how often one candidate is tried again after a transient
// fault.
const maxRetries = 2

// slot is a candidate in one of its zones: what an attempt tries.
type slot struct {
	*selector.Candidate
	zone string // "" where the provider chooses
}

// place is a part of a provider. What is empty in it is any.
type place struct {
	provider, region string
	zone, kind       string // kind is the instance type
	spot             bool
}

// The parts of a provider that a slot is in, by the scope of a fault. Spot
// capacity and its quotas are apart from the others; a zone's stockout is one
// of the type, and of a region where there are no zones.
//
// Clusters have nothing in common but their kind: what is of a provider
// elsewhere, its credentials above all, is of one cluster there.
func (s slot) in(scope faults.Scope) place {
	if s.Offer.Provider == policies.Kubernetes {
		return place{provider: s.Offer.Provider, region: s.Offer.Region}
	}
	switch scope {
	case faults.ScopeZone:
		return place{s.Offer.Provider, s.Offer.Region, s.zone, s.Offer.Type, s.Spot}
	case faults.ScopeRegion:
		return place{provider: s.Offer.Provider, region: s.Offer.Region, spot: s.Spot}
	default:
		return place{provider: s.Offer.Provider}
	}
}

// scopes are those that a place can be blocked by.
var scopes = []faults.Scope{faults.ScopeProvider, faults.ScopeRegion, faults.ScopeZone}

// queue hands out candidates under the failover policy.
type queue struct {
	slots    []slot
	policy   policies.Failover
	attempts int
	retries  int
	last     int // index of the one handed out last
	again    bool
	used     []bool
	// near says that the other zones of the last one come first, inside that
	// the other regions of its provider do.
	near, inside bool
	blocked      map[place]bool
	// clustersFirst is set when the clusters come before the clouds.
	clustersFirst bool
	// late are places that come after all others: providers that took too
	// long, and other types in zones that had no room for one.
	late map[place]bool
	// dear says of a candidate that it costs more than is left, in words; nil
	// and "" allow it.
	dear func(*selector.Candidate) string
}

func newQueue(cs []selector.Candidate, p policies.Failover) *queue {
	q := &queue{policy: p, blocked: map[place]bool{}, late: map[place]bool{}}
	for i := range cs {
		zones := cs[i].Offer.Zones
		if len(zones) == 0 {
			zones = []string{""}
		}
		for _, z := range zones {
			q.slots = append(q.slots, slot{&cs[i], z})
		}
	}
	q.used = make([]bool, len(q.slots))
	return q
}

// queueOf is the queue under a policy.
func queueOf(cs []selector.Candidate, p *policies.Policy) *queue {
	q := newQueue(cs, p.Failover)
	q.clustersFirst = p.Hybrid != nil && p.Hybrid.Primary == policies.Kubernetes
	return q
}

// clone is for a look ahead.
func (q *queue) clone() *queue {
	c := *q
	c.used, c.blocked, c.late = slices.Clone(q.used), maps.Clone(q.blocked), maps.Clone(q.late)
	return &c
}

// next returns what to try, or false when there is nothing left or the
// attempts are used up. After a zone without room the region's other zones
// come first, after a region the other regions of its provider, if the policy
// says so. While other providers wait untried, the last attempts are kept for
// them, one each: a provider with many regions must not use up what failover
// is for.
func (q *queue) next() (slot, bool) {
	if q.attempts >= q.policy.MaxAttempts {
		return slot{}, false
	}
	if !q.again || q.dear != nil && q.dear(q.slots[q.last].Candidate) != "" {
		i := q.pick()
		if i < 0 {
			return slot{}, false
		}
		q.last, q.used[i], q.retries = i, true, 0
	}
	q.again, q.near, q.inside = false, false, false
	q.attempts++
	return q.slots[q.last], true
}

// unused takes back the slot that was handed out last: there was no attempt.
func (q *queue) unused() { q.attempts-- }

func (q *queue) pick() int {
	last := slot{}
	if len(q.slots) > 0 {
		last = q.slots[q.last]
	}
	if q.near {
		if i := q.find(func(s slot) bool { return s.Candidate == last.Candidate }); i >= 0 {
			return i
		}
	}
	if q.near || q.inside {
		i := q.find(func(s slot) bool {
			return q.policy.RegionsFirst && s.Offer.Provider == last.Offer.Provider && s.in(faults.ScopeRegion) != last.in(faults.ScopeRegion) && !q.isLate(s)
		})
		if i >= 0 {
			return i
		}
	}
	// A cluster is the last resort, whatever the order of prices says of it;
	// where the policy wants one first, it comes first.
	turn := func(s slot) bool { return (s.Offer.Provider == policies.Kubernetes) == q.clustersFirst }
	if i := q.find(func(s slot) bool { return !q.isLate(s) && turn(s) }); i >= 0 {
		return i
	}
	if i := q.find(turn); i >= 0 {
		return i
	}
	if i := q.find(func(s slot) bool { return !q.isLate(s) }); i >= 0 {
		return i
	}
	return q.find(func(slot) bool { return true })
}

func (q *queue) isLate(s slot) bool {
	zone := s.in(faults.ScopeZone)
	zone.kind = ""
	return q.late[s.in(faults.ScopeProvider)] || q.late[zone]
}

// find returns the first slot that is wanted and may be tried, or -1.
func (q *queue) find(want func(slot) bool) int {
	type kind struct {
		provider string
		spot     bool
	}
	kept := map[kind]bool{} // what has to leave the last attempts to others
	for i, s := range q.slots {
		k := kind{s.Offer.Provider, s.Spot}
		if kept[k] || !q.open(i) || !want(s) {
			continue
		}
		if q.tried(k.provider, k.spot) && q.policy.MaxAttempts-q.attempts <= q.waiting(s) {
			kept[k] = true
			continue
		}
		return i
	}
	return -1
}

func (q *queue) open(i int) bool {
	return !q.used[i] && !q.shut(i) && (q.dear == nil || q.dear(q.slots[i].Candidate) == "")
}

// shut says that a fault reaches the slot.
func (q *queue) shut(i int) bool {
	return slices.ContainsFunc(scopes, func(sc faults.Scope) bool { return q.blocked[q.slots[i].in(sc)] })
}

// tried says whether a candidate of the provider was handed out; one that is
// not spot only counts among its like.
func (q *queue) tried(provider string, spot bool) bool {
	for i, used := range q.used {
		if s := q.slots[i]; used && s.Offer.Provider == provider && (spot || !s.Spot) {
			return true
		}
	}
	return false
}

// waiting counts the providers other than the slot's that still have one and
// none tried. What a spot candidate falls back on counts as well: its own
// provider on demand.
func (q *queue) waiting(s slot) int {
	seen := map[string]bool{s.Offer.Provider: true}
	for i, used := range q.used {
		if used {
			seen[q.slots[i].Offer.Provider] = true
		}
	}
	own := s.Spot && !q.tried(s.Offer.Provider, false)
	n := 0
	for i, other := range q.slots {
		p := other.Offer.Provider
		if seen[p] && (!own || p != s.Offer.Provider || other.Spot) || !q.open(i) {
			continue
		}
		if !seen[p] {
			seen[p] = true
		} else {
			own = false
		}
		n++
	}
	return n
}

// failed takes the fault of the slot handed out last into account. It returns
// the step that follows, and what is not tried because of it.
func (q *queue) failed(v faults.Verdict) (faults.Step, *store.Skip) {
	last := q.slots[q.last]
	step := v.Class.Next()
	scope := v.Scope
	switch {
	case v.Class == classBudget: // what is too dear is not handed out
		return faults.NextProvider, nil
	case step == faults.Stop || step == faults.Wait:
		return step, nil
	case step == faults.SameAgain && q.retries < maxRetries && q.policy.MaxAttempts-q.attempts > q.waiting(last):
		q.retries++
		q.again = true
		return step, nil
	case step == faults.SameAgain:
		step = faults.NextProvider
	case (v.Class == faults.Auth || v.Class == faults.NotEnabled) && narrow(scope):
		step = faults.NextRegion // what is not allowed there may be elsewhere
	}
	if !narrow(scope) {
		return faults.NextProvider, q.block(faults.ScopeProvider, v)
	}
	skip := q.block(scope, v)
	if step == faults.NextProvider {
		q.late[last.in(faults.ScopeProvider)] = true
		return step, skip
	}
	if scope == faults.ScopeZone {
		zone := last.in(faults.ScopeZone)
		zone.kind = ""
		q.late[zone] = true
		q.near = true
		if q.find(func(s slot) bool { return s.Candidate == last.Candidate }) >= 0 {
			return faults.NextZone, skip
		}
		q.near = false
	}
	if q.policy.RegionsFirst {
		q.inside = true
		return faults.NextRegion, skip
	}
	all := q.block(faults.ScopeProvider, v)
	if all != nil {
		all.Scope = string(scope)
		all.Reason = "failover.regions_first = false: after a " + string(v.Class) + " fault the next provider is tried"
	}
	return faults.NextProvider, all
}

// narrow says that a scope leaves something of its provider.
func narrow(scope faults.Scope) bool { return scope == faults.ScopeZone || scope == faults.ScopeRegion }

// pass shuts out the slot that was handed out last, and what shares its place,
// before there was an attempt.
func (q *queue) pass(v faults.Verdict, why string) *store.Skip {
	if v.Scope == "" {
		v.Scope = faults.ScopeRegion
	}
	q.unused()
	skip := q.block(v.Scope, v)
	if skip == nil {
		skip = q.skip(v.Scope, v)
	}
	skip.Candidates++ // the one that was asked for
	skip.Reason = why
	q.inside = narrow(v.Scope)
	return skip
}

// block shuts out what shares the last slot's place. It returns what would
// have been tried but for that, or nil.
func (q *queue) block(scope faults.Scope, v faults.Verdict) *store.Skip {
	at := q.slots[q.last].in(scope)
	before := q.candidates()
	q.blocked[at] = true
	after := q.candidates()
	skip := q.skip(scope, v)
	for c := range before {
		if !after[c] && c != q.slots[q.last].Candidate {
			skip.Candidates++
		}
	}
	if skip.Candidates == 0 {
		return nil
	}
	return skip
}

func (q *queue) skip(scope faults.Scope, v faults.Verdict) *store.Skip {
	at := q.slots[q.last].in(scope)
	return &store.Skip{
		Attempt: q.attempts, Provider: at.provider, Region: at.region, Zone: at.zone, Type: at.kind, Spot: at.spot,
		Class: string(v.Class), Scope: string(scope), Reason: reach(at, scope, v.Class),
	}
}

// reach says how far a fault reaches.
func reach(at place, scope faults.Scope, class faults.Class) string {
	switch {
	case scope == faults.ScopeZone:
		return fmt.Sprintf("the %s fault is one of %s in this zone", class, at.kind)
	case scope == faults.ScopeRegion && at.provider != policies.Kubernetes:
		return fmt.Sprintf("the %s fault reaches the whole region", class)
	case at.provider == policies.Kubernetes:
		return fmt.Sprintf("the %s fault reaches all of the cluster behind context %s", class, at.region)
	default:
		return fmt.Sprintf("the %s fault reaches all of %s", class, at.provider)
	}
}

// candidates are those that have a slot which no fault reaches, and that were
// not tried.
func (q *queue) candidates() map[*selector.Candidate]bool {
	out := map[*selector.Candidate]bool{}
	for i, s := range q.slots {
		if !q.used[i] && !q.shut(i) {
			out[s.Candidate] = true
		}
	}
	return out
}

// tooDear are the candidates that nothing but their price shuts out.
func (q *queue) tooDear() []*selector.Candidate {
	var out []*selector.Candidate
	for i, s := range q.slots {
		if q.used[i] || q.shut(i) || q.dear == nil || q.dear(s.Candidate) == "" || len(out) > 0 && out[len(out)-1] == s.Candidate {
			continue
		}
		out = append(out, s.Candidate)
	}
	return out
}
