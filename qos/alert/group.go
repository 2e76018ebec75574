package alert

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"skysail/policies"
	"skysail/qos/notify"
	"skysail/qos/objective"
	"skysail/store"
)

// group are alerts that have one cause: the burn rates of an objective, the
// fastest first. Any other alert is alone in its own.
type group struct {
	key     string
	members []*member
}

// member is an alert before and after an evaluation.
type member struct {
	finding *finding
	was, is store.Alert
	// moved says that it is not as it was, in state or in who was told.
	moved bool
}

// groups puts findings together, in the order in which they come.
func groups(findings []finding, before map[string]store.Alert) []*group {
	var out []*group
	byKey := map[string]*group{}
	for i := range findings {
		f := &findings[i]
		k := f.group()
		g := byKey[k]
		if g == nil {
			g = &group{key: k}
			byKey[k], out = g, append(out, g)
		}
		a := before[f.key()]
		g.members = append(g.members, &member{finding: f, was: a, is: a})
	}
	for _, g := range out {
		slices.SortStableFunc(g.members, func(a, b *member) int { return cmp.Compare(b.rate(), a.rate()) })
	}
	return out
}

func (m *member) rate() float64 {
	v, _ := strconv.ParseFloat(m.finding.labels["burn_rate"], 64)
	return v
}

// next moves an alert on to the state that follows.
func (m *member) next(sandbox bool, now time.Time) {
	f, a := m.finding, m.was
	state := objective.State(a.State).Next(f.condition)
	if state == objective.Inactive || string(state) == a.State {
		return
	}
	if sandbox {
		f.labels["sandbox"] = "true"
	}
	a.Key, a.Deployment, a.Name, a.Labels, a.State, a.Summary = f.key(), f.deployment, f.Name, f.labels, string(state), f.summary
	if state == objective.Firing {
		a.Severity, a.FiredAt, a.ResolvedAt, a.ToldAt, a.Channels = f.Severity, now, time.Time{}, time.Time{}, nil
	} else {
		a.ResolvedAt = now
	}
	m.is, m.moved = a, true
}

// know makes it the one by which it is known who was told, and when first.
func (m *member) know(channels []byte, at time.Time) {
	m.is.Channels, m.is.ToldAt, m.moved = channels, at, true
}

func firing(a *store.Alert) bool { return a.State == string(objective.Firing) }

// change is what becomes of a group, and what people are told of it. They are
// told once for each severity, by its fastest alert; of a ticket not while there
// is a page, but when that ends before the ticket does.
func (e *Engine) change(g *group, d *Deployment, now time.Time) (store.AlertChange, error) {
	var c store.AlertChange
	above := false // a more urgent one fires
	for _, severity := range []string{policies.SeverityPage, policies.SeverityTicket} {
		news, fires, err := e.news(g, severity, above, d, now)
		if err != nil {
			return c, err
		}
		c.Notifications = append(c.Notifications, news...)
		above = above || fires
	}
	for _, m := range g.members {
		if m.moved {
			c.Alerts = append(c.Alerts, m.is)
		}
	}
	return c, nil
}

// news is what people are told of a group's alerts of one severity.
func (e *Engine) news(g *group, severity string, above bool, d *Deployment, now time.Time) ([]store.Notification, bool, error) {
	var was, is *member // who was told by, and who fires
	below := false      // a less urgent one fires
	for _, m := range g.members {
		if m.finding.Severity != severity {
			below = below || severity == policies.SeverityPage && firing(&m.is)
			continue
		}
		if was == nil && firing(&m.was) && !m.was.ToldAt.IsZero() {
			was = m
		}
		if is == nil && firing(&m.is) {
			is = m
		}
	}
	switch {
	case was == nil && (is == nil || above):
		return nil, is != nil, nil
	case was == nil:
		channels := notify.Told(d.Notify, severity)
		stored, err := json.Marshal(channels)
		if err != nil {
			return nil, true, err
		}
		is.know(stored, now)
		news, err := e.told(g, &is.is, is.is.Summary, channels)
		return news, true, err
	case is == nil:
		var channels []policies.Notify
		if err := json.Unmarshal(was.was.Channels, &channels); err != nil {
			return nil, false, err
		}
		summary := was.is.Summary
		if below {
			summary += "; what is left of it goes on as a ticket"
		}
		news, err := e.told(g, &was.is, summary, channels)
		return news, false, err
	case was != is: // it goes on, which they know
		is.know(was.was.Channels, was.was.ToldAt)
		if firing(&was.is) {
			was.know(nil, time.Time{})
		}
	}
	return nil, true, nil
}

// told is what people are told of an alert in its new state.
func (e *Engine) told(g *group, a *store.Alert, summary string, channels []policies.Notify) ([]store.Notification, error) {
	key := g.key
	if len(g.members) > 1 {
		key += "/" + a.Severity
	}
	fired := a.FiredAt
	if a.ToldAt.Before(fired) {
		fired = a.ToldAt // by a faster one, which ended
	}
	return notify.Address(notify.Event{
		Version: 1, DedupKey: "skysail-" + notify.Digest(e.o.Installation, key), State: a.State, Alert: a.Name, Severity: a.Severity,
		Deployment: a.Deployment, Summary: summary, Labels: a.Labels, FiredAt: fired, ResolvedAt: a.ResolvedAt,
	}, key, channels, e.o.Installation, key, a.ToldAt.UTC().Format(time.RFC3339Nano), a.State)
}
