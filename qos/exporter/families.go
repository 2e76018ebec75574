package exporter

import (
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"skysail/qos"
)

// whole reports whether a sample is a part of what a service tells of itself,
// which is served whole, as families.
func whole(s qos.Sample) bool {
	return s.Source == qos.SourceMetrics && !strings.HasPrefix(s.Name, "skysail_")
}

// family sends metrics that a service told, with their type and help and with
// the labels of its instance.
func (b *batch) family(f *dto.MetricFamily, t *qos.Target) {
	own := t.Labels(qos.Sample{Deployment: t.Deployment, Instance: t.Instance})
	desc := prometheus.NewDesc(f.GetName(), b.helpOf(f.GetName(), f.GetHelp()), nil, nil)
	for _, m := range f.Metric {
		theirs := make(map[string]string, len(m.Label))
		for _, l := range m.Label {
			theirs[l.GetName()] = l.GetValue()
		}
		labels := make([]*dto.LabelPair, 0, len(own)+len(m.Label))
		add := func(name, value string) { labels = append(labels, &dto.LabelPair{Name: &name, Value: &value}) }
		for name, value := range own {
			add(name, value)
		}
		for name, value := range theirs {
			add(qos.Exported(own, theirs, name), value)
		}
		slices.SortFunc(labels, func(x, y *dto.LabelPair) int { return strings.Compare(x.GetName(), y.GetName()) })
		key := f.GetName()
		for _, l := range labels {
			key += "\xff" + l.GetName() + "\xff" + l.GetValue()
		}
		if !b.first(key, f.GetName(), f.GetType()) {
			continue
		}
		b.ch <- told{desc, &dto.Metric{
			Label: labels, Counter: m.Counter, Gauge: m.Gauge, Untyped: m.Untyped, Summary: m.Summary, Histogram: m.Histogram,
		}}
	}
}

// first takes in a series, unless it was sent already or its name stands for
// another type: either would make the scrape fail.
func (b *batch) first(key, name string, kind dto.MetricType) bool {
	if before, ok := b.kinds[name]; b.seen[key] || ok && before != kind {
		b.dropped++
		return false
	}
	b.seen[key], b.kinds[name] = true, kind
	return true
}

// helpOf is the help of a name: one name has one, the first that is told.
func (b *batch) helpOf(name, help string) string {
	if first, ok := b.help[name]; ok {
		return first
	}
	b.help[name] = help
	return help
}

// told is a metric as a service told it.
type told struct {
	desc *prometheus.Desc
	m    *dto.Metric
}

// Desc implements prometheus.Metric.
func (t told) Desc() *prometheus.Desc { return t.desc }

// Write implements prometheus.Metric.
func (t told) Write(out *dto.Metric) error {
	out.Label, out.Counter, out.Gauge, out.Untyped, out.Summary, out.Histogram = t.m.Label, t.m.Counter, t.m.Gauge, t.m.Untyped, t.m.Summary, t.m.Histogram
	return nil
}
