package gcp

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/api/monitoring/v3"
)

// aggregation is how points become fewer: each series on its own, and then
// several to one.
// https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies#Aggregation
type aggregation struct {
	period           time.Duration
	aligner, reducer string
	groupBy          []string
	kind, value      string // of what comes out
}

// The aligners and reducers that are served here.
const (
	alignNone  = "ALIGN_NONE"
	alignMean  = "ALIGN_MEAN"
	alignRate  = "ALIGN_RATE"
	alignDelta = "ALIGN_DELTA"
	alignMax   = "ALIGN_MAX"
	reduceNone = "REDUCE_NONE"
	reduceMean = "REDUCE_MEAN"
	reduceSum  = "REDUCE_SUM"
	reduceMax  = "REDUCE_MAX"
)

func parseAggregation(q url.Values, m metric) (*aggregation, error) {
	a := &aggregation{
		aligner: q.Get("aggregation.perSeriesAligner"), reducer: q.Get("aggregation.crossSeriesReducer"),
		groupBy: q["aggregation.groupByFields"], kind: m.kind, value: m.value,
	}
	if a.aligner == "" {
		a.aligner = alignNone
	}
	if a.reducer == "" {
		a.reducer = reduceNone
	}
	if !slices.Contains([]string{alignNone, alignMean, alignRate, alignDelta, alignMax}, a.aligner) {
		return nil, invalidArgument("the skysail sandbox has no aligner %s", a.aligner)
	}
	if !slices.Contains([]string{reduceNone, reduceMean, reduceSum, reduceMax}, a.reducer) {
		return nil, invalidArgument("the skysail sandbox has no reducer %s", a.reducer)
	}
	for _, f := range a.groupBy {
		if _, ok := labelOf(series{}, nil, f); !ok || strings.HasPrefix(f, "metadata.") {
			return nil, invalidArgument("the skysail sandbox can not group by %s", f)
		}
	}
	if text := q.Get("aggregation.alignmentPeriod"); text != "" {
		seconds, err := strconv.ParseFloat(strings.TrimSuffix(text, "s"), 64)
		if err != nil || seconds < 60 || !strings.HasSuffix(text, "s") {
			return nil, invalidArgument("Field aggregation.alignmentPeriod had an invalid value of \"%s\": The alignment period must be at least 60 seconds.", text)
		}
		a.period = time.Duration(seconds * float64(time.Second))
	}
	switch {
	case a.aligner != alignNone && a.period == 0:
		return nil, invalidArgument("Field aggregation.alignmentPeriod had an invalid value: an aligner needs a period.")
	case a.aligner == alignNone && a.reducer != reduceNone:
		return nil, invalidArgument("Field aggregation.perSeriesAligner had an invalid value of \"ALIGN_NONE\": a reducer needs an aligner.")
	case (a.aligner == alignRate || a.aligner == alignDelta) && m.kind == "GAUGE":
		return nil, invalidArgument("Field aggregation.perSeriesAligner had an invalid value of \"%s\": The aligner cannot be applied to metrics with kind GAUGE and value type %s.", a.aligner, m.value)
	}
	if a.aligner == alignMean || a.aligner == alignRate {
		a.value = "DOUBLE"
	}
	if a.aligner != alignNone && a.aligner != alignDelta {
		a.kind = "GAUGE"
	}
	return a, nil
}

// align makes one point of all that lie in a period. Periods are counted back
// from the end.
func (a *aggregation) align(s series, end time.Time) series {
	if a.aligner == alignNone {
		return s
	}
	by := map[int][]point{}
	last := -1
	for _, p := range s.points {
		n := int(end.Sub(p.to) / a.period)
		by[n] = append(by[n], p)
		last = max(last, n)
	}
	s.points = nil
	for n := last; n >= 0; n-- {
		if ps := by[n]; len(ps) > 0 {
			to := end.Add(-time.Duration(n) * a.period)
			s.points = append(s.points, point{from: to.Add(-a.period), to: to, value: a.one(ps)})
		}
	}
	return s
}

func (a *aggregation) one(ps []point) float64 {
	sum, most, seconds := 0.0, ps[0].value, 0.0
	for _, p := range ps {
		sum, most, seconds = sum+p.value, max(most, p.value), seconds+p.to.Sub(p.from).Seconds()
	}
	switch a.aligner {
	case alignMean:
		return sum / float64(len(ps))
	case alignRate:
		return sum / seconds
	case alignMax:
		return most
	default:
		return sum
	}
}

// reduce makes one series of all that have the same values in the fields to
// group by. Only those fields are left of their labels.
func (a *aggregation) reduce(all []series) []series {
	if a.reducer == reduceNone {
		return all
	}
	groups := map[string][]series{}
	var order []string
	for _, s := range all {
		var key []string
		for _, f := range a.groupBy {
			v, _ := labelOf(s, nil, f)
			key = append(key, v)
		}
		k := strings.Join(key, "\x00")
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], s)
	}
	var out []series
	for _, k := range order {
		out = append(out, a.together(groups[k]))
	}
	return out
}

func (a *aggregation) together(group []series) series {
	one := series{resource: map[string]string{"project_id": Project}, metric: map[string]string{}}
	for _, f := range a.groupBy {
		v, _ := labelOf(group[0], nil, f)
		if into := one.metric; strings.HasPrefix(f, "metric.") {
			into[f[strings.LastIndex(f, ".")+1:]] = v
			continue
		}
		one.resource[f[strings.LastIndex(f, ".")+1:]] = v
	}
	at := map[time.Time][]point{}
	for _, s := range group {
		for _, p := range s.points {
			at[p.to] = append(at[p.to], p)
		}
	}
	for _, ps := range at {
		p := point{from: ps[0].from, to: ps[0].to, value: ps[0].value}
		for _, other := range ps[1:] {
			if a.reducer == reduceMax {
				p.value = max(p.value, other.value)
			} else {
				p.value += other.value
			}
		}
		if a.reducer == reduceMean {
			p.value /= float64(len(ps))
		}
		one.points = append(one.points, p)
	}
	slices.SortFunc(one.points, func(x, y point) int { return x.to.Compare(y.to) })
	return one
}

// view is a series as the API has it: the newest point first.
func (a *aggregation) view(kind string, s series) *monitoring.TimeSeries {
	out := &monitoring.TimeSeries{
		Metric:   &monitoring.Metric{Type: kind, Labels: s.metric},
		Resource: &monitoring.MonitoredResource{Type: "gce_instance", Labels: s.resource},
		// The unit is told once, for all of the answer.
		MetricKind: a.kind, ValueType: a.value,
	}
	for _, p := range slices.Backward(s.points) {
		v := &monitoring.TypedValue{DoubleValue: &p.value}
		if a.value == "INT64" {
			n := int64(p.value)
			v = &monitoring.TypedValue{Int64Value: &n}
		}
		from := p.from
		if a.kind == "GAUGE" {
			from = p.to // a moment
		}
		out.Points = append(out.Points, &monitoring.Point{
			Interval: &monitoring.TimeInterval{StartTime: from.UTC().Format(time.RFC3339Nano), EndTime: p.to.UTC().Format(time.RFC3339Nano)},
			Value:    v,
		})
	}
	return out
}
