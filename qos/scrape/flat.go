package scrape

import (
	"math"
	"strconv"

	dto "github.com/prometheus/client_model/go"

	"skysail/qos/metric"
)

// Flat are the families as single series, named as Prometheus names those of
// histograms and summaries. What is no number is left out: a summary without
// observations has such.
func Flat(families []*dto.MetricFamily) []metric.Metric {
	var out []metric.Metric
	for _, f := range families {
		for _, m := range f.Metric {
			labels := make(map[string]string, len(m.Label))
			for _, l := range m.Label {
				labels[l.GetName()] = l.GetValue()
			}
			add := func(suffix string, value float64, label, text string) {
				if math.IsNaN(value) || math.IsInf(value, 0) {
					return
				}
				x := metric.Metric{Name: f.GetName() + suffix, Labels: labels, Value: value}
				if label != "" {
					x.Labels = make(map[string]string, len(labels)+1)
					for k, v := range labels {
						x.Labels[k] = v
					}
					x.Labels[label] = text
				}
				out = append(out, x)
			}
			flat(m, add)
		}
	}
	return out
}

func flat(m *dto.Metric, add func(suffix string, value float64, label, text string)) {
	switch {
	case m.Counter != nil:
		add("", m.Counter.GetValue(), "", "")
	case m.Gauge != nil:
		add("", m.Gauge.GetValue(), "", "")
	case m.Untyped != nil:
		add("", m.Untyped.GetValue(), "", "")
	case m.Summary != nil:
		for _, q := range m.Summary.Quantile {
			add("", q.GetValue(), "quantile", number(q.GetQuantile()))
		}
		add("_sum", m.Summary.GetSampleSum(), "", "")
		add("_count", float64(m.Summary.GetSampleCount()), "", "")
	case m.Histogram != nil:
		for _, b := range m.Histogram.Bucket {
			add("_bucket", float64(b.GetCumulativeCount()), "le", number(b.GetUpperBound()))
		}
		add("_sum", m.Histogram.GetSampleSum(), "", "")
		add("_count", float64(m.Histogram.GetSampleCount()), "", "")
	}
}

func number(v float64) string {
	if math.IsInf(v, 1) {
		return "+Inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}
