package deploy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"skysail/clouds/faults"
	"skysail/runner"
	"skysail/selector"
)

// Event is something that happened on the way. Text is for people and may
// change; the other fields are for programs and are described, with what is
// promised of them, in docs/events.md. No event has a secret in it, nor source
// that Terraform quotes.
type Event struct {
	At   time.Time `json:"at"`
	Kind EventKind `json:"type"`
	// Name is the deployment's; empty for what belongs to none.
	Name string `json:"name,omitempty"`
	// Of the attempt, from 1; 0 for what belongs to none.
	Attempt  int    `json:"attempt,omitempty"`
	Provider string `json:"provider,omitempty"`
	Region   string `json:"region,omitempty"`
	Zone     string `json:"zone,omitempty"`
	Type     string `json:"machine_type,omitempty"`
	// PriceUSD is dollars an hour for all instances of the attempt.
	PriceUSD float64 `json:"price_usd_hour,omitempty"`
	Step     string  `json:"step,omitempty"` // init, plan, apply, outputs or destroy, when one begins
	// Of a resource of Terraform.
	Address string        `json:"address,omitempty"`
	Action  string        `json:"action,omitempty"` // create, update, replace, delete
	State   ResourceState `json:"state,omitempty"`
	Seconds float64       `json:"elapsed_seconds,omitempty"`
	// Of a fault.
	Class string `json:"class,omitempty"`
	Scope string `json:"scope,omitempty"`
	// Of a selection: the best candidates, and how many there are in all.
	Candidates []EventCandidate `json:"candidates,omitempty"`
	Total      int              `json:"candidates_total,omitempty"`

	Text string `json:"text"`
}

// EventCandidate is a candidate as a selection's event lists it.
type EventCandidate struct {
	Provider string  `json:"provider"`
	Region   string  `json:"region"`
	Zone     string  `json:"zone,omitempty"`
	Type     string  `json:"machine_type"`
	Spot     bool    `json:"spot,omitempty"`
	PriceUSD float64 `json:"price_usd_hour"`
}

// EventKind groups events.
type EventKind string

// The kinds.
const (
	EventSelect    EventKind = "select"
	EventAttempt   EventKind = "attempt"
	EventStep      EventKind = "step"     // init, plan, apply, …
	EventResource  EventKind = "resource" // Terraform makes or removes one
	EventFault     EventKind = "fault"
	EventSkip      EventKind = "skip"   // candidates that are not tried, and why
	EventDenied    EventKind = "denied" // by the guardrails; the candidate is left out
	EventCleaned   EventKind = "cleaned"
	EventReady     EventKind = "ready"
	EventWarning   EventKind = "warning"
	EventInterrupt EventKind = "interrupt"
	// Of several deployments at once: one waits for its turn, begins, ended.
	EventQueued EventKind = "queued"
	EventBegun  EventKind = "begun"
	EventEnded  EventKind = "ended"
)

// ResourceState is how far Terraform is with a resource.
type ResourceState string

// The states.
const (
	ResourceBegun   ResourceState = "begun"
	ResourceWorking ResourceState = "working" // told every ten seconds
	ResourceDone    ResourceState = "done"
	ResourceFailed  ResourceState = "failed"
)

// eventCandidates is how many candidates an event lists.
const eventCandidates = 20

// steps are the events' Step values.
var steps = []string{"init", "plan", "apply", "outputs", "destroy"}

func stepOf(text string) string {
	first, _, _ := strings.Cut(text, ",")
	if slices.Contains(steps, first) {
		return first
	}
	return ""
}

// emit tells of something about an attempt, or about none.
func (d *Deployer) emit(kind EventKind, a *attempt, format string, args ...any) {
	d.emitEvent(a, Event{Kind: kind, Text: fmt.Sprintf(format, args...)})
}

// emitProvider tells of something that belongs to a provider and no attempt.
func (d *Deployer) emitProvider(kind EventKind, provider, format string, args ...any) {
	d.emitEvent(nil, Event{Kind: kind, Provider: provider, Text: fmt.Sprintf(format, args...)})
}

// emitEvent fills in what the attempt says and takes secrets out.
func (d *Deployer) emitEvent(a *attempt, ev Event) {
	if d.opts.Progress == nil {
		return
	}
	ev.At = time.Now().UTC()
	if a != nil {
		r := &a.row
		ev.Name, ev.Attempt, ev.Provider, ev.Region, ev.Zone = a.dep.Name, r.N, r.Provider, r.Region, r.Zone
		ev.Type, ev.PriceUSD = r.Type, r.PriceUSD
		if ev.Kind == EventFault && ev.Class == "" {
			ev.Class, ev.Scope = r.Class, r.Scope
			if ev.Scope == "" && r.Class != "" {
				ev.Scope = string(faults.Class(r.Class).Scope())
			}
		}
	}
	if ev.Kind == EventStep && ev.Step == "" {
		ev.Step = stepOf(ev.Text)
	}
	ev.Text = d.scrub(ev.Text)
	d.send(ev)
}

func (d *Deployer) send(ev Event) {
	d.events.Lock()
	defer d.events.Unlock()
	d.opts.Progress(ev)
}

// emitSelection tells what was chosen and what comes after it.
func (d *Deployer) emitSelection(name string, r selector.Result) {
	ev := Event{Kind: EventSelect, Name: name, Total: len(r.Candidates)}
	for i := range r.Candidates[:min(len(r.Candidates), eventCandidates)] {
		c := &r.Candidates[i]
		ev.Candidates = append(ev.Candidates, EventCandidate{
			Provider: c.Offer.Provider, Region: c.Offer.Region, Zone: c.Zone(), Type: c.Offer.Type, Spot: c.Spot, PriceUSD: c.TotalUSD,
		})
	}
	first := r.Candidates[0].Offer
	ev.Text = fmt.Sprintf("%s: %s; %d candidate(s), first %s %s in %s", r.Rule, r.Why, len(r.Candidates), first.Provider, first.Type, first.Region)
	d.emitEvent(nil, ev)
}

// terraformEvent hands on what Terraform says of a resource, and its warnings.
func (d *Deployer) terraformEvent(a *attempt, ev runner.Event) {
	out := Event{Kind: EventResource, Address: ev.Address, Action: ev.Action, Seconds: ev.Elapsed.Seconds()}
	if ev.Kind == runner.EventDiagnostic {
		switch {
		case ev.Diagnostic.Severity == "warning":
			d.emit(EventWarning, a, "%s", ev.Diagnostic.Text())
		case ev.Op == "apply" && a.onError != nil:
			a.onError(ev.Diagnostic.Text())
			a.onError = nil
		}
		return
	}
	if ev.Action == "read" {
		return // a data source: nothing is made
	}
	switch ev.Kind {
	case runner.EventStart:
		out.State, out.Text = ResourceBegun, ev.Address+": "+ev.Action
	case runner.EventProgress:
		out.State, out.Text = ResourceWorking, fmt.Sprintf("%s: still working (%s)", ev.Address, ev.Elapsed)
	case runner.EventComplete:
		out.State, out.Text = ResourceDone, fmt.Sprintf("%s: %sd in %s", ev.Address, strings.TrimSuffix(ev.Action, "e")+"e", ev.Elapsed)
	case runner.EventErrored:
		out.State, out.Text = ResourceFailed, fmt.Sprintf("%s: %s failed after %s", ev.Address, ev.Action, ev.Elapsed)
	default:
		return
	}
	d.emitEvent(a, out)
}
