package alert

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"

	"skysail/internal/duration"
	"skysail/qos/metric"
	"skysail/qos/objective"
)

// Metrics are what is known of alerts and objectives.
func (e *Engine) Metrics() []metric.Described {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []metric.Described
	add := func(kind metric.Kind, name, help string, v float64, labels ...string) {
		out = append(out, metric.Described{Metric: metric.With(name, v, labels...), Desc: metric.Desc{Kind: kind, Help: help}})
	}
	for _, a := range e.alerts {
		add(metric.Gauge, "skysail_alert_firing", "Whether the alert fires (1) or did (0).", metric.Bool(a.State == string(objective.Firing)),
			"alert", a.Name, "severity", a.Severity, "deployment", a.Deployment, "instance", a.Labels["instance"], "source", a.Labels["source"],
			"objective", a.Labels["objective"], "burn_rate", a.Labels["burn_rate"], "sandbox", strconv.FormatBool(a.Labels["sandbox"] != ""))
	}
	for _, k := range slices.SortedFunc(maps.Keys(e.measured), before) {
		m := e.measured[k]
		of := []string{"deployment", m.deployment.Name, "objective", k.objective, "sandbox", strconv.FormatBool(m.deployment.Sandbox)}
		add(metric.Gauge, "skysail_objective_target_ratio", "Share of readings that the objective wants to be good.", m.objective.Target, of...)
		if left, known := m.counts[m.objective.Window].BudgetRemaining(m.objective.Target); known {
			add(metric.Gauge, "skysail_objective_budget_remaining_ratio", "Share of the objective's error budget that is left in its window; below 0 it is missed.", left, of...)
		}
		for _, w := range slices.SortedFunc(maps.Keys(m.counts), cmp.Compare[time.Duration]) {
			if rate, known := m.counts[w].BurnRate(m.objective.Target); known {
				add(metric.Gauge, "skysail_objective_burn_rate", "How many times faster than the objective allows its budget burns, over a window.", rate,
					append([]string{"window", duration.Text(w)}, of...)...)
			}
		}
		total := e.totals[k]
		add(metric.Counter, "skysail_objective_readings_total", "Health checks that counted for the objective, since this process started.", float64(total.Total), of...)
		add(metric.Counter, "skysail_objective_good_readings_total", "Those of them that were good.", float64(total.Good), of...)
	}
	for _, d := range slices.SortedFunc(maps.Values(e.view), func(a, b Deployment) int { return cmp.Compare(a.Name, b.Name) }) {
		add(metric.Gauge, "skysail_maintenance", "Whether the deployment is in maintenance (1): its readings do not count, and nobody is told of alerts.",
			metric.Bool(d.Maintenance), "deployment", d.Name, "sandbox", strconv.FormatBool(d.Sandbox))
	}
	for _, k := range slices.SortedFunc(maps.Keys(e.targets), func(a, b targetKey) int {
		return cmp.Or(cmp.Compare(a.deployment, b.deployment), cmp.Compare(a.instance, b.instance))
	}) {
		if t := e.targets[k]; t.hostKey != objective.Unknown {
			d := e.view[k.deployment]
			add(metric.Gauge, "skysail_host_key_mismatch", "Whether another SSH host key than the pinned one was shown (1) or the pinned one (0).",
				metric.Bool(t.hostKey == objective.Yes), "deployment", d.Name, "instance", k.instance, "sandbox", strconv.FormatBool(d.Sandbox))
		}
	}
	add(metric.Counter, "skysail_alert_evaluation_failures_total", "Evaluations of alerts that did not come to their end.", float64(e.errors))
	return out
}

func before(a, b countKey) int {
	return cmp.Or(cmp.Compare(a.deployment, b.deployment), cmp.Compare(a.objective, b.objective))
}
