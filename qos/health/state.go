package health

import (
	"fmt"
	"strings"

	"skysail/qos/metric"
	"skysail/spec"
)

// State is what a service is in, by its health checks.
type State string

// The states. Unknown is not Down, and neither is Unreachable.
const (
	// Unknown: no check could be made, or too few were.
	Unknown State = "unknown"
	// Up: it answers as it should.
	Up State = "up"
	// Down: its machine was reached, and it does not answer as it should.
	Down State = "down"
	// Unreachable: from here nothing answers, and nothing shows that the
	// service is down: the path or the whole machine may be.
	Unreachable State = "unreachable"
)

var states = []State{Up, Down, Unreachable, Unknown}

// Judge says what one look from all vantages shows, and why in words; the
// words are empty when all is well.
func Judge(views []View) (State, string) {
	var here, there *View
	for i := range views {
		if views[i].Vantage == spec.VantageSSH {
			there = &views[i]
		} else {
			here = &views[i]
		}
	}
	switch {
	case here == nil && there == nil:
		return Unknown, "nothing was asked"
	case here == nil:
		return judgeOne(there, "on the instance")
	case there == nil:
		return judgeOne(here, "from here")
	case here.Err == nil && here.Success:
		if there.Err == nil && !there.Success {
			return Up, "from here it answers as it should; on the instance's own 127.0.0.1 it does not: " + there.Why
		}
		return Up, ""
	case here.Err != nil && there.Err != nil:
		return Unknown, fmt.Sprintf("from here: %v; on the instance: %s", here.Err, first(there.Err.Error()))
	case here.Err != nil:
		state, why := judgeOne(there, "on the instance")
		return state, join(why, "from here no check could be made: "+here.Err.Error())
	case there.Err != nil:
		state, why := judgeOne(here, "from here")
		return state, join(why, "on the instance no check could be made: "+first(there.Err.Error()))
	case there.Success && !here.Reached:
		return Unreachable, "the service answers as it should on the instance, but not from here (the path, a firewall, or the address it listens on): " + here.Why
	case there.Success:
		return Down, "on the instance it answers as it should, from here it does not: " + here.Why
	}
	return Down, join("on the instance: "+there.Why, "from here: "+here.Why)
}

func judgeOne(v *View, where string) (State, string) {
	switch {
	case v.Err != nil:
		return Unknown, where + ": " + first(v.Err.Error())
	case v.Success:
		return Up, ""
	case !v.Reached && v.Vantage == spec.VantageLocal:
		return Unreachable, v.Why
	}
	return Down, v.Why
}

func first(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

// Metrics are skysail_health_state: 1 for the state and 0 for the others, as node_exporter has it
// for units.
func (s State) Metrics() []metric.Metric {
	out := make([]metric.Metric, 0, len(states))
	for _, other := range states {
		out = append(out, metric.With(metric.HealthState, metric.Bool(other == s), "state", string(other)))
	}
	return out
}
