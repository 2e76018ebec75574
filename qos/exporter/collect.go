package exporter

import (
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"

	"skysail/qos"
	"skysail/qos/metric"
)

// Describe sends nothing: which metrics there are depends on what instances
// tell.
func (e *Exporter) Describe(chan<- *prometheus.Desc) {}

// Collect sends the latest collection.
func (e *Exporter) Collect(ch chan<- prometheus.Metric) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	b := newBatch(ch)
	e.own(b)
	e.instances(b, "")
	b.own("skysail_samples_dropped", "Samples of the latest collection that could not be served: bad names, or series that are there twice.",
		metric.Gauge, float64(b.dropped))
}

// only is the part of a collection that is of one deployment.
type only struct {
	*Exporter
	deployment string
}

// Collect sends the latest collection of one deployment.
func (o only) Collect(ch chan<- prometheus.Metric) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	o.instances(newBatch(ch), o.deployment)
}

// own sends what is told of the exporter and of all deployments together.
func (e *Exporter) own(b *batch) {
	b.own("skysail_build_info", "The version of skysail that serves this.", metric.Gauge, 1,
		"version", e.version, "revision", revision(), "goversion", runtime.Version())
	b.own("skysail_collections_total", "Collections by result.", metric.Counter, float64(e.succeeded), "result", "success")
	b.own("skysail_collections_total", "Collections by result.", metric.Counter, float64(e.failed), "result", "error")
	if !e.last.at.IsZero() {
		b.own("skysail_last_collection_timestamp_seconds", "Time of the last collection that succeeded, in unixtime.",
			metric.Gauge, float64(e.last.at.UnixMilli())/1000)
	}
	if e.more != nil {
		for _, m := range e.more() {
			b.send(m.Name, m.Desc, m.Labels, m.Value)
		}
	}
	if e.now().Sub(e.last.at) <= e.staleTime() {
		for _, phase := range slices.Sorted(maps.Keys(e.last.phases)) {
			b.own("skysail_deployments", "Deployments by phase.", metric.Gauge, float64(e.last.phases[phase]), "phase", phase)
		}
	}
}

// instances sends what was read of the instances of a deployment, or of all.
func (e *Exporter) instances(b *batch, deployment string) {
	if e.now().Sub(e.last.at) <= e.staleTime() {
		targets := e.targets()
		for _, s := range e.last.result.Samples {
			if (deployment == "" || s.Deployment == deployment) && !whole(s) {
				b.sample(s, targets[sourceKey{s.Deployment, s.Instance, ""}])
			}
		}
	}
	e.ages(b, deployment)
	// At last, as what is ours comes first.
	if e.now().Sub(e.last.at) <= e.staleTime() {
		for i := range e.last.result.Reports {
			r := &e.last.result.Reports[i]
			if deployment != "" && r.Deployment != deployment {
				continue
			}
			for _, f := range r.Families {
				b.family(f, &r.Target)
			}
		}
	}
}

// targets finds a sample's target by its deployment and instance.
func (e *Exporter) targets() map[sourceKey]qos.Target {
	out := map[sourceKey]qos.Target{}
	for _, r := range e.last.result.Reports {
		out[sourceKey{r.Deployment, r.Instance, ""}] = r.Target
	}
	return out
}

// ages tells how old each source's data is. It is reckoned at each scrape, so
// it grows also when nothing collects any longer.
func (e *Exporter) ages(b *batch, deployment string) {
	now := e.now()
	for _, r := range e.last.result.Reports {
		at, ok := e.read[sourceKey{r.Deployment, r.Instance, r.Source}]
		if !ok || deployment != "" && r.Deployment != deployment {
			continue
		}
		b.sample(qos.Sample{
			Deployment: r.Deployment, Instance: r.Instance, Name: metric.SourceAge,
			Labels: map[string]string{"source": r.Source}, Value: max(now.Sub(at).Seconds(), 0),
		}, r.Target)
	}
}

// batch sends metrics and keeps out what would make the whole scrape fail.
type batch struct {
	ch      chan<- prometheus.Metric
	seen    map[string]bool
	kinds   map[string]dto.MetricType
	help    map[string]string
	dropped int
}

func newBatch(ch chan<- prometheus.Metric) *batch {
	return &batch{ch: ch, seen: map[string]bool{}, kinds: map[string]dto.MetricType{}, help: map[string]string{}}
}

// own sends a metric of the exporter itself.
func (b *batch) own(name, help string, kind metric.Kind, value float64, labels ...string) {
	m := metric.With(name, value, labels...)
	b.send(m.Name, metric.Desc{Kind: kind, Help: help}, m.Labels, m.Value)
}

// sample sends a sample with the labels of its target.
func (b *batch) sample(s qos.Sample, t qos.Target) {
	desc, known := metric.Lookup(s.Name)
	if !known {
		desc.Help = "A metric of a source that skysail does not describe."
	}
	b.send(s.Name, desc, t.Labels(s), s.Value)
}

func (b *batch) send(name string, desc metric.Desc, labels map[string]string, value float64) {
	names := slices.Sorted(maps.Keys(labels))
	values := make([]string, len(names))
	var key strings.Builder
	key.WriteString(name)
	valid := model.LegacyValidation.IsValidMetricName(name)
	for i, n := range names {
		valid = valid && model.LegacyValidation.IsValidLabelName(n)
		values[i] = strings.ToValidUTF8(labels[n], "\ufffd")
		key.WriteString("\xff" + n + "\xff" + values[i])
	}
	if !valid {
		b.dropped++
		return
	}
	if !b.first(key.String(), name, familyType(desc.Kind)) {
		return
	}
	m, err := prometheus.NewConstMetric(prometheus.NewDesc(name, b.helpOf(name, desc.Help), names, nil), valueType(desc.Kind), value, values...)
	if err != nil {
		b.dropped++
		return
	}
	b.ch <- m
}

func valueType(k metric.Kind) prometheus.ValueType {
	switch k {
	case metric.Counter:
		return prometheus.CounterValue
	case metric.Gauge:
		return prometheus.GaugeValue
	default:
		return prometheus.UntypedValue
	}
}

func familyType(k metric.Kind) dto.MetricType {
	switch k {
	case metric.Counter:
		return dto.MetricType_COUNTER
	case metric.Gauge:
		return dto.MetricType_GAUGE
	default:
		return dto.MetricType_UNTYPED
	}
}

// revision is the commit that this binary was built from.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return "unknown"
}
