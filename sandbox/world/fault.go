package world

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kinds of faults.
const (
	Capacity = "capacity" // a create is refused: no room in the region
	Quota    = "quota"    // a create is refused: the account's limit
	Auth     = "auth"     // every call is refused
	// A create is refused because the account may not use this yet, because
	// the request is wrong, or because there were too many requests.
	NotEnabled = "not-enabled"
	Invalid    = "invalid"
	RateLimit  = "rate-limit"
	Slow       = "slow"      // a created server takes SlowBoot longer to boot
	HalfMade   = "half-made" // the server is made, the create is answered 5xx
	Hang       = "hang"      // the server is made, the create is never answered
	// A create is refused in words that come with the order. It is no kind of
	// Kinds: what it means is for the client to find out.
	Worded = "words"
)

// Kinds lists the kinds of faults in the order they are printed.
func Kinds() []string {
	return []string{Capacity, Quota, Auth, NotEnabled, Invalid, RateLimit, Slow, HalfMade, Hang}
}

// Refuses says whether the kind is a refusal of a create: nothing is made and
// the answer says why.
func Refuses(kind string) bool {
	switch kind {
	case Capacity, Quota, Auth, NotEnabled, Invalid, RateLimit, Worded:
		return true
	}
	return false
}

// SlowBoot is how much longer a server boots under a Slow fault.
const SlowBoot = 8 * time.Second

// A client that gets a 5xx or no answer repeats its request; all repeats
// within retryWindow of one another are one attempt. Under Auth every call
// fails, so there an attempt is a burst of calls with no pause of authWindow.
const (
	retryWindow = 2 * time.Minute
	authWindow  = time.Second
)

// Fault is an ordered failure. It strikes until Times attempts were hit, or
// until it is cleared when Times is 0.
type Fault struct {
	Provider string `json:"provider"`
	Kind     string `json:"kind"`
	// Region limits the fault to creates there; empty is everywhere.
	Region string `json:"region,omitempty"`
	// Words are what a Worded fault answers.
	Words *Words `json:"words,omitempty"`
	Times int    `json:"times"`
	// Left counts down from Times.
	Left int `json:"left"`
	// Delay is how late a refusal comes, as of a client that asks again and
	// again before it tells; 0 is at once.
	Delay time.Duration `json:"delay,omitempty"`
	// Rate is the part of the attempts that the fault strikes, 0 is all.
	Chance
	// Open are the attempts that were counted and may still be repeated.
	Open []*Attempt `json:"open,omitempty"`
}

// Attempt is one try of a client, with all its repeats.
type Attempt struct {
	Request string    `json:"request"`
	Last    time.Time `json:"last"`
	// Servers are what the attempt left behind. Once one of them is deleted,
	// the client has given up: the same request is a new attempt.
	Servers []string `json:"servers,omitempty"`
}

// Create describes a create request to the faults.
type Create struct {
	Provider, Region string
	// Request identifies the request: equal for its repeats.
	Request string
}

// Validate says what is wrong with a fault that somebody orders.
func (f Fault) Validate() error {
	switch {
	case !slices.Contains(Providers(), f.Provider):
		return fmt.Errorf("the sandbox does not simulate %q; it has %s", f.Provider, strings.Join(Providers(), ", "))
	case f.Words != nil && f.Kind != Worded:
		return fmt.Errorf("a fault with words of its own has no kind beside them; leave %q out", f.Kind)
	case f.Words == nil && f.Kind == Worded, f.Words == nil && !slices.Contains(Kinds(), f.Kind):
		return fmt.Errorf("there is no fault %q; there are %s", f.Kind, strings.Join(Kinds(), ", "))
	case f.Times < 0:
		return fmt.Errorf("times is %d; it is the number of attempts that fail, or 0 for all until the fault is cleared", f.Times)
	case f.Kind == Auth && f.Region != "":
		return fmt.Errorf("an auth fault concerns the whole account; leave the region %q out", f.Region)
	}
	switch {
	case f.Delay < 0:
		return fmt.Errorf("the delay is %s; it is how late a refusal comes", f.Delay)
	case f.Delay > 0 && (f.Kind == Auth && f.Rate == 0 || !Refuses(f.Kind)):
		return fmt.Errorf("a delay is for refusals of creates, and %s is none", f.Kind)
	case f.Delay > 0 && f.Provider == GCP:
		return fmt.Errorf("gcp answers creates at once; order the fault hang for an operation that does not end")
	}
	if err := f.Words.validate(); err != nil {
		return err
	}
	return f.Chance.validate() //nolint:staticcheck // the Chance, not the Words
}

