package statuspage

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"skysail/internal/duration"
	"skysail/policies"
	"skysail/qos/objective"
	"skysail/store"
)

// Objective is one of a deployment, with what was read over its window.
type Objective struct {
	Name   string
	Target float64 // share of readings, 0 to 1
	Window time.Duration
	// Threshold is that of latency, else 0.
	Threshold time.Duration
	Count     objective.Count
}

// lowBudget is the share of an error budget below which it is low.
const lowBudget = 0.25

// watchView is what people are told of a deployment: alerts, objectives,
// maintenance.
type watchView struct {
	Alerts      []alertView
	Objectives  []objectiveView
	Maintenance []maintenanceView
}

type alertView struct {
	Name, Severity, Summary string

	Icon  State
	Since instant
	Ago   string
	// More is what fires with it and is told with it.
	More string
}

type objectiveView struct {
	Name, Target, Window, Measured, Budget, Counts string

	State State
	Left  int // percent of the budget, 0 to 100
}

type maintenanceView struct {
	Why    string
	Begins instant
	Ends   instant // zero of what ends by itself
}

func watchOf(d Deployment, now time.Time) watchView {
	var v watchView
	for _, a := range d.Alerts {
		if a.State != string(objective.Firing) || a.ToldAt.IsZero() { // part of another
			continue
		}
		x := alertView{
			Name: words(a.Name), Severity: words(a.Severity), Summary: words(a.Summary), Icon: Degraded, Since: instant{a.FiredAt}, Ago: ago(now.Sub(a.FiredAt)),
			More: beside(a, d.Alerts),
		}
		if a.Severity == policies.SeverityPage {
			x.Icon = Down
		}
		v.Alerts = append(v.Alerts, x)
	}
	for _, o := range d.Objectives {
		v.Objectives = append(v.Objectives, objectiveOf(o))
	}
	for _, m := range d.Maintenance {
		v.Maintenance = append(v.Maintenance, maintenanceView{Why: words(m.Why), Begins: instant{m.BeginsAt}, Ends: instant{m.EndsAt}})
	}
	return v
}

// beside counts the burn rates that nobody is told of while this one fires.
func beside(a store.Alert, all []store.Alert) string {
	n, of := 0, a.Labels["objective"]
	for _, x := range all {
		if of != "" && x.Labels["objective"] == of && x.State == string(objective.Firing) && x.ToldAt.IsZero() {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d slower burn %s", n, verb(n, "rate", "rates"))
}

func objectiveOf(o Objective) objectiveView {
	v := objectiveView{Name: words(o.Name), Target: exact(o.Target), Window: duration.Text(o.Window), State: Unknown, Measured: "–", Budget: "nothing was read yet"}
	if o.Threshold > 0 {
		v.Name += " within " + o.Threshold.String()
	}
	left, known := o.Count.BudgetRemaining(o.Target)
	if !known {
		return v
	}
	v.Measured = exact(float64(o.Count.Good) / float64(o.Count.Total))
	v.Counts = fmt.Sprintf("%d of %d readings were good", o.Count.Good, o.Count.Total)
	v.Left = int(math.Floor(100*min(max(left, 0), 1) + 1e-9))
	v.State, v.Budget = Up, fmt.Sprintf("%d %% of its error budget is left", v.Left)
	switch {
	case left < 0:
		v.State, v.Budget = Down, fmt.Sprintf("missed: %.3g times its error budget is used", 1-left)
	case left < lowBudget:
		v.State = Degraded
	}
	return v
}

// exact is a share in percent with up to three decimals, never rounded up.
func exact(v float64) string {
	return strconv.FormatFloat(math.Floor(1e5*v+1e-6)/1e3, 'f', -1, 64) + " %"
}

// pages says that somebody was woken for it.
func (v *watchView) pages() int {
	n := 0
	for _, a := range v.Alerts {
		if a.Severity == policies.SeverityPage {
			n++
		}
	}
	return n
}

// watchLine is alerts, objectives and maintenance of deployments in a line.
func watchLine(all []*deploymentView) string {
	pages, tickets, missed, known, unread, resting := 0, 0, 0, 0, 0, 0
	for _, d := range all {
		p := d.Watch.pages()
		pages, tickets = pages+p, tickets+len(d.Watch.Alerts)-p
		for _, o := range d.Watch.Objectives {
			switch o.State {
			case Unknown:
				unread++
			case Down:
				missed++
				fallthrough
			default:
				known++
			}
		}
		if len(d.Watch.Maintenance) > 0 {
			resting++
		}
	}
	out := []string{"No alert fires."}
	if pages+tickets > 0 {
		var parts []string
		if pages > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", pages, verb(pages, "page", "pages")))
		}
		if tickets > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", tickets, verb(tickets, "ticket", "tickets")))
		}
		out[0] = "Alerts that fire: " + strings.Join(parts, ", ") + "."
	}
	if known+unread > 0 {
		line := fmt.Sprintf("Objectives: %d of %d met", known-missed, known+unread)
		if missed > 0 {
			line += fmt.Sprintf(", %d missed", missed)
		}
		if unread > 0 {
			line += fmt.Sprintf(", %d not read", unread)
		}
		out = append(out, line+".")
	}
	if resting > 0 {
		out = append(out, fmt.Sprintf("In maintenance: %d.", resting))
	}
	return strings.Join(out, " ")
}
