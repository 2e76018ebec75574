package logrule

import (
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"skysail/qos/metric"
	"skysail/spec"
	"skysail/store"
)

// What the reading of logs counts of itself.
const (
	Lines         = "skysail_log_lines_total"
	LinesCut      = "skysail_log_lines_cut_total"
	LostBytes     = "skysail_log_lost_bytes_total"
	SeriesDropped = "skysail_log_series_dropped_total"
	ValueErrors   = "skysail_log_value_errors_total"
)

// Totals are the running totals of one instance. They are not safe for use
// side by side.
type Totals struct {
	set     *Set
	series  map[string]*store.LogSeries
	perRule map[*rule]int
	changed map[string]bool
}

// NewTotals goes on from what was kept.
func (s *Set) NewTotals(kept []store.LogSeries) *Totals {
	t := &Totals{set: s, series: map[string]*store.LogSeries{}, perRule: map[*rule]int{}, changed: map[string]bool{}}
	for i := range kept {
		x := kept[i]
		r := s.byName[x.Name]
		if x.Rule != "" && (r == nil || r.id != x.Rule) {
			continue // of a rule that is no more, or counted otherwise
		}
		t.series[key(x.Name, x.Labels)] = &x
		if r != nil {
			t.perRule[r]++
		}
	}
	return t
}

func key(name string, labels map[string]string) string {
	var b strings.Builder
	b.WriteString(name)
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		b.WriteString("\xff" + k + "\xff" + labels[k])
	}
	return b.String()
}

// Line applies all rules to a line that was written at that time.
func (t *Totals) Line(text string, at time.Time) {
	p := &parsed{text: text}
	for _, r := range t.set.rules {
		if get, ok := r.fields(p); ok {
			t.observe(r, get, at)
		}
	}
}

func (t *Totals) observe(r *rule, get func(string) (string, bool), at time.Time) {
	value := 1.0
	if r.Value != "" {
		text, _ := get(r.Value)
		var ok bool
		if value, ok = number(text); !ok || (r.Kind() == spec.LogCounter && value < 0) {
			t.Count(ValueErrors, 1, at, "rule", r.Name)
			return
		}
	}
	labels := make(map[string]string, len(r.labels))
	for _, name := range r.labels {
		v, _ := get(r.Labels[name])
		labels[name] = labelValue(v)
	}
	k := key(r.metric, labels)
	x := t.series[k]
	if x == nil {
		if t.perRule[r] >= r.maximum {
			t.Count(SeriesDropped, 1, at, "rule", r.Name)
			return
		}
		t.perRule[r]++
		x = &store.LogSeries{Name: r.metric, Labels: labels, Rule: r.id}
		if r.bounds != nil {
			x.Buckets = make([]uint64, len(r.bounds)+1)
		}
		t.series[k] = x
	}
	t.changed[k] = true
	x.Observations++
	x.ObservedAt = at
	if r.Kind() == spec.LogGauge {
		x.Value = value
		return
	}
	x.Value += value
	if r.bounds != nil {
		x.Buckets[sort.SearchFloat64s(r.bounds, value)]++
	}
}

// Count adds to a counter of the reading itself. Labels are name, value, name,
// value.
func (t *Totals) Count(name string, n float64, at time.Time, labels ...string) {
	m := metric.With(name, n, labels...)
	k := key(name, m.Labels)
	x := t.series[k]
	if x == nil {
		x = &store.LogSeries{Name: name, Labels: m.Labels}
		t.series[k] = x
	}
	x.Value, x.ObservedAt = x.Value+n, at
	t.changed[k] = true
}

// Changed returns the series that are not as they were kept, by name and
// labels.
func (t *Totals) Changed() []store.LogSeries {
	out := make([]store.LogSeries, 0, len(t.changed))
	for _, k := range slices.Sorted(maps.Keys(t.changed)) {
		out = append(out, *t.series[k])
	}
	return out
}

// Metrics returns all series, histograms as Prometheus has them: name_bucket
// with the label le, name_sum and name_count.
func (t *Totals) Metrics() []metric.Metric {
	var out []metric.Metric
	for _, k := range slices.Sorted(maps.Keys(t.series)) {
		x := t.series[k]
		r := t.set.byName[x.Name]
		if r == nil || r.bounds == nil {
			out = append(out, metric.Metric{Name: x.Name, Labels: x.Labels, Value: x.Value})
			continue
		}
		sum := uint64(0)
		for i, n := range x.Buckets {
			sum += n
			le := "+Inf"
			if i < len(r.bounds) {
				le = strconv.FormatFloat(r.bounds[i], 'g', -1, 64)
			}
			labels := maps.Clone(x.Labels)
			labels["le"] = le
			out = append(out, metric.Metric{Name: x.Name + "_bucket", Labels: labels, Value: float64(sum)})
		}
		out = append(out,
			metric.Metric{Name: x.Name + "_sum", Labels: x.Labels, Value: x.Value},
			metric.Metric{Name: x.Name + "_count", Labels: x.Labels, Value: float64(x.Observations)})
	}
	return out
}
