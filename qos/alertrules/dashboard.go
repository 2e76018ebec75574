package alertrules

import (
	"bytes"
	"encoding/json"
)

// schemaVersion is that of Grafana 11's dashboards; later ones read it.
const schemaVersion = 39

type panel struct {
	title, kind, unit string
	width             int
	// queries are PromQL with their legends.
	queries [][2]string
	// instant asks for now only.
	instant bool
}

const of = `{deployment=~"$deployment"}`

// panels are those of the dashboard, in rows of 24 columns.
var panels = []panel{
	{"Availability", "stat", "percentunit", 6, [][2]string{{`avg by (deployment) (avg_over_time(probe_success` + of + `[$__range]))`, "{{deployment}}"}}, true},
	{"Error budget left", "stat", "percentunit", 6, [][2]string{{`skysail_objective_budget_remaining_ratio` + of, "{{deployment}} {{objective}}"}}, true},
	{"Alerts", "table", "short", 12, [][2]string{{`skysail_alert_firing` + of + ` == 1`, ""}}, true},
	{"Health checks that pass", "timeseries", "percentunit", 12, [][2]string{{`avg by (deployment) (probe_success` + of + `)`, "{{deployment}}"}}, false},
	{"Burn rate", "timeseries", "short", 12, [][2]string{{`skysail_objective_burn_rate` + of, "{{deployment}} {{objective}} {{window}}"}}, false},
	{"Latency of health checks", "timeseries", "s", 12, [][2]string{
		{`avg by (deployment) (probe_duration_seconds` + of + `)`, "{{deployment}} average"},
		{`max by (deployment) (probe_duration_seconds` + of + `)`, "{{deployment}} slowest instance"},
	}, false},
	{"Sources that can be read", "timeseries", "short", 12, [][2]string{{`sum by (deployment, source) (skysail_source_up` + of + `)`, "{{deployment}} {{source}}"}}, false},
	{"CPU", "timeseries", "percentunit", 12, [][2]string{
		{`1 - avg by (deployment, instance) (rate(node_cpu_seconds_total{deployment=~"$deployment", mode="idle"}[$__rate_interval]))`, "{{instance}}"},
		{`skysail_cloud_cpu_utilization_ratio` + of, "{{instance}} by its provider"},
	}, false},
	{"Memory", "timeseries", "percentunit", 12, [][2]string{
		{`1 - node_memory_MemAvailable_bytes` + of + ` / node_memory_MemTotal_bytes` + of, "{{instance}}"},
	}, false},
	{"Notifications", "timeseries", "short", 12, [][2]string{
		{`increase(skysail_notifications_sent_total[$__rate_interval])`, "sent by {{channel}}"},
		{`increase(skysail_notifications_failed_total[$__rate_interval])`, "failed by {{channel}}"},
	}, false},
	{"Maintenance", "timeseries", "short", 12, [][2]string{{`skysail_maintenance` + of, "{{deployment}}"}}, false},
}

const (
	columns     = 24
	panelHeight = 8
)

type object = map[string]any

// Dashboard is a Grafana dashboard of what skysail monitor serves. Its variables
// choose the data source and the deployments.
func Dashboard() ([]byte, error) {
	source := object{"type": "prometheus", "uid": "${datasource}"}
	var drawn []object
	x, y := 0, 0
	for i, p := range panels {
		if x+p.width > columns {
			x, y = 0, y+panelHeight
		}
		targets := make([]object, len(p.queries))
		for q, query := range p.queries {
			targets[q] = object{
				"refId": string(rune('A' + q)), "datasource": source, "expr": query[0], "legendFormat": query[1], "instant": p.instant, "range": !p.instant,
			}
			if p.kind == "table" {
				targets[q]["format"] = "table"
			}
		}
		drawn = append(drawn, object{
			"id": i + 1, "title": p.title, "type": p.kind, "datasource": source, "targets": targets,
			"gridPos":     object{"x": x, "y": y, "w": p.width, "h": panelHeight},
			"fieldConfig": object{"defaults": object{"unit": p.unit}, "overrides": []any{}}, "options": object{},
		})
		x += p.width
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(object{
		"uid": "skysail", "title": "skysail", "tags": []string{"skysail"}, "schemaVersion": schemaVersion, "version": 1, "editable": true,
		"refresh": "30s", "timezone": "browser", "time": object{"from": "now-6h", "to": "now"}, "panels": drawn, "annotations": object{"list": []any{}},
		"templating": object{"list": []object{
			{"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"},
			{
				"name": "deployment", "label": "Deployment", "type": "query", "datasource": source, "query": "label_values(skysail_source_up, deployment)",
				"refresh": 2, "multi": true, "includeAll": true, "allValue": ".*", "current": object{"text": "All", "value": "$__all"},
			},
		}},
	})
	return b.Bytes(), err
}
