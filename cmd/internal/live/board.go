// Package live is what a terminal shows while deployments are worked on: the
// state that events add up to, and its picture at a width and a height.
package live

import (
	"slices"
	"strings"
	"time"

	"skysail/deploy"
)

// State of a candidate or of a deployment.
type State string

// The states, in the order of a life.
const (
	Waiting State = "waiting"
	Running State = "running"
	Done    State = "done"
	Failed  State = "failed"
)

// Board is the state of what is worked on. Not safe for concurrent use.
type Board struct {
	rows  []*row
	byKey map[string]*row
	many  bool
}

// New makes a board: one deployment in full, or a table of many.
func New(many bool) *Board { return &Board{byKey: map[string]*row{}, many: many} }

// row is one deployment.
type row struct {
	name       string
	state      State
	begun      time.Time
	ended      time.Time
	candidates []candidate
	total      int
	attempt    int
	provider   string
	region     string
	phase      string // what is done now
	phaseSince time.Time
	resources  []resource
	price      float64   // an hour, of the attempt that runs
	paidSince  time.Time // when it began to cost, zero when it does not
	spent      float64   // of attempts that ended
	last       string
}

type candidate struct {
	deploy.EventCandidate
	state State
	note  string
	since time.Time
	ended time.Time
}

type resource struct {
	address, action string
	state           State
	since           time.Time
	seconds         float64
}

// Doing notes what is done for the whole command, before any event.
func (b *Board) Doing(text string, now time.Time) {
	if b.many || len(b.rows) > 0 {
		return
	}
	r := b.row("", now)
	r.phase, r.phaseSince = text, now
}

func (b *Board) row(name string, now time.Time) *row {
	if !b.many {
		name = ""
	}
	if r := b.byKey[name]; r != nil {
		return r
	}
	r := &row{name: name, state: Running, begun: now, phaseSince: now}
	b.rows, b.byKey[name] = append(b.rows, r), r
	return r
}

// Event adds an event.
func (b *Board) Event(ev deploy.Event) {
	r := b.row(ev.Name, ev.At)
	if r.begun.IsZero() && r.state != Waiting {
		r.begun = ev.At
	}
	if ev.Text != "" && ev.Kind != deploy.EventQueued && ev.State != deploy.ResourceBegun {
		r.last, _, _ = strings.Cut(ev.Text, "\n")
	}
	if ev.Provider != "" {
		r.provider, r.region = ev.Provider, ev.Region
	}
	switch ev.Kind {
	case deploy.EventQueued:
		r.state, r.phase, r.begun = Waiting, "", time.Time{}
	case deploy.EventBegun:
		r.state, r.begun = Running, ev.At
		r.do("starting", ev.At)
	case deploy.EventEnded:
		r.end(ev)
	case deploy.EventSelect:
		r.candidates, r.total = nil, ev.Total
		for _, c := range ev.Candidates {
			r.candidates = append(r.candidates, candidate{EventCandidate: c, state: Waiting})
		}
	case deploy.EventAttempt:
		r.attempt, r.price, r.resources = ev.Attempt, ev.PriceUSD, nil
		r.do("preparing", ev.At)
		r.mark(ev, Running, "")
	case deploy.EventStep:
		if ev.Step == "apply" {
			r.price, r.paidSince = ev.PriceUSD, ev.At
		}
		if ev.Step == "destroy" {
			r.resources = nil
		}
		r.do(ev.Text, ev.At)
	case deploy.EventResource:
		r.resource(ev)
	case deploy.EventFault:
		r.mark(ev, Failed, ev.Class)
		r.do("cleaning up", ev.At)
	case deploy.EventCleaned:
		r.resources = nil
		r.pay(ev.At)
	case deploy.EventReady:
		r.mark(ev, Done, "")
		r.do("healthy", ev.At)
	case deploy.EventInterrupt:
		r.mark(ev, Failed, "interrupted")
		r.do("removing what was made", ev.At)
	case deploy.EventWarning:
	}
}

func (r *row) do(what string, at time.Time) { r.phase, r.phaseSince = what, at }

func (r *row) end(ev deploy.Event) {
	r.state, r.ended, r.resources = Done, ev.At, nil
	r.do("done", ev.At)
	if ev.Class != "" {
		r.state = Failed
		r.do(ev.Class, ev.At)
	}
}

// pay adds up what an attempt has cost when nothing of it is left.
func (r *row) pay(at time.Time) {
	r.spent = r.cost(at)
	r.paidSince = time.Time{}
}

// cost is an estimate in dollars: price times time, since apply began.
func (r *row) cost(now time.Time) float64 {
	if r.paidSince.IsZero() {
		return r.spent
	}
	return r.spent + r.price*now.Sub(r.paidSince).Hours()
}

// mark sets the state of the candidate that an attempt tries. One that a
// selection did not list is added.
func (r *row) mark(ev deploy.Event, s State, note string) {
	at := slices.IndexFunc(r.candidates, func(c candidate) bool {
		return c.Provider == ev.Provider && c.Region == ev.Region && c.Type == ev.Type && c.Zone == ev.Zone && (s == Running || c.state == Running)
	})
	if at < 0 {
		if s != Running {
			return
		}
		r.candidates = append(r.candidates, candidate{EventCandidate: deploy.EventCandidate{
			Provider: ev.Provider, Region: ev.Region, Zone: ev.Zone, Type: ev.Type, PriceUSD: ev.PriceUSD,
		}})
		at = len(r.candidates) - 1
	}
	c := &r.candidates[at]
	c.state = s
	if s == Running {
		c.since, c.ended, c.note = ev.At, time.Time{}, ""
	} else {
		c.ended, c.note = ev.At, note
	}
}

func (r *row) resource(ev deploy.Event) {
	at := slices.IndexFunc(r.resources, func(x resource) bool { return x.address == ev.Address })
	if at < 0 {
		r.resources = append(r.resources, resource{address: ev.Address, since: ev.At.Add(-time.Duration(ev.Seconds * float64(time.Second)))})
		at = len(r.resources) - 1
	}
	x := &r.resources[at]
	x.action, x.seconds = ev.Action, ev.Seconds
	switch ev.State {
	case deploy.ResourceDone:
		x.state = Done
	case deploy.ResourceFailed:
		x.state = Failed
	default:
		x.state = Running
	}
}
