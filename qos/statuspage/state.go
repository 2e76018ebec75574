package statuspage

import (
	"fmt"
	"strings"

	"skysail/qos"
	"skysail/qos/metric"
)

// State is how something is, worst first in the order of severity.
type State string

// The states. Unknown is neither Down nor Up.
const (
	Down        State = "down"
	Unreachable State = "unreachable"
	Degraded    State = "degraded"
	Unknown     State = "unknown"
	Up          State = "up"
)

func (s State) severity() int {
	switch s {
	case Down:
		return 4
	case Unreachable:
		return 3
	case Degraded:
		return 2
	case Unknown:
		return 1
	}
	return 0
}

// Word is the state as a person reads it.
func (s State) Word() string { return strings.ToUpper(string(s[:1])) + string(s[1:]) }

// of finds the state of an instance in what was read of it last: what its
// health check says, or its pod's readiness, or its service manager.
func stateOf(samples []qos.Sample) State {
	var judged, pod, unit State
	var here, there State // by where the check was made from
	for _, s := range samples {
		is := Up
		if s.Value == 0 {
			is = Down
		}
		switch s.Name {
		case metric.HealthState:
			if s.Value == 1 {
				judged = State(s.Labels["state"])
			}
		case metric.ProbeSuccess:
			if s.Labels["vantage"] == "" {
				here = is
			} else {
				there = is
			}
		case metric.PodReady:
			pod = is
		case metric.ServiceUp:
			unit = is
		}
	}
	switch judged {
	case Up, Down, Unreachable:
		return judged
	}
	// Until the thresholds of a health check are met the last check is what is
	// known.
	for _, s := range []State{here, there, pod} {
		if s != "" {
			return s
		}
	}
	if judged == Unknown || unit == "" {
		return Unknown
	}
	return unit
}

// together is the state of a whole whose parts are in these states.
func together(parts []State) State {
	n := map[State]int{}
	for _, p := range parts {
		n[p]++
	}
	failing := n[Down] + n[Unreachable]
	switch {
	case len(parts) == 0 || n[Unknown] == len(parts):
		return Unknown
	case failing == len(parts):
		if n[Down] == 0 {
			return Unreachable
		}
		return Down
	case failing > 0 || n[Degraded] > 0:
		return Degraded
	case n[Unknown] > 0:
		return Unknown
	}
	return Up
}

// tell counts states in words: "1 down, 2 up".
func tell(parts []State) string {
	var out []string
	for _, s := range []State{Down, Unreachable, Degraded, Unknown, Up} {
		n := 0
		for _, p := range parts {
			if p == s {
				n++
			}
		}
		if n > 0 {
			out = append(out, fmt.Sprintf("%d %s", n, s))
		}
	}
	return strings.Join(out, ", ")
}

// bannerView is the answer to "is all well?".
type bannerView struct {
	State          State
	Headline, More string
	// Watch is alerts, objectives and maintenance.
	Watch string
}

func bannerOf(all []*deploymentView) bannerView {
	if len(all) == 0 {
		return bannerView{State: Unknown, Headline: "Nothing is deployed"}
	}
	parts := make([]State, len(all))
	n, stuck, paging := map[State]int{}, 0, 0
	for i, d := range all {
		parts[i] = d.State
		n[d.State]++
		if d.Stuck {
			stuck++
		}
		if d.Watch.pages() > 0 {
			paging++
		}
	}
	b := bannerView{State: Up, More: "Deployments: " + tell(parts) + ".", Watch: watchLine(all)}
	of := fmt.Sprintf("of %d deployments", len(all))
	switch {
	case n[Down]+n[Unreachable] > 0:
		b.State = Down
		if n[Down] == 0 {
			b.State = Unreachable
		}
		failing := n[Down] + n[Unreachable]
		b.Headline = fmt.Sprintf("%d %s %s not answer", failing, of, verb(failing, "does", "do"))
	case stuck > 0:
		b.State, b.Headline = Degraded, fmt.Sprintf("%d %s %s stuck", stuck, of, verb(stuck, "is", "are"))
	case n[Degraded] > 0:
		b.State, b.Headline = Degraded, fmt.Sprintf("%d %s %s degraded", n[Degraded], of, verb(n[Degraded], "is", "are"))
	case n[Unknown] == len(all):
		b.State, b.Headline = Unknown, "Nothing is known yet"
	case n[Unknown] > 0:
		b.State, b.Headline = Unknown, fmt.Sprintf("The state %s is unknown", fmt.Sprintf("of %d of %d deployments", n[Unknown], len(all)))
	case paging > 0:
		b.State, b.Headline = Degraded, fmt.Sprintf("%d %s %s an alert", paging, of, verb(paging, "has", "have"))
		if len(all) == 1 {
			b.Headline = all[0].Name + " is up and has an alert"
		}
		return b
	case len(all) == 1:
		b.Headline = "The deployment is up"
	default:
		b.Headline = fmt.Sprintf("All %d deployments are up", len(all))
	}
	if len(all) == 1 && b.State != Up {
		b.Headline = oneHeadline(all[0])
	}
	return b
}

func oneHeadline(d *deploymentView) string {
	if d.Stuck {
		return d.Name + " is stuck"
	}
	if d.State == Unknown {
		return "The state of " + d.Name + " is unknown"
	}
	return d.Name + " is " + string(d.State)
}

func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