// SetFault orders a fault, in place of one of the same kind, words and region.
func (st *State) SetFault(f Fault) {
	f.Left, f.Open, f.Seen = f.Times, nil, 0
	st.Faults = drop(st.Faults, func(o *Fault) bool {
		return o.Provider == f.Provider && o.Kind == f.Kind && o.Words.same(f.Words) && strings.EqualFold(o.Region, f.Region)
	})
	st.Faults = append(st.Faults, &f)
}

// ClearFaults removes the faults of a provider, or all when it is empty.
func (st *State) ClearFaults(provider string) {
	st.Faults = drop(st.Faults, func(f *Fault) bool { return provider == "" || f.Provider == provider })
}

// Armed returns the faults that can still strike a new attempt.
func (st *State) Armed() []Fault {
	out := []Fault{}
	for _, f := range st.Faults {
		if f.armed() {
			c := *f
			c.Open = nil
			out = append(out, c)
		}
	}
	return out
}

func (f *Fault) armed() bool { return f.Times == 0 || f.Left > 0 }

// StrikeCreate returns the fault that hits a create request and the attempt
// it was counted for, or nil. Slow and the like are told apart by Kind.
func (st *State) StrikeCreate(c Create, now time.Time) (*Fault, *Attempt) {
	st.forget(now)
	// Repeats first: chance has decided about them already.
	for _, f := range st.Faults {
		if !f.concerns(c) {
			continue
		}
		if a := f.repeated(st, c.Request); a != nil {
			a.Last = now
			return f, a
		}
	}
	for _, f := range st.Faults {
		if f.concerns(c) && f.armed() && f.draw() {
			return f, f.count(c.Request, now)
		}
	}
	return nil, nil
}

// concerns says whether the fault could strike that create.
func (f *Fault) concerns(c Create) bool {
	return f.Provider == c.Provider && !f.everyCall() && (f.Region == "" || strings.EqualFold(f.Region, c.Region))
}

// everyCall says that the fault strikes calls of any sort. Credentials that are
// refused now and then are refused to creates only: a client makes dozens of
// calls, and one of them would nearly always be struck.
func (f *Fault) everyCall() bool { return f.Kind == Auth && f.Rate == 0 }

// StrikeAuth says whether a call is refused for its credentials.
func (st *State) StrikeAuth(provider string, now time.Time) bool {
	st.forget(now)
	for _, f := range st.Faults {
		if f.Provider != provider || !f.everyCall() {
			continue
		}
		if len(f.Open) > 0 {
			f.Open[0].Last = now
			return true
		}
		if f.armed() {
			f.count("", now)
			return true
		}
	}
	return false
}

// AuthFault says whether an auth fault is set, so that calls without one
// need no change of the state.
func (st *State) AuthFault(provider string) bool {
	return slices.ContainsFunc(st.Faults, func(f *Fault) bool { return f.Provider == provider && f.everyCall() })
}

func (f *Fault) count(request string, now time.Time) *Attempt {
	if f.Times > 0 {
		f.Left--
	}
	a := &Attempt{Request: request, Last: now}
	// Only where clients repeat on their own must repeats be told apart: a
	// refusal (4xx) ends the attempt.
	if f.repeatable() {
		f.Open = append(f.Open, a)
	}
	return a
}

// repeatable says that the answer to what the fault struck is one that
// clients repeat on their own. AWS answers 500 to a stockout.
func (f *Fault) repeatable() bool {
	switch f.Kind {
	case HalfMade, Hang, RateLimit:
		return true
	case Auth:
		return f.everyCall()
	case Worded:
		return f.Words.repeatable()
	case Capacity:
		return f.Provider == AWS
	}
	return false
}

// repeated returns the open attempt with that request, if what it left behind
// is still there.
func (f *Fault) repeated(st *State, request string) *Attempt {
	for _, a := range f.Open {
		if a.Request != request {
			continue
		}
		gone := slices.ContainsFunc(a.Servers, func(id string) bool {
			s := st.Server(f.Provider, id)
			return s == nil || s.Deleting
		})
		if !gone {
			return a
		}
	}
	return nil
}

// forget closes attempts that nobody repeats any more and drops faults that
// have struck as often as ordered.
func (st *State) forget(now time.Time) {
	for _, f := range st.Faults {
		window := retryWindow
		if f.everyCall() {
			window = authWindow
		}
		f.Open = drop(f.Open, func(a *Attempt) bool { return now.Sub(a.Last) > window })
	}
	st.Faults = drop(st.Faults, func(f *Fault) bool { return !f.armed() && len(f.Open) == 0 })
}
