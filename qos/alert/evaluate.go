package alert

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"skysail/internal/duration"
	"skysail/qos/objective"
	"skysail/store"
)

// Evaluate keeps what was counted, judges every alert, and keeps what changed.
func (e *Engine) Evaluate(ctx context.Context) error {
	e.look(ctx)
	if err := e.flush(ctx); err != nil {
		return err
	}
	stored, err := e.o.Store.Alerts(ctx, "")
	if err != nil {
		return err
	}
	before := make(map[string]store.Alert, len(stored))
	for _, a := range stored {
		before[a.Key] = a
	}
	now := e.o.Now()
	findings, err := e.objectives(ctx, before, now)
	if err != nil {
		return err
	}
	blind := e.blind(ctx)
	e.mu.Lock()
	if !e.known {
		e.mu.Unlock()
		return errors.New("what is watched is not known yet")
	}
	findings = append(findings, e.instances(now, blind)...)
	findings = append(findings, e.gone(stored, findings, now)...)
	changes, err := e.changes(findings, before, now)
	e.mu.Unlock()
	if err != nil {
		return err
	}
	if len(changes) > 0 {
		if err := e.o.Store.KeepAlerts(ctx, store.AlertBatch{Changes: changes}); err != nil {
			return err
		}
		if stored, err = e.o.Store.Alerts(ctx, ""); err != nil {
			return err
		}
	}
	e.mu.Lock()
	e.alerts = stored
	e.mu.Unlock()
	return nil
}

// objectives judges the burn rates.
func (e *Engine) objectives(ctx context.Context, before map[string]store.Alert, now time.Time) ([]finding, error) {
	e.mu.Lock()
	view := e.view
	e.mu.Unlock()
	var out []finding
	measured := map[countKey]measure{}
	for _, d := range view {
		if len(d.Objectives) == 0 {
			continue
		}
		windows := map[string][]time.Duration{}
		for _, o := range d.Objectives {
			windows[o.Name] = []time.Duration{o.Window}
			for _, b := range objective.Burns(o.Window) {
				windows[o.Name] = append(windows[o.Name], b.Long, b.Short)
			}
		}
		sums, err := e.o.Store.ObjectiveCounts(ctx, d.ID, windows, now)
		if err != nil {
			return nil, err
		}
		for _, o := range d.Objectives {
			m := measure{objective: o, deployment: d, counts: map[time.Duration]objective.Count{}}
			for w, s := range sums[o.Name] {
				m.counts[w] = objective.Count{Good: s.Good, Total: s.Total}
			}
			measured[countKey{deployment: d.ID, objective: o.Name}] = m
			for _, b := range objective.Burns(o.Window) {
				f := finding{Kind: BudgetBurn, deployment: d.Name, labels: map[string]string{
					"objective": o.Name, "burn_rate": strconv.FormatFloat(b.Factor, 'g', -1, 64), "window": duration.Text(b.Long), "short_window": duration.Text(b.Short),
				}}
				f.Severity = b.Severity
				firing := before[f.key()].State == string(objective.Firing)
				f.condition = b.Over(m.counts[b.Long], m.counts[b.Short], o.Target, firing)
				f.summary = burnText(&m, b)
				out = append(out, f)
			}
		}
	}
	e.mu.Lock()
	e.measured = measured
	e.mu.Unlock()
	return out, nil
}

func burnText(m *measure, b objective.Burn) string {
	o := &m.objective
	rate, _ := m.counts[b.Long].BurnRate(o.Target)
	left, _ := m.counts[o.Window].BudgetRemaining(o.Target)
	return fmt.Sprintf("%s burns its error budget at %.1f times the allowed rate over %s (more than %g is an alert); %s %% of the budget of %s at %s %% is used",
		o.Name, rate, duration.Text(b.Long), b.Factor, percent(1-left), duration.Text(o.Window), percent(o.Target))
}

func percent(share float64) string {
	return strconv.FormatFloat(math.Round(1e6*share)/1e4, 'f', -1, 64)
}

