// Package metric names the measurements of this program: each with its kind
// and its meaning. Names that node_exporter and blackbox_exporter have keep
// their names, labels and units, so dashboards and alerts made for those work;
// ours are skysail_* in base units.
package metric

import "time"

// Metric is one value of one series.
type Metric struct {
	Name   string
	Labels map[string]string
	Value  float64
	// ObservedAt is when the value was true, where that is not the time of
	// the whole reading.
	ObservedAt time.Time
}

// Kind is how a metric behaves over time.
type Kind int

// The kinds; Untyped is for names that this program does not know.
const (
	Untyped Kind = iota
	Gauge
	Counter
)

// Desc says what a name means.
type Desc struct {
	Kind Kind
	Help string
}

// Described is a metric of this program itself, with what it means.
type Described struct {
	Metric
	Desc
}

// Lookup returns the description of a name, false for one that is not known.
func Lookup(name string) (Desc, bool) {
	d, ok := table[name]
	return d, ok
}

// Names that the code builds samples with.
const (
	ServiceUp       = "skysail_service_up"
	ServiceRestarts = "skysail_service_restarts_total"
	SourceUp        = "skysail_source_up"
	SourceDuration  = "skysail_source_duration_seconds"
	SourceAge       = "skysail_source_age_seconds"

	ServiceSeries        = "skysail_service_series"
	ServiceSeriesDropped = "skysail_service_series_dropped"

	// ProbeSuccess and ProbeDuration are blackbox_exporter's own names.
	ProbeSuccess  = "probe_success"
	ProbeDuration = "probe_duration_seconds"
	HealthState   = "skysail_health_state"

	// PodReady is kube-state-metrics' own name.
	PodReady  = "kube_pod_status_ready"
	PodCPU    = "skysail_pod_cpu_usage_cores"
	PodEvents = "skysail_pod_events"
)

// One returns a metric without labels.
func One(name string, value float64) Metric {
	return Metric{Name: name, Value: value}
}

// With returns a metric with labels given as name, value, name, value.
func With(name string, value float64, labels ...string) Metric {
	m := Metric{Name: name, Value: value, Labels: make(map[string]string, len(labels)/2)}
	for i := 0; i+1 < len(labels); i += 2 {
		m.Labels[labels[i]] = labels[i+1]
	}
	return m
}

// Bool is 1 for true and 0 for false, as Prometheus has booleans.
func Bool(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