// blind says whether sources are silent because this machine's own network is
// cut.
func (e *Engine) blind(ctx context.Context) bool {
	e.mu.Lock()
	silent := false
	for _, t := range e.targets {
		for _, s := range t.sources {
			silent = silent || !s.ok
		}
	}
	e.mu.Unlock()
	return silent && e.o.NetworkCut != nil && e.o.NetworkCut(ctx)
}

// instances judges what is known of each instance. The caller holds mu.
func (e *Engine) instances(now time.Time, blind bool) []finding {
	stale, gone := max(StaleAfter, 4*e.o.Interval), e.goneAfter()
	var out []finding
	for k, t := range e.targets {
		d, watched := e.view[k.deployment]
		if !watched || now.Sub(t.heard) > gone {
			delete(e.targets, k)
			continue
		}
		for _, kind := range ofTarget {
			f := finding{Kind: kind.Kind, deployment: d.Name, labels: map[string]string{"instance": t.instance}}
			f.condition, f.summary = kind.judge(t, now)
			out = append(out, f)
		}
		for name, s := range t.sources {
			if now.Sub(s.heard) > gone {
				delete(t.sources, name)
				continue
			}
			f := finding{Kind: Stale, deployment: d.Name, labels: map[string]string{"instance": t.instance, "source": name}, condition: objective.Is(!s.ok)}
			f.summary = fmt.Sprintf("source %s of instance %s was not read since %s: %s", name, t.instance, s.since.UTC().Format(time.RFC3339), s.err)
			if d.Maintenance {
				s.since = now
			}
			if !s.ok && (blind || now.Sub(s.since) < stale) {
				f.condition = objective.Unknown
			}
			out = append(out, f)
		}
	}
	return out
}

// goneAfter is over the longest time that a monitor takes to ask again what does
// not answer.
func (e *Engine) goneAfter() time.Duration { return max(goneAfter, 10*e.o.Interval) }

// gone ends the alerts of what there is no longer: a deployment, an objective, or
// an instance of which nothing was heard since the start. The caller holds mu.
func (e *Engine) gone(stored []store.Alert, findings []finding, now time.Time) []finding {
	judged := make(map[string]bool, len(findings))
	for i := range findings {
		judged[findings[i].key()] = true
	}
	names := make(map[string]bool, len(e.view))
	for _, d := range e.view {
		names[d.Name] = true
	}
	var out []finding
	for _, a := range stored {
		if a.State != string(objective.Firing) || judged[a.Key] {
			continue
		}
		f := finding{Kind: Kind{Name: a.Name, Severity: a.Severity, Always: true}, deployment: a.Deployment, labels: a.Labels, condition: objective.No}
		switch _, ofInstance := a.Labels["instance"]; {
		case !names[a.Deployment]:
			f.summary = "the deployment is gone; before: " + a.Summary
		case !ofInstance:
			f.summary = "the objective is gone; before: " + a.Summary
		case now.Sub(e.started) > e.goneAfter():
			f.summary = "the instance is gone; before: " + a.Summary
		default:
			continue
		}
		out = append(out, f)
	}
	return out
}

// changes are the alerts whose state is another one now, those of one cause
// together. The caller holds mu.
func (e *Engine) changes(findings []finding, before map[string]store.Alert, now time.Time) ([]store.AlertChange, error) {
	byName := make(map[string]Deployment, len(e.view))
	for _, d := range e.view {
		byName[d.Name] = d
	}
	var out []store.AlertChange
	for _, g := range groups(findings, before) {
		d := byName[g.members[0].finding.deployment]
		for _, m := range g.members {
			if !d.Maintenance || m.finding.Always {
				m.next(d.Sandbox, now)
			}
		}
		c, err := e.change(g, &d, now)
		if err != nil {
			return nil, err
		}
		if len(c.Alerts) > 0 {
			out = append(out, c)
		}
	}
	return out, nil
}
